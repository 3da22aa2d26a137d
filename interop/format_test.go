package interop

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

// The formats by what they carry.
var (
	structured = []leshan.Format{leshan.TLV, leshan.JSON, leshan.SenMLJSON, leshan.SenMLCBOR}
	single     = append([]leshan.Format{leshan.TEXT, leshan.CBOR}, structured...)
)

// dataType is a data type with the Resources of the test object that have it, and
// values as both sides see them.
type dataType struct {
	name     leshan.Type
	resource int // multiple is the resource with 1000 more
	formats  []leshan.Format
	values   []sample
}

type sample struct {
	theirs any
	ours   lwm2m.Value
}

func each[T any](value func(T) lwm2m.Value, all ...T) []sample {
	var samples []sample
	for _, v := range all {
		samples = append(samples, sample{v, value(v)})
	}
	return samples
}

func linkSamples(all ...model.ObjectLink) []sample {
	var samples []sample
	for _, l := range all {
		samples = append(samples, sample{leshan.ObjectLink{ObjectID: int(l.Object), InstanceID: int(l.Instance)}, model.LinkValue(l)})
	}
	return samples
}

var dataTypes = []dataType{
	{leshan.String, 110, single, each(model.StringValue, "", "Grüße, 世界 🌡", `quotes " ' and \ in`+"\n two lines", strings.Repeat("x", 300))},
	{leshan.Integer, 120, single, each(model.IntegerValue, 0, 1, -1, 127, -128, 128, -129, 32767, -32768, 32768, 65536,
		math.MaxInt32, math.MinInt32, math.MaxInt32+1, 1<<53+1, math.MaxInt64, math.MinInt64)},
	{leshan.UnsignedInteger, 125, single, each(model.UnsignedValue, 0, 1, 255, 256, 65536, math.MaxUint32, 1<<53+1, 1<<63, math.MaxUint64)},
	{leshan.Float, 130, single, each(model.FloatValue, 0, 1, -1, 0.1, -22.5, 3.14159, 1e-7, 1e21, -1.5e300, math.MaxFloat64, math.SmallestNonzeroFloat64)},
	{leshan.Boolean, 140, single, each(model.BooleanValue, false, true)},
	{leshan.Opaque, 150, append([]leshan.Format{leshan.OPAQUE}, single...),
		each(model.OpaqueValue, []byte{}, []byte{0}, []byte{0xfb, 0xff, 0xfe, 0x3e, 0x3f}, []byte(strings.Repeat("\x00\xff", 200)))},
	{leshan.Time, 160, single, each(model.TimeValue, time.Unix(0, 0).UTC(), time.Unix(1_367_491_215, 0).UTC(), time.Unix(-1, 0).UTC(),
		time.Unix(4_102_444_800, 0).UTC())},
	{leshan.Objlnk, 170, single, linkSamples(model.ObjectLink{Object: 3, Instance: 0}, model.ObjectLink{Object: 3442, Instance: 0}, model.NullLink)},
	{leshan.Corelnk, 180, single, each(func(s string) lwm2m.Value { return model.CoreLinkValue(lwm2m.CoreLink(s)) },
		"</3442>", `</3442/0>;title="a",</3/0>`)},
}

// TestDataTypes writes and reads each data type in each format, as a Resource and
// as a Resource Instance.
func TestDataTypes(t *testing.T) {
	t.Parallel()
	for _, dt := range dataTypes {
		for _, format := range dt.formats {
			t.Run(string(dt.name)+"/"+string(format), func(t *testing.T) {
				t.Parallel()
				d := connect(t)
				multiple := uint16(dt.resource + 1000)
				must(t, d.values.SetItem(multiple, 7, dt.values[0].ours))
				for _, v := range dt.values {
					d.writesAndReads(format, leshan.Single(dt.resource, dt.name, v.theirs), v.ours, uint16(dt.resource))
					d.writesAndReads(format, leshan.ResourceInstance(7, dt.name, v.theirs), v.ours, multiple, 7)
				}
			})
		}
	}
}

