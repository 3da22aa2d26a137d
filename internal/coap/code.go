package coap

import "strconv"

// Type is the message type of RFC 7252 §3.
type Type uint8

// The four message types.
const (
	Confirmable     Type = 0 // CON: must be acknowledged or reset
	NonConfirmable  Type = 1 // NON: sent once
	Acknowledgement Type = 2 // ACK: empty, or carrying a piggybacked response
	Reset           Type = 3 // RST: the message could not be processed
)

// String returns CON, NON, ACK or RST.
func (t Type) String() string {
	switch t {
	case Confirmable:
		return "CON"
	case NonConfirmable:
		return "NON"
	case Acknowledgement:
		return "ACK"
	case Reset:
		return "RST"
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// Code is a request method or a response code: three bits of class, five bits
// of detail (RFC 7252 §3).
type Code uint8

// Empty is the code of a message that is neither request nor response.
const Empty Code = 0

// Methods (RFC 7252 §5.8, RFC 8132).
const (
	GET    Code = 1
	POST   Code = 2
	PUT    Code = 3
	DELETE Code = 4
	FETCH  Code = 5
	PATCH  Code = 6
	IPATCH Code = 7
)

// Response codes of the IANA registry.
const (
	Created  Code = 2<<5 | 1  // 2.01
	Deleted  Code = 2<<5 | 2  // 2.02
	Valid    Code = 2<<5 | 3  // 2.03
	Changed  Code = 2<<5 | 4  // 2.04
	Content  Code = 2<<5 | 5  // 2.05
	Continue Code = 2<<5 | 31 // 2.31, RFC 7959

	BadRequest               Code = 4 << 5    // 4.00
	Unauthorized             Code = 4<<5 | 1  // 4.01
	BadOption                Code = 4<<5 | 2  // 4.02
	Forbidden                Code = 4<<5 | 3  // 4.03
	NotFound                 Code = 4<<5 | 4  // 4.04
	MethodNotAllowed         Code = 4<<5 | 5  // 4.05
	NotAcceptable            Code = 4<<5 | 6  // 4.06
	RequestEntityIncomplete  Code = 4<<5 | 8  // 4.08, RFC 7959
	Conflict                 Code = 4<<5 | 9  // 4.09, RFC 8132
	PreconditionFailed       Code = 4<<5 | 12 // 4.12
	RequestEntityTooLarge    Code = 4<<5 | 13 // 4.13
	UnsupportedContentFormat Code = 4<<5 | 15 // 4.15
	UnprocessableEntity      Code = 4<<5 | 22 // 4.22, RFC 8132
	TooManyRequests          Code = 4<<5 | 29 // 4.29, RFC 8516

	InternalServerError  Code = 5 << 5   // 5.00
	NotImplemented       Code = 5<<5 | 1 // 5.01
	BadGateway           Code = 5<<5 | 2 // 5.02
	ServiceUnavailable   Code = 5<<5 | 3 // 5.03
	GatewayTimeout       Code = 5<<5 | 4 // 5.04
	ProxyingNotSupported Code = 5<<5 | 5 // 5.05
	HopLimitReached      Code = 5<<5 | 8 // 5.08, RFC 8768
)

// Class returns the part before the dot, 0 to 7.
func (c Code) Class() uint8 { return uint8(c >> 5) }

// Detail returns the part after the dot, 0 to 31.
func (c Code) Detail() uint8 { return uint8(c & 31) }

// IsRequest reports whether c is of the method class, known or not.
func (c Code) IsRequest() bool { return c != Empty && c.Class() == 0 }

// IsMethod reports whether c is a method defined by RFC 7252 or RFC 8132.
func (c Code) IsMethod() bool { return c >= GET && c <= IPATCH }

// IsResponse reports whether c is of a response class: 2 to 5.
func (c Code) IsResponse() bool { return c.Class() >= 2 && c.Class() <= 5 }

// IsSuccess reports whether c is a 2.xx code.
func (c Code) IsSuccess() bool { return c.Class() == 2 }

// reserved reports whether the class is one that RFC 7252 §4.2 tells a
// recipient to reject.
func (c Code) reserved() bool { return c.Class() == 1 || c.Class() >= 6 }

// String returns the method's name ("GET", "iPATCH"), "2.05" for a response,
// "Empty" for 0.00 and "0.12" for an unknown method.
func (c Code) String() string {
	if name := c.method(); name != "" {
		return name
	}
	d := c.Detail()
	return string([]byte{'0' + c.Class(), '.', '0' + d/10, '0' + d%10})
}

func (c Code) method() string {
	switch c {
	case Empty:
		return "Empty"
	case GET:
		return "GET"
	case POST:
		return "POST"
	case PUT:
		return "PUT"
	case DELETE:
		return "DELETE"
	case FETCH:
		return "FETCH"
	case PATCH:
		return "PATCH"
	case IPATCH:
		return "iPATCH"
	}
	return ""
}

// Name returns the registry's words for c, such as "Content" or "Request
// Entity Incomplete", and "" for a code without a name.
func (c Code) Name() string {
	if c.Class() == 0 {
		return c.method()
	}
	return codeNames[c]
}

var codeNames = map[Code]string{
	Created: "Created", Deleted: "Deleted", Valid: "Valid", Changed: "Changed", Content: "Content", Continue: "Continue",
	BadRequest: "Bad Request", Unauthorized: "Unauthorized", BadOption: "Bad Option", Forbidden: "Forbidden",
	NotFound: "Not Found", MethodNotAllowed: "Method Not Allowed", NotAcceptable: "Not Acceptable",
	RequestEntityIncomplete: "Request Entity Incomplete", Conflict: "Conflict", PreconditionFailed: "Precondition Failed",
	RequestEntityTooLarge: "Request Entity Too Large", UnsupportedContentFormat: "Unsupported Content-Format",
	UnprocessableEntity: "Unprocessable Entity", TooManyRequests: "Too Many Requests",
	InternalServerError: "Internal Server Error", NotImplemented: "Not Implemented", BadGateway: "Bad Gateway",
	ServiceUnavailable: "Service Unavailable", GatewayTimeout: "Gateway Timeout",
	ProxyingNotSupported: "Proxying Not Supported", HopLimitReached: "Hop Limit Reached",
}
