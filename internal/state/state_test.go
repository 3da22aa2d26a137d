package state

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/model"
)

func node(value model.Value, ids ...uint16) format.Node {
	return format.Node{Path: model.PathOf(ids...), Value: value}
}

func at(seconds int64, n format.Node) format.Node {
	n.Time = time.UnixMicro(seconds*1e6 + 5)
	return n
}

func sampleDevice() Device {
	return Device{
		Nodes: []format.Node{
			node(model.StringValue("coaps://server.example"), 0, 0, 0),
			node(model.BooleanValue(true), 0, 0, 1),
			node(model.IntegerValue(-2), 0, 0, 2),
			node(model.OpaqueValue([]byte{0, 255}), 0, 0, 3),
			node(model.UnsignedValue(math.MaxUint64), 0, 0, 14),
			node(model.Value{}, 0, 0, 16),
			node(model.FloatValue(22.5), 1, 0, 1),
			node(model.UnixValue(-1), 1, 0, 2),
			node(model.LinkValue(model.ObjectLink{Object: 66, Instance: 3}), 1, 0, 3),
			node(model.CoreLinkValue("</3/0>"), 1, 0, 4),
			node(model.StringValue("not UTF-8: \xff"), 1, 0, 5),
			node(model.IntegerValue(15), 2, 0, 2, 101),
			node(model.Value{}, 2, 1),
		},
		Attributes: []Attached{
			{101, model.PathOf(3), model.Attributes{}.With(model.MinPeriod, 10).With(model.GreaterThan, -2.5)},
			{102, model.PathOf(3, 0, 6, 1), model.Attributes{}.With(model.MaxHistory, 3)},
		},
	}
}

func sampleHistory() History {
	return History{Nodes: []format.Node{
		at(1700000000, node(model.FloatValue(1), 3303, 0, 5700)), at(1700000001, node(model.FloatValue(math.Inf(1)), 3303, 0, 5700)),
		at(-5, node(model.StringValue(""), 3441, 0, 1110, 0)),
	}}
}

func sampleSessions() Sessions {
	return Sessions{Sessions: []Session{
		{Server: 101, Account: []byte{1, 2}, DTLS: []byte("secret"), Registration: &Registration{
			Location: []string{"rd", "a b"}, Lifetime: 86400 * time.Second, Sent: time.Unix(1700000000, 0),
			Told: []byte{3}, Objects: []byte{4}, Local: "192.0.2.1:5683", Remote: "[2001:db8::1]:5683",
			Observations: []Observation{
				{Token: []byte{9, 9}, Paths: []model.Path{model.PathOf(3303, 0, 5700)}, Format: 112, Sequence: 7},
				{
					Token: []byte{8}, Paths: []model.Path{model.PathOf(3), model.PathOf(4)}, Composite: true, Format: 11544, Sequence: 1<<24 - 1,
					HasOwn: true, Attributes: model.Attributes{}.With(model.MaxPeriod, 60),
				},
			},
		}},
		{Server: 102, Registration: &Registration{Lifetime: -time.Second, Sent: time.Unix(0, 0)}},
		{Server: 103},
	}}
}

// document is one of the three.
type document struct {
	name   string
	sample any
	encode func() []byte
	decode func([]byte) (any, error)
}

func documents() []document {
	d, h, s := sampleDevice(), sampleHistory(), sampleSessions()
	return []document{
		{nameDevice, d, d.Encode, func(b []byte) (any, error) { d, err := DecodeDevice(b); return d, err }},
		{nameHistory, h, h.Encode, func(b []byte) (any, error) { h, err := DecodeHistory(b); return h, err }},
		{nameSessions, s, s.Encode, func(b []byte) (any, error) { s, err := DecodeSessions(b); return s, err }},
	}
}

// TestGolden reads the documents of all versions, and writes those of the current one as ever.
func TestGolden(t *testing.T) {
	for _, doc := range documents() {
		t.Run(doc.name, func(t *testing.T) {
			file := filepath.Join("testdata", "v1", doc.name+".hex")
			golden.Compare(t, file, []byte(hex.Dump(doc.encode())))
			dump, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := doc.decode(undump(t, string(dump)))
			if err != nil || !reflect.DeepEqual(got, doc.sample) {
				t.Errorf("read as\n%+v, %v, want\n%+v", got, err, doc.sample)
			}
		})
	}
}

// undump is the reverse of hex.Dump.
func undump(t *testing.T, dump string) (data []byte) {
	t.Helper()
	for line := range strings.Lines(dump) {
		if len(line) < 60 {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(line[10:59], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, b...)
	}
	return data
}

func TestEmpty(t *testing.T) {
	if d, err := DecodeDevice((&Device{}).Encode()); err != nil || d.Nodes != nil || d.Attributes != nil {
		t.Errorf("%+v, %v", d, err)
	}
	if s, err := DecodeSessions((&Sessions{}).Encode()); err != nil || s.Sessions != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if h, err := DecodeHistory((&History{}).Encode()); err != nil || h.Nodes != nil {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestDamaged cuts the documents short at each byte, and lengthens them.
func TestDamaged(t *testing.T) {
	for _, doc := range documents() {
		good := doc.encode()
		for i := range good {
			if _, err := doc.decode(good[:i]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s cut at %d of %d: %v", doc.name, i, len(good), err)
			}
		}
		if _, err := doc.decode(append(bytes.Clone(good), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s and a byte more: %v", doc.name, err)
		}
		for _, other := range documents() {
			if _, err := other.decode(good); other.name != doc.name && !errors.Is(err, ErrMalformed) {
				t.Errorf("%s as %s: %v", doc.name, other.name, err)
			}
		}
	}
}

// TestLaterVersion refuses what it cannot know, whatever it looks like.
func TestLaterVersion(t *testing.T) {
	for _, doc := range documents() {
		later := cbor.AppendUint(cbor.AppendText(cbor.AppendArray(nil, 4), doc.name), Version+1)
		later = cbor.AppendText(cbor.AppendBool(later, true), "something new")
		_, err := doc.decode(later)
		if !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "version 2") {
			t.Errorf("%s: %v", doc.name, err)
		}
	}
}

func TestRemaining(t *testing.T) {
	sent := time.Unix(1700000000, 0)
	for _, x := range []struct {
		lifetime, elapsed, want time.Duration
	}{
		{time.Hour, 0, time.Hour},
		{time.Hour, time.Minute, 59 * time.Minute},
		{time.Hour, time.Hour, 0},
		{time.Hour, 100 * time.Hour, 0},
		{time.Hour, -time.Millisecond, time.Hour},
		{time.Hour, -time.Hour, 0}, // the clock went back: nobody knows
		{-1, time.Hour, -1},
		{-1, -time.Hour, 0},
	} {
		r := Registration{Lifetime: x.lifetime, Sent: sent}
		if got := r.Remaining(sent.Add(x.elapsed)); got != x.want {
			t.Errorf("%v after %v: %v, want %v", x.lifetime, x.elapsed, got, x.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for i, doc := range documents() {
		f.Add(uint8(i), doc.encode())
	}
	f.Add(uint8(0), []byte{0x84})
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		doc := documents()[int(which)%3]
		first, err := doc.decode(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrVersion) {
				t.Errorf("error %v", err)
			}
			return
		}
		var again []byte
		switch x := first.(type) {
		case Device:
			again = x.Encode()
		case History:
			again = x.Encode()
		case Sessions:
			again = x.Encode()
		}
		second, err := doc.decode(again)
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%+v is written and read as %+v, %v", first, second, err)
		}
	})
}