// writesAndReads writes a value, checks it in the client, and reads it back.
func (d *device) writesAndReads(format leshan.Format, node *leshan.Node, ours lwm2m.Value, ids ...uint16) {
	d.Helper()
	p := lwm2m.PathOf(3442, 0).Child(ids[0])
	if len(ids) > 1 {
		p = p.Child(ids[1])
	}
	path := p.String()
	if isBeyond(format, ours) {
		must(d, d.client.Apply(lwm2m.Change{Path: p, Value: ours}))
	} else {
		d.write("2.04", path, leshan.Replace, format, node)
	}
	if got, err := d.client.Get(p); err != nil || !got.Equal(ours) {
		d.Errorf("client has %s = %v, %v, want %v", path, got, err, ours)
	}
	d.reads(path, format, node)
}

// isBeyond reports whether Leshan cannot write a value: in TLV it takes an Unsigned Integer
// of 2^63 or more for a negative number, and so writes 2^64-1 as 255. It reads them well.
func isBeyond(format leshan.Format, v lwm2m.Value) bool {
	return format == leshan.TLV && v.Kind() == model.Unsigned && v.Uint() > math.MaxInt64
}

// TestMultipleValues writes and reads several Resource Instances by one message.
func TestMultipleValues(t *testing.T) {
	t.Parallel()
	for _, format := range structured {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			for _, dt := range dataTypes {
				values := map[int]any{}
				for i, v := range dt.values {
					if !isBeyond(format, v.ours) {
						values[i*100] = v.theirs
					}
				}
				resource := dt.resource + 1000
				node := leshan.Multi(resource, dt.name, values)
				path := fmt.Sprintf("/3442/0/%d", resource)
				d.write("2.04", path, leshan.Replace, format, node)
				d.reads(path, format, node)
				items := d.values.Items(uint16(resource))
				if len(items) != len(values) {
					t.Errorf("client has %d instances of %s, want %d", len(items), path, len(values))
				}
				for i, v := range dt.values {
					if got := items[uint16(i*100)]; !isBeyond(format, v.ours) && !got.Equal(v.ours) {
						t.Errorf("client has %s/%d = %v, want %v", path, i*100, got, v.ours)
					}
				}
			}
		})
	}
}

// TestWholeInstance writes and reads all data types by one message.
func TestWholeInstance(t *testing.T) {
	t.Parallel()
	for _, format := range structured {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			var resources []*leshan.Node
			for _, dt := range dataTypes {
				resources = append(resources, leshan.Single(dt.resource, dt.name, dt.values[1].theirs),
					leshan.Multi(dt.resource+1000, dt.name, map[int]any{0: dt.values[0].theirs, 1: dt.values[1].theirs}))
			}
			instance := leshan.Instance(0, sorted(resources)...)
			d.write("2.04", "/3442/0", leshan.Replace, format, instance)
			d.reads("/3442/0", format, instance)
			d.reads("/3442", format, leshan.Object(3442, instance))
		})
	}
}

// TestCompositeValues writes and reads all data types by composite operations.
func TestCompositeValues(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{leshan.SenMLJSON, leshan.SenMLCBOR} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			nodes, paths := map[string]*leshan.Node{}, []string{}
			for _, dt := range dataTypes {
				path := fmt.Sprintf("/3442/0/%d", dt.resource)
				nodes[path], paths = leshan.Single(dt.resource, dt.name, dt.values[1].theirs), append(paths, path)
				for i, v := range dt.values {
					path := fmt.Sprintf("/3442/0/%d/%d", dt.resource+1000, i)
					nodes[path], paths = leshan.ResourceInstance(i, dt.name, v.theirs), append(paths, path)
				}
			}
			d.writeComposite("2.04", format, nodes)
			same(t, "values", d.readComposite("2.05", format, paths...).Composite, nodes)
			for _, dt := range dataTypes {
				for i, v := range dt.values {
					if got := d.values.Items(uint16(dt.resource + 1000))[uint16(i)]; !got.Equal(v.ours) {
						t.Errorf("client has %s %d = %v, want %v", dt.name, i, got, v.ours)
					}
				}
			}
		})
	}
}
