package coap

import "encoding/binary"

const (
	version       = 1
	headerLength  = 4
	payloadMarker = 0xff
)

// Message is one CoAP message over a datagram transport (RFC 7252 §3).
type Message struct {
	Type      Type
	Code      Code
	MessageID uint16
	Token     Token
	Options   Options
	Payload   []byte
}

// Parse reads the datagram b. Option values and the payload are views into b;
// the room of m.Options is reused, so that a warm Message costs no allocation.
// A datagram that is not a CoAP message gives a [*FormatError], which also
// says whether the sender should get a Reset; m is then unspecified.
//
// Parse checks the format only. What options mean, whether they are known and
// how long they may be is for [Options.Check].
func (m *Message) Parse(b []byte) error {
	m.Token, m.Options, m.Payload = Token{}, m.Options[:0], nil
	if len(b) < headerLength {
		return &FormatError{Reason: "shorter than the 4-byte header"}
	}
	if b[0]>>6 != version {
		return &FormatError{Reason: "version is not 1"}
	}
	m.Type, m.Code, m.MessageID = Type(b[0]>>4&3), Code(b[1]), binary.BigEndian.Uint16(b[2:])
	if reason := m.parseBody(int(b[0]&15), b[headerLength:]); reason != "" {
		return &FormatError{Reason: reason, HasHeader: true, Type: m.Type, MessageID: m.MessageID}
	}
	return nil
}

// parseBody reads what follows the header and returns what is wrong with it.
func (m *Message) parseBody(tokenLength int, b []byte) (reason string) {
	switch {
	case tokenLength > MaxTokenLength:
		return "token length over 8"
	case m.Code == Empty && (tokenLength > 0 || len(b) > 0):
		return "bytes after the header of an empty message"
	case m.Code.reserved():
		return "reserved code class"
	case m.Type == Reset && m.Code != Empty:
		return "reset message that is not empty"
	case len(b) < tokenLength:
		return "token cut short"
	}
	m.Token = MakeToken(b[:tokenLength])
	return m.parseOptions(b[tokenLength:])
}

func (m *Message) parseOptions(b []byte) (reason string) {
	number := 0
	for len(b) > 0 {
		if b[0] == payloadMarker {
			if len(b) == 1 {
				return "payload marker without payload"
			}
			m.Payload = b[1:]
			return ""
		}
		delta, length := int(b[0]>>4), int(b[0]&15)
		b = b[1:]
		if delta, b, reason = extend(delta, b); reason != "" {
			return reason
		}
		if length, b, reason = extend(length, b); reason != "" {
			return reason
		}
		if number += delta; number > 0xffff {
			return "option number over 65535"
		}
		if len(b) < length {
			return "option value cut short"
		}
		m.Options = append(m.Options, Option{OptionID(number), b[:length:length]})
		b = b[length:]
	}
	return ""
}

// extend reads the extended form of an option delta or length (RFC 7252 §3.1).
func extend(nibble int, b []byte) (value int, rest []byte, reason string) {
	switch nibble {
	case 13:
		if len(b) < 1 {
			return 0, nil, "option header cut short"
		}
		return int(b[0]) + 13, b[1:], ""
	case 14:
		if len(b) < 2 {
			return 0, nil, "option header cut short"
		}
		return int(binary.BigEndian.Uint16(b)) + 269, b[2:], ""
	case 15:
		return 0, nil, "option delta or length nibble 15"
	}
	return nibble, b, ""
}

// maxOptionLength is the longest value that the option header can express.
const maxOptionLength = 0xffff + 269

// Append appends the encoded message to dst. The options must be in ascending
// order, as [Options.Add] keeps them. Errors wrap [ErrEncode]: options out of
// order, a value over 65804 bytes, a type over 3, a reserved code class, an
// empty message with content, a Reset that is not empty.
func (m *Message) Append(dst []byte) ([]byte, error) {
	if err := m.validate(); err != nil {
		return dst, err
	}
	dst = append(dst, version<<6|byte(m.Type)<<4|m.Token.size, byte(m.Code), byte(m.MessageID>>8), byte(m.MessageID))
	dst = m.Token.Append(dst)
	number := OptionID(0)
	for i := range m.Options {
		opt := &m.Options[i]
		dst = appendOption(dst, int(opt.ID-number), opt.Value)
		number = opt.ID
	}
	if len(m.Payload) > 0 {
		dst = append(dst, payloadMarker)
		dst = append(dst, m.Payload...)
	}
	return dst, nil
}

func (m *Message) validate() error {
	switch {
	case m.Type > Reset:
		return &EncodeError{"message type over 3"}
	case m.Code.reserved():
		return &EncodeError{"code class " + m.Code.String() + " is reserved"}
	case m.Code == Empty && (m.Token.size > 0 || len(m.Options) > 0 || len(m.Payload) > 0):
		return &EncodeError{"empty message with token, options or payload"}
	case m.Type == Reset && m.Code != Empty:
		return &EncodeError{"reset message that is not empty"}
	}
	for i := range m.Options {
		if i > 0 && m.Options[i].ID < m.Options[i-1].ID {
			return &EncodeError{"option " + m.Options[i].ID.String() + " out of order"}
		}
		if len(m.Options[i].Value) > maxOptionLength {
			return &EncodeError{"value of option " + m.Options[i].ID.String() + " over 65804 bytes"}
		}
	}
	return nil
}

func appendOption(dst []byte, delta int, value []byte) []byte {
	head := len(dst)
	dst = append(dst, 0)
	d, dst := appendExtended(dst, delta)
	l, dst := appendExtended(dst, len(value))
	dst[head] = d<<4 | l
	return append(dst, value...)
}

func appendExtended(dst []byte, v int) (nibble byte, out []byte) {
	switch {
	case v < 13:
		return byte(v), dst
	case v < 269:
		return 13, append(dst, byte(v-13))
	}
	return 14, binary.BigEndian.AppendUint16(dst, uint16(v-269))
}

// overhead returns an upper bound of the encoded length without the payload's
// bytes, used to choose a block size that fits a datagram.
func (m *Message) overhead() int {
	n := headerLength + int(m.Token.size) + 1
	for i := range m.Options {
		n += 5 + len(m.Options[i].Value)
	}
	return n
}
