package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
)

// A file is magic, version, serial number (8 bytes), length of the key (2), key, length of the data (4),
// data, and the SHA-256 of all that. Numbers are big-endian.
const (
	magic       = "LwM2M store\n"
	version     = 1
	headSize    = len(magic) + 1
	serialSize  = 8
	keyLenSize  = 2
	dataLenSize = 4
)

// errTooLarge is what encodeFile says of what does not fit.
var errTooLarge = errors.New("too large: at most 65535 bytes of key and 4 GiB of data can be kept")

func encodeFile(key string, serial uint64, data []byte) ([]byte, error) {
	if len(key) > math.MaxUint16 || uint64(len(data)) > math.MaxUint32 {
		return nil, errTooLarge
	}
	raw := make([]byte, 0, headSize+serialSize+keyLenSize+len(key)+dataLenSize+len(data)+sha256.Size)
	raw = append(append(raw, magic...), version)
	raw = binary.BigEndian.AppendUint64(raw, serial)
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(key)))
	raw = append(raw, key...)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(data)))
	raw = append(raw, data...)
	sum := sha256.Sum256(raw)
	return append(raw, sum[:]...), nil
}

// decodeFile reads what encodeFile wrote. The error is ErrVersion or ErrDamaged. data is part of raw.
func decodeFile(key string, raw []byte) (serial uint64, data []byte, err error) {
	damaged := func(what string) (uint64, []byte, error) { return 0, nil, fmt.Errorf("%w: %s", ErrDamaged, what) }
	if len(raw) < headSize || string(raw[:len(magic)]) != magic {
		return damaged("it does not begin as a file of a store does")
	}
	if v := raw[len(magic)]; v > version {
		return 0, nil, fmt.Errorf("%w: format %d; this one knows %d", ErrVersion, v, version)
	}
	end := len(raw) - sha256.Size
	if end < headSize+serialSize+keyLenSize+dataLenSize {
		return damaged("it is cut short")
	}
	if sum := sha256.Sum256(raw[:end]); !bytes.Equal(sum[:], raw[end:]) {
		return damaged("its checksum is wrong")
	}
	rest := raw[headSize:end]
	serial, rest = binary.BigEndian.Uint64(rest), rest[serialSize:]
	keyLen, rest := int(binary.BigEndian.Uint16(rest)), rest[keyLenSize:]
	if len(rest) < keyLen+dataLenSize {
		return damaged("its key is cut short")
	}
	if string(rest[:keyLen]) != key {
		return damaged(fmt.Sprintf("it is of the key %q", rest[:keyLen]))
	}
	rest = rest[keyLen:]
	dataLen, data := uint64(binary.BigEndian.Uint32(rest)), rest[dataLenSize:]
	if uint64(len(data)) != dataLen || serial == 0 {
		return damaged("its lengths do not fit")
	}
	return serial, data, nil
}

// maxReadable is how much of a key is readable in the name of its files.
const maxReadable = 80

// hashSize is how many bytes of the key's hash are in the name.
const hashSize = 8

// fileName is the name of a key's files without their ends: what is readable of the key, and a hash of it. It is
// good on every file system, whatever it thinks of upper case, of other characters, and of names such as "aux".
func fileName(key string) string {
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, key)
	if len(readable) > maxReadable {
		readable = readable[len(readable)-maxReadable:]
	}
	sum := sha256.Sum256([]byte(key))
	return strings.TrimLeft(readable, ".-") + "-" + hex.EncodeToString(sum[:hashSize])
}

// isOurs tells whether a file is one that fileName has named.
func isOurs(name string) bool {
	name = strings.TrimSuffix(name, temporary)
	for _, slot := range slots {
		base, ok := strings.CutSuffix(name, slot)
		if i := strings.LastIndexByte(base, '-'); ok && i >= 0 {
			sum, err := hex.DecodeString(base[i+1:])
			return err == nil && len(sum) == hashSize
		}
	}
	return false
}
