package coap

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

func TestOptionsAdd(t *testing.T) {
	var o Options
	o.AddUint(Accept, 112)
	o.AddPath(UriPath, "/3/0/")
	o.AddQuery(UriQuery, "ep=a&lt=60")
	o.AddUint(Observe, 0)
	o.AddUint(MaxAge, 70000)
	got := ""
	for _, opt := range o {
		got += fmt.Sprintf("%d:%x ", opt.ID, opt.Value)
	}
	if want := "6: 11:33 11:30 11: 14:011170 15:65703d61 15:6c743d3630 17:70 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if o.Path(UriPath) != "/3/0/" || o.Path(LocationPath) != "/" {
		t.Errorf("paths %q %q", o.Path(UriPath), o.Path(LocationPath))
	}
	if n := len(slices.Collect(o.All(UriQuery))); n != 2 {
		t.Errorf("%d queries", n)
	}
	for range o.All(UriQuery) {
		break
	}
	o.Remove(UriPath)
	if o.Has(UriPath) || !o.Has(Observe) {
		t.Error("after Remove", o)
	}
}

func TestOptionsUint(t *testing.T) {
	for _, v := range []uint32{0, 1, 255, 256, 11541, 11542, 11543, 11544, 11545, 65535, 65536, 1<<24 - 1, 1 << 24, 1<<32 - 1} {
		var o Options
		o.AddUint(Size1, v)
		if got, ok := o.Uint(Size1); !ok || got != v {
			t.Errorf("%d: got %d", v, got)
		}
		if !bytes.Equal(o[0].Value, AppendUint(nil, v)) {
			t.Errorf("%d: %x", v, o[0].Value)
		}
	}
	o := Options{{Size1, []byte{0, 0, 0, 0, 1}}, {Size2, []byte{0, 0, 1}}}
	if _, ok := o.Uint(Size1); ok {
		t.Error("5 bytes accepted")
	}
	if v, ok := o.Uint(Size2); !ok || v != 1 {
		t.Error("leading zeros not accepted")
	}
}

func TestOptionsClone(t *testing.T) {
	value := []byte("abc")
	o := Options{{ETag, value}, {UriPath, nil}}
	clone := o.Clone()
	value[0] = 'x'
	if string(clone[0].Value) != "abc" || len(clone) != 2 || Options(nil).Clone() != nil {
		t.Errorf("clone %v", clone)
	}
}

func TestOptionsCheck(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 256)
	tests := []struct {
		name       string
		in         Options
		understood []OptionID
		want       string // what is left, or the rejected option
	}{
		{"known", Options{{IfMatch, nil}, {UriPath, []byte("3")}, {UriPath, nil}, {Accept, nil}}, nil, "[If-Match Uri-Path Uri-Path Accept]"},
		{"unknown elective kept", Options{{2, nil}, {2048, long}}, nil, "[Option(2) Option(2048)]"},
		{"unknown critical", Options{{9999, nil}}, nil, "Option(9999)"},
		{"unknown critical understood", Options{{9999, nil}, {9999, nil}}, []OptionID{9999}, "[Option(9999) Option(9999)]"},
		{"OSCORE", Options{{OSCORE, nil}}, nil, "OSCORE"},
		{"OSCORE understood", Options{{OSCORE, nil}}, []OptionID{OSCORE}, "[OSCORE]"},
		{"proxy", Options{{ProxyURI, []byte("coap://x")}}, nil, "Proxy-Uri"},
		{"critical too long", Options{{UriPath, long}}, nil, "Uri-Path"},
		{"critical too short", Options{{UriHost, nil}}, nil, "Uri-Host"},
		{"critical repeated", Options{{UriPort, nil}, {UriPort, nil}}, nil, "Uri-Port"},
		{"Accept repeated", Options{{Accept, nil}, {Accept, nil}}, nil, "Accept"},
		{"Block1 too long", Options{{Block1, []byte{1, 2, 3, 4}}}, nil, "Block1"},
		{"elective too long", Options{{Observe, []byte{1, 2, 3, 4}}, {UriPath, nil}}, nil, "[Uri-Path]"},
		{"elective repeated", Options{{ContentFormat, []byte{1}}, {ContentFormat, []byte{2}}}, nil, "[Content-Format]"},
		{"repeated third", Options{{MaxAge, nil}, {MaxAge, nil}, {MaxAge, nil}, {Size1, nil}}, nil, "[Max-Age Size1]"},
		{"If-None-Match with value", Options{{IfNoneMatch, []byte{1}}}, nil, "If-None-Match"},
	}
	for _, tt := range tests {
		o := slices.Clone(tt.in)
		bad, ok := o.Check(tt.understood...)
		got := bad.String()
		if ok {
			var names []string
			for _, opt := range o {
				names = append(names, opt.ID.String())
			}
			got = fmt.Sprint(names)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	o := Options{{ContentFormat, []byte{1}}, {ContentFormat, []byte{2}}}
	o.Check()
	if v, _ := o.Uint(ContentFormat); v != 1 {
		t.Error("the first of repeated options does not count")
	}
}

func TestOptionProperties(t *testing.T) {
	if !UriPath.Critical() || Observe.Critical() || !UriHost.Unsafe() || ETag.Unsafe() || Size1.CacheKey() || !Accept.CacheKey() {
		t.Error("bits of option numbers")
	}
}

func TestBlock(t *testing.T) {
	for _, b := range []Block{{0, false, 0}, {0, true, 6}, {maxBlockNumber, true, 6}, {17, false, 2}} {
		var o Options
		o.AddBlock(Block2, b)
		if got, ok := o.Block(Block2); !ok || got != b {
			t.Errorf("got %v, want %v", got, b)
		}
	}
	if b := blockAt(1024, 2048, 6); b != (Block{1, false, 6}) || b.Offset() != 1024 {
		t.Error(b)
	}
	if b := blockAt(1024, 2049, 4); b != (Block{4, true, 4}) {
		t.Error(b)
	}
}

func TestParams(t *testing.T) {
	var p Params
	if p.exchangeLifetime() != 247e9 || p.responseTimeout() != 93e9 || p.span(4) != 45e9 || p.szx() != 6 || p.maxRetransmit() != 4 {
		t.Error("defaults", p.exchangeLifetime(), p.responseTimeout(), p.span(4), p.szx())
	}
	p = Params{BlockSize: 100, MaxRetransmit: -1, AckRandomFactor: 0.5, MaxMessageSize: 10}
	if p.szx() != 2 || p.maxRetransmit() != 0 || p.ackRandomFactor() != 1.5 || p.maxMessageSize() != 1152 {
		t.Error("out of range", p.szx(), p.maxRetransmit(), p.ackRandomFactor())
	}
	for size, want := range map[int]uint8{15: 6, 16: 0, 31: 0, 32: 1, 1023: 5, 1024: 6, 1025: 6} {
		if p := (Params{BlockSize: size}); p.szx() != want {
			t.Errorf("block size %d: szx %d", size, p.szx())
		}
	}
}
