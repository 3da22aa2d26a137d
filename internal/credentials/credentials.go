// Package credentials reads the keys and certificates of a security account in
// the forms people have them in, and decides whether a server's certificate is
// the one an account names.
//
// Each reading function says what it recognised, and an error says what is
// wrong and what to do. Neither ever repeats a secret: of a key that cannot be
// read only its length is told.
//
//	text        what is recognised
//	hex:…       hexadecimal digits; spaces, colons and dashes are ignored
//	base64:…    base64, standard or URL alphabet, with or without padding
//	text:…      the bytes of the text itself
//	file:…      the content of a file, in any of the forms below
//	0123abcd…   hexadecimal digits, an even number of them
//	c2VjcmV0…   base64 of at least 16 bytes
//	-----BEGIN  PEM: certificates, PKCS#8, SEC 1 and PKCS#1 keys, in any order
//	binary      DER
package credentials

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// Limits of Core 1.1.1 §E.1, Resources /0/x/3 and /0/x/5.
const (
	MaxIdentity = 128 // bytes of a PSK identity
	MaxKey      = 64  // bytes of a pre-shared key
)

// Errors of this package, for errors.Is.
var (
	// ErrFormat says that a key or certificate is in no form that is known.
	ErrFormat = errors.New("credentials: not recognised")
	// ErrInvalid says that a key or certificate was recognised and cannot be
	// used: too long, for another key, of an unknown algorithm.
	ErrInvalid = errors.New("credentials: not usable")
	// ErrRawPublicKey says that an account asks for raw public keys.
	ErrRawPublicKey = errors.New("raw public keys (RFC 7250) are not supported by the DTLS library: " +
		"use a pre-shared key or certificates")
)

// maxFile bounds what is read from a file: a chain of many certificates has
// room.
const maxFile = 1 << 20

// shortestBase64 is the smallest key that is taken for base64 without being told:
// shorter words of plain text look like base64 as well.
const shortestBase64 = 16

// Key reads a pre-shared key from text. It must have 1 to MaxKey bytes.
func Key(text string) (key []byte, found string, err error) {
	key, found, err = decode(text)
	if err != nil {
		return nil, "", fmt.Errorf("pre-shared key: %w", err)
	}
	if err := CheckKey(key); err != nil {
		return nil, "", fmt.Errorf("%w (read as %s)", err, found)
	}
	return key, fmt.Sprintf("key of %d bytes from %s", len(key), found), nil
}

// CheckKey refuses pre-shared keys of no or more than MaxKey bytes.
func CheckKey(key []byte) error {
	switch {
	case len(key) == 0:
		return fmt.Errorf("%w: the pre-shared key is empty", ErrInvalid)
	case len(key) > MaxKey:
		return fmt.Errorf("%w: the pre-shared key has %d bytes, more than %d", ErrInvalid, len(key), MaxKey)
	}
	return nil
}

// CheckIdentity refuses PSK identities that are empty, longer than MaxIdentity
// or not UTF-8 (RFC 4279 §5.1).
func CheckIdentity(identity []byte) error {
	switch {
	case len(identity) == 0:
		return fmt.Errorf("%w: the PSK identity is empty", ErrInvalid)
	case len(identity) > MaxIdentity:
		return fmt.Errorf("%w: the PSK identity has %d bytes, more than %d", ErrInvalid, len(identity), MaxIdentity)
	case !utf8.Valid(identity):
		return fmt.Errorf("%w: the PSK identity is not UTF-8 text", ErrInvalid)
	}
	return nil
}

// Bytes reads what stands in one of the textual forms of the package comment, or
// in a file, and gives PEM and DER as they are: they are for Certificates and
// PrivateKey to understand.
func Bytes(text string) (data []byte, found string, err error) {
	if isPEM([]byte(text)) {
		return []byte(text), "PEM", nil
	}
	return decode(text)
}

// decode reads text with or without a prefix.
func decode(text string) (data []byte, found string, err error) {
	text = strings.TrimSpace(text)
	form, rest, prefixed := strings.Cut(text, ":")
	if prefixed {
		switch strings.ToLower(form) {
		case "hex":
			data, err = decodeHex(rest)
			return data, "hex", err
		case "base64":
			data, err = decodeBase64(rest)
			return data, "base64", err
		case "text":
			return []byte(rest), "text", nil
		case "file":
			return readFile(rest)
		}
	}
	return guess(text)
}

// guess recognises hex and base64 by their looks.
func guess(text string) ([]byte, string, error) {
	if data, err := decodeHex(text); err == nil && len(data) > 0 {
		return data, "hex", nil
	}
	if data, err := decodeBase64(text); err == nil && len(data) >= shortestBase64 {
		return data, "base64", nil
	}
	if text == "" {
		return nil, "", fmt.Errorf("%w: it is empty", ErrFormat)
	}
	return nil, "", fmt.Errorf("%w: %d characters that are neither an even number of hexadecimal digits nor base64 of "+
		"at least %d bytes; a prefix hex:, base64:, text: or file: says which it is", ErrFormat, len(text), shortestBase64)
}

// decodeHex ignores the separators that tools print between the digits.
func decodeHex(text string) ([]byte, error) {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n:-", r) {
			return -1
		}
		return r
	}, text)
	data, err := hex.DecodeString(digits)
	switch {
	case errors.Is(err, hex.ErrLength):
		return nil, fmt.Errorf("%w: an odd number of hexadecimal digits (%d)", ErrFormat, len(digits))
	case err != nil: // the error itself would show a character of the key
		return nil, fmt.Errorf("%w: there is something else than hexadecimal digits", ErrFormat)
	}
	return data, nil
}

func decodeBase64(text string) ([]byte, error) {
	text = strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	data, err := encoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not base64", ErrFormat)
	}
	return data, nil
}

// readFile reads a file. Text in it may have any of the forms but file: itself.
func readFile(name string) ([]byte, string, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("%w: %w", ErrFormat, err)
	case info.Size() > maxFile:
		return nil, "", fmt.Errorf("%w: %s has %d bytes, more than %d", ErrFormat, name, info.Size(), maxFile)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return fileContent(name, data)
}

func fileContent(name string, data []byte) ([]byte, string, error) {
	if isPEM(data) {
		return data, "PEM in " + name, nil
	}
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "file:") {
		return nil, "", fmt.Errorf("%w: %s names another file", ErrFormat, name)
	}
	if printable(text) {
		decoded, found, err := decode(text)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", name, err)
		}
		return decoded, found + " in " + name, nil
	}
	return data, "binary in " + name, nil
}

func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return r == utf8.RuneError || r < ' ' && !strings.ContainsRune("\t\r\n", r) || r > '~'
	}) < 0
}
