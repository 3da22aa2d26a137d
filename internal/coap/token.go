package coap

import "encoding/hex"

// MaxTokenLength is the longest token RFC 7252 allows, in bytes.
const MaxTokenLength = 8

// Token matches a response to its request (RFC 7252 §5.3.1): 0 to 8 bytes.
// It is comparable; the zero Token is the empty one.
type Token struct {
	data [MaxTokenLength]byte
	size uint8
}

// MakeToken returns the token with the bytes b. Bytes beyond the eighth are
// left out.
func MakeToken(b []byte) Token {
	var t Token
	t.size = uint8(copy(t.data[:], b))
	return t
}

// Len returns the token's length in bytes.
func (t Token) Len() int { return int(t.size) }

// Append appends the token's bytes to dst.
func (t Token) Append(dst []byte) []byte { return append(dst, t.data[:t.size]...) }

// String returns the token in hexadecimal.
func (t Token) String() string { return hex.EncodeToString(t.data[:t.size]) }
