package senml

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
)

// fuzz decodes and, if that succeeds, checks that writing what was read gives
// something that reads the same.
func fuzz(t *testing.T, s Syntax, payload []byte) (ok bool) {
	records, err := Decode(nil, s, payload)
	if err != nil {
		return false
	}
	w := NewWriter(nil, s, len(records))
	for i := range records {
		w.Write(&records[i])
	}
	once, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(nil, s, once)
	if err != nil {
		t.Fatalf("%q became %q: %v", payload, once, err)
	}
	if show(records) != show(again) {
		t.Fatalf("%s became %s", show(records), show(again))
	}
	return true
}

// FuzzJSON also holds the scanner against encoding/json: what it accepts is JSON.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`[{"bn":"/72/","bt":25462634,"n":"1/2","v":22.4,"t":-5},{"n":"1/2","v":22.9,"t":-30}]`))
	f.Add([]byte(`[{"n":"/0/1/5","vd":"AQIDBAU"},{"n":"/65/0/0/0","vlo":"66:0"},{"n":"/34/0/1/0","v":null,"x_":1}]`))
	f.Add([]byte(` [ {"vs":"\ud83d\ude00\n", "vb" : true , "x":[1e5,{"a":null}]} ]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if fuzz(t, JSON, payload) && !json.Valid(payload) {
			t.Fatalf("%q accepted, but is no JSON", payload)
		}
	})
}

// FuzzOMA10 does the same for the JSON of LwM2M 1.0.
func FuzzOMA10(f *testing.F) {
	f.Add([]byte(`{"bn":"/3/0/","e":[{"n":"0","sv":"Open Mobile Alliance"},{"n":"9","v":100}]}`))
	f.Add([]byte(`{"e":[{"n":"21","bv":true,"t":-5},{"n":"22","ov":"66:0"}],"bn":"/72/","bt":25462634}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if fuzz(t, OMA10, payload) && !json.Valid(payload) {
			t.Fatalf("%q accepted, but is no JSON", payload)
		}
	})
}

// FuzzCBOR also checks that what is accepted is one well-formed item.
func FuzzCBOR(f *testing.F) {
	for _, s := range []string{
		"84a321612f0065312f302f32021865a20065312f302f3604f5a20066332f302f31330200a10060",
		"83a521642f37322f221a0184876a0063312f3202fb40366666666666660624a30063312f3202fb4036e6666666666606381da30063312f3202fb403819999999999a063831",
		"81a321662f36352f302f0063302f3063766c6f6436363a30",
		"9fbf00622f3102f93c00ffff",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if !fuzz(t, CBOR, payload) {
			return
		}
		d := cbor.NewDecoder(payload)
		if err := d.Skip(); err != nil || d.Finish() != nil {
			t.Fatalf("%x accepted, but: %v", payload, err)
		}
	})
}
