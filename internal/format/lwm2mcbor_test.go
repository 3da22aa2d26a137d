package format

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/model"
	"pgregory.net/rapid"
)

// What LwM2M CBOR is not (Core 1.2 §7.4.6), and values that do not fit.
func TestLwM2MCBORErrors(t *testing.T) {
	for _, c := range []struct {
		base, payload string
		want          error
		text          string
	}{
		{"/3/0", "", ErrMalformed, "offset 0: unexpected end"},
		{"/3/0", "83030009", ErrMalformed, "offset 0: array, want map"},
		{"/3/0", "05", ErrMalformed, "offset 0: unsigned integer, want map"},
		{"/3/0", "f6", ErrMalformed, "offset 0: null, want map"},
		{"/3/0", "a1830300096405", ErrMalformed, "offset 5: length 4, but 1 bytes left"},
		{"/3/0", "a2090a", ErrMalformed, "offset 0: map of 2, but 2 bytes left"},
		{"/3/0", "bbffffffffffffffff", ErrMalformed, "but 0 bytes left"},
		{"/3/0", "bf0905", ErrMalformed, "offset 3: unexpected end"},
		{"/3/0", "bf09ff", ErrMalformed, "offset 2: break outside an indefinite length"},
		{"/3/0", "a19f030009", ErrMalformed, "unexpected end"},
		{"/3/0", "a1090500", ErrMalformed, "offset 3: 1 bytes after the end"},
		{"/3/0", "a1820d181a01a202f60305", ErrMalformed, "offset 6: 5 bytes after the end"},
		{"/3/0", strings.Repeat("a103", 20) + "01", ErrMalformed, "nested deeper than 16"},
		{"/3/0", "a18001", ErrMalformed, "offset 1: key without identifiers"},
		{"/3/0", "a19fff01", ErrMalformed, "offset 1: key without identifiers"},
		{"/3/0", "a1613905", ErrMalformed, "offset 1: text string as an identifier"},
		{"/3/0", "a1413905", ErrMalformed, "offset 1: byte string as an identifier"},
		{"/3/0", "a1f9488005", ErrMalformed, "offset 1: float as an identifier"},
		{"/3/0", "a1c10905", ErrMalformed, "offset 1: tag as an identifier"},
		{"/3/0", "a12005", ErrMalformed, "offset 1: negative integer as an identifier"},
		{"/3/0", "a182032005", ErrMalformed, "offset 3: negative integer as an identifier"},
		{"/3/0", "a1a0" + "05", ErrMalformed, "offset 1: map as an identifier"},
		{"/3/0", "a181810905", ErrMalformed, "offset 2: array as an identifier"},
		{"/3/0", "a119ffff05", ErrMalformed, "offset 1: identifier 65535, highest is 65534"},
		{"/3/0", "a11a0001000005", ErrMalformed, "offset 1: identifier 65536, highest is 65534"},
		{"/3/0", "a1830300" + "1bffffffffffffffff" + "05", ErrMalformed, "identifier 18446744073709551615, highest is 65534"},
		{"/3/0", "a1850300060000" + "05", ErrMalformed, "offset 6: path of more than 4 identifiers"},
		{"/3/0", "a1840300060" + "0a100" + "05", ErrMalformed, "offset 7: path of more than 4 identifiers"},
		{"/3/0", "a2090583060000" + "05", ErrMalformed, "offset 7: path of more than 4 identifiers below /3/0"},
		{"/", "a1820300" + "05", ErrPath, "/3/0: not the path of a resource"},
		{"/3", "a10005", ErrPath, "/0: not the path of a resource"},
		{"/3/0", "a18304000905", ErrPath, "/4/0/9: not below /3/0"},
		{"/3/0", "a18303010905", ErrPath, "/3/1/9: not below /3/0"},
		{"/3/0/9", "a183030" + "00a05", ErrPath, "/3/0/10: not below /3/0/9"},
		{"/3/0/6/0", "a1840300060105", ErrPath, "/3/0/6/1: not below /3/0/6/0"},
		{"/3/0", "a183030100a0", ErrPath, "/3/1/0: not below /3/0"},
		{"/3/0", "a28303000905" + "0a05", ErrPath, "/10: not the path of a resource"},
		{"/3/0", "a20905" + "0905", ErrMalformed, "/3/0/9: given twice"},
		{"/3", "a303a100a10905" + "8303000a05" + "8303000905", ErrMalformed, "/3/0/9: given twice"},
		{"/3/0", "a109f6", ErrPath, "/3/0/9: null removes only resource instances"},
		{"/3/0", "a10005", ErrType, "/3/0/0: unsigned integer, want text string"},
		{"/3/0", "a1096135", ErrType, "/3/0/9: text string, want number"},
		{"/3/0", "a109f93e00", ErrType, "/3/0/9: number 1.5, want Integer"},
		{"/3/0", "a10a20", ErrType, "/3/0/10: number -1, want Unsigned Integer"},
		{"/3/0", "a1098105", ErrType, "/3/0/9: array, want number"},
		{"/3/0", "a1151a00000001", ErrType, "/3/0/21: unsigned integer, want boolean"},
		{"/3/0", "a1176131", ErrType, `/3/0/23: "1" is not Objlnk`},
		{"/3/0", "a1186381" + "05", ErrType, "/3/0/99: array is no value of a resource"},
		{"/3/0", "a109a10005", ErrType, "/3/0/9/0: a resource instance of a single-instance resource"},
		{"/3/0", "a10605", ErrType, "/3/0/6: a single value for a multiple-instance resource"},
		{"/3/0", "a109a0", ErrType, "/3/0/9/0: a resource instance of a single-instance resource"},
		{"/3/0", "a106a100a0", ErrMalformed, "/3/0/6/0: a map for a value"},
	} {
		base, err := model.ParsePath(c.base)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := Decode(LwM2MCBOR, base, payloadOf(t, LwM2MCBOR, c.payload), deviceTypes)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || nodes != nil {
			t.Errorf("%s %s: %v %v\nwant %s", c.base, c.payload, nodes, err, c.text)
		}
	}
}

