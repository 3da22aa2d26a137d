package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// FuzzDecodeFile takes anything; what it takes as good, it has written itself.
func FuzzDecodeFile(f *testing.F) {
	good, err := encodeFile("key", 7, []byte("data"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte(magic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		serial, data, err := decodeFile("key", raw)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Errorf("error %v", err)
			}
			return
		}
		if again, err := encodeFile("key", serial, data); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%x is written as %x, %v", raw, again, err)
		}
	})
}

func TestFileNames(t *testing.T) {
	names := map[string]string{}
	for _, key := range []string{"", "a", "A", "aux", "a/b", "a b", "..", ".hidden", "thermo-1/accounts", "urn:imei:123/accounts",
		strings.Repeat("x", 300), strings.Repeat("x", 301), "\x00", "ä"} {
		name := fileName(key)
		if strings.ContainsAny(name, "/\\:*?\"<>| \x00") || strings.HasPrefix(name, ".") || len(name) > 120 || strings.ToLower(name) != name {
			t.Errorf("the files of %q are %q", key, name)
		}
		if other, ok := names[name]; ok {
			t.Errorf("%q and %q have the same files", key, other)
		}
		names[name] = key
		for _, slot := range slots {
			if !isOurs(name+slot) || !isOurs(name+slot+temporary) {
				t.Errorf("%q is not ours", name+slot)
			}
		}
	}
	for _, name := range []string{lockName, "notes.a", "notes-1.a", "x-0123456789abcdef", "x-0123456789abcdeg.a", ".a", ""} {
		if isOurs(name) {
			t.Errorf("%q is ours", name)
		}
	}
	if got := fileName("urn:imei:123/accounts"); !strings.HasPrefix(got, "urn-imei-123-accounts-") {
		t.Errorf("%q cannot be recognised", got)
	}
}

func TestTooLarge(t *testing.T) {
	if _, err := encodeFile(strings.Repeat("x", 1<<16), 1, nil); err == nil {
		t.Error("a key of 64 KiB fits")
	}
}
