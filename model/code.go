package model

import "strconv"

// Code is the result of an LwM2M operation: a CoAP response code (RFC 7252
// §5.9, Transport 1.1.1 §6.3), such as 2.05 Content. A Code is an error, so that
// a callback can return one, alone or wrapped, to choose the answer.
type Code uint8

// The response codes of LwM2M.
const (
	Created                  Code = 2<<5 | 1
	Deleted                  Code = 2<<5 | 2
	Valid                    Code = 2<<5 | 3
	Changed                  Code = 2<<5 | 4
	Content                  Code = 2<<5 | 5
	Continue                 Code = 2<<5 | 31
	BadRequest               Code = 4 << 5
	Unauthorized             Code = 4<<5 | 1
	BadOption                Code = 4<<5 | 2
	Forbidden                Code = 4<<5 | 3
	NotFound                 Code = 4<<5 | 4
	MethodNotAllowed         Code = 4<<5 | 5
	NotAcceptable            Code = 4<<5 | 6
	RequestEntityIncomplete  Code = 4<<5 | 8
	Conflict                 Code = 4<<5 | 9
	PreconditionFailed       Code = 4<<5 | 12
	RequestEntityTooLarge    Code = 4<<5 | 13
	UnsupportedContentFormat Code = 4<<5 | 15
	TooManyRequests          Code = 4<<5 | 29
	InternalServerError      Code = 5 << 5
	NotImplemented           Code = 5<<5 | 1
	ServiceUnavailable       Code = 5<<5 | 3
)

var codeNames = map[Code]string{
	Created: "Created", Deleted: "Deleted", Valid: "Valid", Changed: "Changed", Content: "Content", Continue: "Continue",
	BadRequest: "Bad Request", Unauthorized: "Unauthorized", BadOption: "Bad Option", Forbidden: "Forbidden",
	NotFound: "Not Found", MethodNotAllowed: "Method Not Allowed", NotAcceptable: "Not Acceptable",
	RequestEntityIncomplete: "Request Entity Incomplete", Conflict: "Conflict",
	PreconditionFailed: "Precondition Failed", RequestEntityTooLarge: "Request Entity Too Large",
	UnsupportedContentFormat: "Unsupported Content-Format", TooManyRequests: "Too Many Requests",
	InternalServerError: "Internal Server Error", NotImplemented: "Not Implemented",
	ServiceUnavailable: "Service Unavailable",
}

// String is the code with its name, such as "4.04 Not Found".
func (c Code) String() string {
	s := strconv.Itoa(int(c>>5)) + "."
	if c&31 < 10 {
		s += "0"
	}
	s += strconv.Itoa(int(c & 31))
	if name := codeNames[c]; name != "" {
		s += " " + name
	}
	return s
}

// Error is [Code.String].
func (c Code) Error() string { return c.String() }

// IsSuccess reports whether the code is of class 2.
func (c Code) IsSuccess() bool { return c>>5 == 2 }

// Error is the refusal of an operation: its code, the place, and the reason,
// which travels as the diagnostic payload (RFC 7252 §5.5.2). errors.Is finds
// both the Code and the cause.
type Error struct {
	Code   Code
	Path   Path
	Reason string // for people; may be empty
	Err    error  // the cause; may be nil
}

// Error is the code, the path and the reason in one line.
func (e *Error) Error() string {
	s := e.Code.String()
	if !e.Path.IsRoot() {
		s += ": " + e.Path.String()
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the Code and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Err}
}

// Diagnostic is the text for the other side: path and reason, without the code.
func (e *Error) Diagnostic() string {
	s := e.Reason
	if s == "" && e.Err != nil {
		s = e.Err.Error()
	}
	switch {
	case e.Path.IsRoot():
		return s
	case s == "":
		return e.Path.String()
	}
	return e.Path.String() + ": " + s
}