// Empty maps say that there is nothing; null that something is to go.
func TestLwM2MCBOREmptyPlaces(t *testing.T) {
	for _, c := range []struct{ base, payload, want string }{
		{"/3", "a103a0", "/3"},
		{"/3", "a103a100a0", "/3/0"},
		{"/3/0", "a106a0", "/3/0/6"},
		{"/3/0", "a183030006a0", "/3/0/6"},
		{"/3/0/6", "a183030006a0", "/3/0/6"},
		{"/3", "a100a0", "/3/0"},
		{"/", "a1840300060" + "1f6", "/3/0/6/1"},
		{"/3/0", "a106a101f6", "/3/0/6/1"},
		{"/3/0/6", "a101f6", "/3/0/6/1"},
	} {
		base, err := model.ParsePath(c.base)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := Decode(LwM2MCBOR, base, payloadOf(t, LwM2MCBOR, c.payload), deviceTypes)
		if err != nil || len(nodes) != 1 || nodes[0].Path.String() != c.want || !nodes[0].Value.IsZero() {
			t.Errorf("%s %s: %v %v, want %s", c.base, c.payload, nodes, err, c.want)
		}
	}
}

// What cannot be one map: a path twice, Objects mixed, a value above another.
func TestLwM2MCBORAppendErrors(t *testing.T) {
	one := model.IntegerValue(1)
	node := func(ids ...uint16) Node { return Node{Path: model.PathOf(ids...), Value: one} }
	for _, c := range []struct {
		nodes []Node
		want  error
		text  string
	}{
		{[]Node{node(3, 0, 1), node(3, 0, 1)}, ErrUnsupported, "LwM2M CBOR, /3/0/1: more than one value; a history needs SenML"},
		{[]Node{node(3, 0, 2), node(3, 0, 1)}, ErrPath, "LwM2M CBOR, /3/0/1: out of order"},
		{[]Node{node(3, 0, 1), node(4, 0, 1), node(3, 0, 2)}, ErrPath, "LwM2M CBOR, /3/0/2: out of order"},
		{[]Node{node(4, 0, 1), node(3, 0, 1), node(4, 0, 2)}, ErrPath, "LwM2M CBOR, /4/0/2: out of order"},
		{[]Node{node(3, 0, 1), node(3, 0, 1, 0)}, ErrPath, "LwM2M CBOR, /3/0/1/0: below a value"},
		{[]Node{{Path: model.PathOf(3, 0, 1), Value: model.StringValue("\xff")}}, ErrType, "LwM2M CBOR, /3/0/1: String is not UTF-8"},
	} {
		got, err := Append([]byte("before"), LwM2MCBOR, model.Path{}, c.nodes)
		if !errors.Is(err, c.want) || err.Error() != c.text || string(got) != "before" {
			t.Errorf("%v: %q %v, want %s", c.nodes, got, err, c.text)
		}
	}
	if _, err := Append(nil, LwM2MCBOR, model.Path{}, []Node{node(4, 0, 1), node(1, 0, 1), node(3, 0, 1)}); err != nil {
		t.Errorf("Objects in any order: %v", err)
	}
}

