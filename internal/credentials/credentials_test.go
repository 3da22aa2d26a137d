package credentials

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestKey(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	const key = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
	for text, c := range map[string]struct{ key, found string }{
		"000102030405060708090a0b0c0d0e0f":                {key, "key of 16 bytes from hex"},
		"000102030405060708090A0B0C0D0E0F\n":              {key, "key of 16 bytes from hex"},
		"00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f": {key, "key of 16 bytes from hex"},
		"00010203 04050607 08090a0b 0c0d0e0f":             {key, "key of 16 bytes from hex"},
		"hex:0001":                                        {key[:2], "key of 2 bytes from hex"},
		"HEX:0001":                                        {key[:2], "key of 2 bytes from hex"},
		"AAECAwQFBgcICQoLDA0ODw==":                        {key, "key of 16 bytes from base64"},
		"AAECAwQFBgcICQoLDA0ODw":                          {key, "key of 16 bytes from base64"},
		"base64:AAEC":                                     {key[:3], "key of 3 bytes from base64"},
		"base64:_-8=":                                     {"\xff\xef", "key of 2 bytes from base64"},
		"text:secretPSK":                                  {"secretPSK", "key of 9 bytes from text"},
		"text:0102":                                       {"0102", "key of 4 bytes from text"},
		file("hex", "000102030405060708090a0b0c0d0e0f\n"): {key, "key of 16 bytes from hex in " + dir + "/hex"},
		file("base64", "base64:AAEC\n"):                   {key[:3], "key of 3 bytes from base64 in " + dir + "/base64"},
		file("binary", key):                               {key, "key of 16 bytes from binary in " + dir + "/binary"},
		file("text", "text:a b"):                          {"a b", "key of 3 bytes from text in " + dir + "/text"},
	} {
		got, found, err := Key(text)
		if err != nil || string(got) != c.key || found != c.found {
			t.Errorf("Key(%q) is %x, %q, %v; want %x, %q", text, got, found, err, c.key, c.found)
		}
	}
}

func TestKeyRefused(t *testing.T) {
	dir := t.TempDir()
	again := filepath.Join(dir, "again")
	if err := os.WriteFile(again, []byte("file:"+again), 0o600); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, c := range map[string]struct {
		err  error
		says string
	}{
		"":                                {ErrFormat, "empty"},
		"hex:":                            {ErrInvalid, "empty"},
		"secretPSK":                       {ErrFormat, "text:"},
		"secret99":                        {ErrFormat, "text:"}, // base64 of 6 bytes, by its looks
		"hex:012":                         {ErrFormat, "odd number"},
		"hex:0g":                          {ErrFormat, "something else"},
		"base64:###":                      {ErrFormat, "not base64"},
		"hex:" + strings.Repeat("00", 65): {ErrInvalid, "65 bytes, more than 64"},
		"file:" + dir + "/nothing":        {os.ErrNotExist, "nothing"},
		"file:" + again:                   {ErrFormat, "names another file"},
		"file:" + huge:                    {ErrFormat, "more than"},
	} {
		_, _, err := Key(text)
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Key(%q): %v", text, err)
		}
	}
}

// TestNoSecretInErrors gives broken keys of any kind: no error repeats them.
func TestNoSecretInErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[a-zA-Z0-9+/#]{12,40}`).Draw(t, "secret")
		prefix := rapid.SampledFrom([]string{"", "hex:", "base64:"}).Draw(t, "prefix")
		_, found, err := Key(prefix + secret)
		text := found
		if err != nil {
			text += err.Error()
		}
		for i := range len(secret) - 5 {
			if strings.Contains(text, secret[i:i+6]) {
				t.Fatalf("%q is repeated in %q", secret, text)
			}
		}
	})
}

func TestKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, MaxKey).Draw(t, "key")
		texts := []string{hex.EncodeToString(key), "hex:" + hex.EncodeToString(key),
			"base64:" + base64.StdEncoding.EncodeToString(key), "base64:" + base64.RawURLEncoding.EncodeToString(key)}
		for _, text := range texts {
			if got, _, err := Key(text); err != nil || string(got) != string(key) {
				t.Fatalf("Key(%q) is %x, %v; want %x", text, got, err, key)
			}
		}
	})
}

func TestCheckIdentity(t *testing.T) {
	for identity, ok := range map[string]bool{
		"thermo-1": true, "Gerät": true, "": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false, "\xff": false,
	} {
		if err := CheckIdentity([]byte(identity)); (err == nil) != ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("CheckIdentity(%q): %v", identity, err)
		}
	}
}

func FuzzKey(f *testing.F) {
	for _, text := range []string{"", "hex:00", "base64:AAEC", "text:x", "0001", "file:", "AAECAwQFBgcICQoLDA0ODw=="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "file:") {
			return
		}
		key, found, err := Key(text)
		if err == nil && (len(key) == 0 || len(key) > MaxKey || !utf8.ValidString(found)) {
			t.Errorf("Key(%q) is %x, %q", text, key, found)
		}
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrInvalid) {
			t.Errorf("Key(%q): %v", text, err)
		}
	})
}