// A Create names its Object Instance, with or without the Object before it.
func TestLwM2MCBORCreate(t *testing.T) {
	for _, payload := range []string{"a103a105a1091864", "a105a1091864", "a18205091864", "a1830305091864"} {
		id, known, nodes, err := DecodeCreate(LwM2MCBOR, model.PathOf(3), payloadOf(t, LwM2MCBOR, payload), deviceTypes)
		if err != nil || id != 5 || !known || len(nodes) != 1 || nodes[0].Path != model.PathOf(3, 5, 9) {
			t.Errorf("%s: %d %t %v %v", payload, id, known, nodes, err)
		}
	}
	two := payloadOf(t, LwM2MCBOR, "a205a109186406a1091864")
	if _, _, _, err := DecodeCreate(LwM2MCBOR, model.PathOf(3), two, deviceTypes); !errors.Is(err, ErrPath) {
		t.Errorf("two instances: %v", err)
	}
}

// Anything that means the same is read as the same: each way to nest, definite and
// indefinite lengths, with and without the request path.
func TestLwM2MCBORAnyShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t, LwM2MCBOR)
		for i := range nodes {
			if nodes[i].Path.Depth() == 4 && rapid.IntRange(0, 9).Draw(t, "removal") == 0 {
				nodes[i].Value = model.Value{}
			}
		}
		base := nodes[0].Path.Prefix(1)
		skip := 0
		if rapid.Bool().Draw(t, "relative") {
			skip = 1
			if nodes[0].Path.Instance() == base.Object() {
				return // could also begin with the Object
			}
		}
		payload := anyShape(t, nil, nodes, skip, skip)
		got, err := Decode(LwM2MCBOR, base, payload, byID{})
		if err != nil || !slices.EqualFunc(got, nodes, func(a, b Node) bool { return a.Path == b.Path && a.Value.Equal(b.Value) }) {
			t.Fatalf("%s: %v %v, want %v", hex.EncodeToString(payload), got, err, nodes)
		}
	})
}

// anyShape writes a map of the nodes, whose paths share the first level identifiers.
func anyShape(t *rapid.T, dst []byte, nodes []Node, level, top int) []byte {
	type entry struct {
		nodes []Node
		to    int // levels after its key
	}
	var entries []entry
	for rest := nodes; len(rest) > 0; {
		to := rapid.IntRange(level+1, 4).Draw(t, "key up to")
		to = min(to, rest[0].Path.Depth())
		n := 1
		for n < len(rest) && rest[0].Path.Prefix(to).Contains(rest[n].Path) {
			n++
		}
		entries = append(entries, entry{rest[:n], to})
		rest = rest[n:]
	}
	open := rapid.Bool().Draw(t, "indefinite map")
	if dst = cbor.AppendMap(dst, len(entries)); open {
		dst = append(dst[:len(dst)-len(cbor.AppendMap(nil, len(entries)))], 0xbf)
	}
	for _, e := range entries {
		dst = anyKey(t, dst, e.nodes[0].Path, level, e.to)
		if e.nodes[0].Path.Depth() == e.to {
			dst = appendItem(dst, e.nodes[0].Value)
		} else {
			dst = anyShape(t, dst, e.nodes, e.to, top)
		}
	}
	if open {
		dst = append(dst, 0xff)
	}
	return dst
}

func anyKey(t *rapid.T, dst []byte, p model.Path, from, to int) []byte {
	shapes := 3
	if to-from > 1 {
		shapes = 2
	}
	shape := rapid.IntRange(0, shapes-1).Draw(t, "key")
	switch shape {
	case 0:
		dst = cbor.AppendArray(dst, to-from)
	case 1:
		dst = append(dst, 0x9f)
	}
	for level := from; level < to; level++ {
		dst = appendID(dst, p, level)
	}
	if shape == 1 {
		dst = append(dst, 0xff)
	}
	return dst
}

// The number of values that a payload may have is bounded.
func TestLwM2MCBORLimit(t *testing.T) {
	var payload bytes.Buffer
	payload.WriteByte(0xbf)
	for id := range uint64(MaxNodes + 1) {
		key := cbor.AppendUint(cbor.AppendUint(cbor.AppendArray(nil, 4), 3), 0)
		key = cbor.AppendUint(cbor.AppendUint(key, id/60000), id%60000)
		payload.Write(append(key, 0x00))
	}
	payload.WriteByte(0xff)
	if _, err := Decode(LwM2MCBOR, model.PathOf(3), payload.Bytes(), nil); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "more than 65536 values") {
		t.Errorf("%v", err)
	}
}
