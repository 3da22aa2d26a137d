package interop

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

// Replace leaves only what was written, Partial leaves the rest as it was.
func TestWriteInstance(t *testing.T) {
	t.Parallel()
	for _, format := range structured {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t, func(d *device) {
				must(d, d.values.Set(110, model.StringValue("old")))
				must(d, d.values.Set(140, model.BooleanValue(true)))
				must(d, d.values.SetItem(1120, 0, model.IntegerValue(10)))
				must(d, d.values.SetItem(1120, 1, model.IntegerValue(11)))
			})
			d.write("2.04", "/3442/0", leshan.Partial, format, leshan.Instance(0,
				leshan.Single(110, leshan.String, "new"), leshan.Single(120, leshan.Integer, 5),
				leshan.Multi(1120, leshan.Integer, map[int]any{1: 21, 2: 22})))
			d.holds("/3442/0/110=new", "/3442/0/120=5", "/3442/0/140=true",
				"/3442/0/1120/0=10", "/3442/0/1120/1=21", "/3442/0/1120/2=22")
			d.write("2.04", "/3442/0", leshan.Replace, format, leshan.Instance(0,
				leshan.Single(120, leshan.Integer, 6), leshan.Multi(1120, leshan.Integer, map[int]any{3: 33})))
			d.holds("/3442/0/110=", "/3442/0/120=6", "/3442/0/140=",
				"/3442/0/1120/0=", "/3442/0/1120/1=", "/3442/0/1120/2=", "/3442/0/1120/3=33")
			d.reads("/3442/0", format, leshan.Instance(0, leshan.Single(120, leshan.Integer, int64(6)),
				leshan.Multi(1120, leshan.Integer, map[int]any{3: int64(33)})))
		})
	}
}

func TestWriteEmptyMultiple(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) { must(d, d.values.SetItem(1120, 0, model.IntegerValue(10))) })
	empty := leshan.Multi(1120, leshan.Integer, map[int]any{})
	d.write("2.04", "/3442/0/1120", leshan.Replace, leshan.TLV, empty)
	d.holds("/3442/0/1120/0=")
	d.reads("/3442/0/1120", leshan.TLV, empty)
	d.discovers("/3442/0", "/3442/0", "/3442/0/1120 dim=0")
}

// A callback that refuses one value of a message has none of it written.
func TestWriteIsRejected(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		number := lwm2m.ResourceOf[int64](d.values, 120)
		number.OnWrite(func(_ context.Context, v int64) error {
			if v > 100 {
				return fmt.Errorf("%w: the valve opens up to 100", lwm2m.BadRequest)
			}
			return nil
		})
		lwm2m.ResourceOf[bool](d.values, 140).OnWrite(func(context.Context, bool) error { return lwm2m.ServiceUnavailable })
		lwm2m.ResourceOf[string](d.values, 110).Validate(func(s string) error {
			if s == "bad" {
				return lwm2m.BadRequest
			}
			return nil
		})
		must(d, number.Set(1))
	})
	d.write("2.04", "/3442/0/120", leshan.Replace, leshan.TEXT, leshan.Single(120, leshan.Integer, 100))
	d.write("4.00", "/3442/0/120", leshan.Replace, leshan.TEXT, leshan.Single(120, leshan.Integer, 101))
	d.write("5.03", "/3442/0/140", leshan.Replace, leshan.TEXT, leshan.Single(140, leshan.Boolean, true))
	d.write("4.00", "/3442/0/110", leshan.Replace, leshan.TEXT, leshan.Single(110, leshan.String, "bad"))
	d.write("4.00", "/3442/0", leshan.Partial, leshan.TLV, leshan.Instance(0,
		leshan.Single(120, leshan.Integer, 50), leshan.Single(110, leshan.String, "bad")))
	d.writeComposite("5.03", leshan.SenMLCBOR, map[string]*leshan.Node{
		"/3442/0/120": leshan.Single(120, leshan.Integer, 50),
		"/3442/0/140": leshan.Single(140, leshan.Boolean, true),
		"/1/0/6":      leshan.Single(6, leshan.Boolean, false),
	})
	d.holds("/3442/0/120=100", "/3442/0/140=", "/3442/0/110=", "/1/0/6=true")
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) { must(d, d.values.SetItem(1110, 0, model.StringValue("first"))) })
	text := leshan.Single(0, leshan.String, "x")
	for _, test := range []struct {
		code, path string
		mode       leshan.WriteMode
		format     leshan.Format
		node       *leshan.Node
	}{
		{"4.05", "/3/0/0", leshan.Replace, leshan.TEXT, text},
		{"4.05", "/3/0", leshan.Partial, leshan.TLV, leshan.Instance(0, text, leshan.Single(15, leshan.String, "Europe/Paris"))},
		{"4.04", "/3/0/99", leshan.Replace, leshan.TEXT, leshan.Single(99, leshan.String, "x")},
		{"4.04", "/3442/7/110", leshan.Replace, leshan.TEXT, leshan.Single(110, leshan.String, "x")},
		{"4.04", "/3442/7", leshan.Partial, leshan.TLV, leshan.Instance(7, leshan.Single(110, leshan.String, "x"))},
		{"4.04", "/4242/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.String, "x")},
		{"4.04", "/3442/0/1110/5", leshan.Replace, leshan.TEXT, leshan.ResourceInstance(5, leshan.String, "x")},
		{"4.05", "/3442/0/110/0", leshan.Replace, leshan.TEXT, leshan.ResourceInstance(0, leshan.String, "x")},
		{"4.01", "/0/0", leshan.Partial, leshan.TLV, leshan.Instance(0, text)},
		{"4.00", "/1/0", leshan.Replace, leshan.TLV, leshan.Instance(0, leshan.Single(6, leshan.Boolean, true))}, // no lifetime
		{"4.00", "/3442/0/170", leshan.Replace, leshan.TEXT, leshan.Single(170, leshan.Objlnk, leshan.ObjectLink{ObjectID: 3, InstanceID: 7})},
	} {
		t.Run(test.code+test.path, func(t *testing.T) {
			d := *d
			d.T = t
			d.write(test.code, test.path, test.mode, test.format, test.node)
		})
	}
	d.holds("/3/0/0=Open Mobile Alliance", "/3/0/15=", "/3442/0/1110/0=first", "/3442/0/1110/5=", "/1/0/1=86400")
}

// valve adds an instance of an Object that Leshan does not know, so that it
// writes values of any type.
func valve(d *device) {
	file, err := os.Open("testdata/33001.xml")
	must(d, err)
	defer file.Close()
	objects, err := model.ReadObjects(file, file.Name())
	must(d, err)
	in := lwm2m.NewInstance(objects[0], 0)
	must(d, in.Set(0, model.IntegerValue(50)))
	lwm2m.ExecutableOf(in, 4).OnExecute(func(context.Context, lwm2m.Arguments) error { return nil })
	d.config.Objects = append(d.config.Objects, in)
	d.config.Factories = append(d.config.Factories, lwm2m.Factory{Object: objects[0]})
}

func TestWriteOfWrongValues(t *testing.T) {
	t.Parallel()
	d := connect(t, valve)
	s := func(id int, kind leshan.Type, value any) *leshan.Node { return leshan.Single(id, kind, value) }
	for _, test := range []struct {
		code     string
		resource int
		format   leshan.Format
		node     *leshan.Node
	}{
		{"2.04", 0, leshan.TEXT, s(0, leshan.Integer, 100)},
		{"4.00", 0, leshan.TEXT, s(0, leshan.Integer, 101)}, // out of range
		{"4.00", 0, leshan.TLV, s(0, leshan.Integer, -1)},
		{"4.00", 0, leshan.TEXT, s(0, leshan.String, "many")},
		{"4.00", 0, leshan.TEXT, s(0, leshan.String, "")},
		{"4.00", 0, leshan.TLV, s(0, leshan.String, "xyz")}, // no integer has 3 bytes
		{"4.00", 0, leshan.CBOR, s(0, leshan.String, "5")},
		{"4.00", 0, leshan.SenMLJSON, s(0, leshan.String, "5")},
		{"4.00", 0, leshan.SenMLCBOR, s(0, leshan.Boolean, true)},
		{"4.00", 0, leshan.JSON, s(0, leshan.Float, 1.5)},
		{"2.04", 1, leshan.TEXT, s(1, leshan.String, "12345678")},
		{"4.00", 1, leshan.TEXT, s(1, leshan.String, "123456789")}, // too long
		{"4.15", 1, leshan.OPAQUE, s(1, leshan.Opaque, []byte("x"))},
		{"4.00", 1, leshan.SenMLCBOR, s(1, leshan.Opaque, []byte("x"))},
		{"4.00", 2, leshan.TEXT, s(2, leshan.String, "fast")},
		{"4.00", 2, leshan.TLV, s(2, leshan.Boolean, true)},
		{"4.00", 2, leshan.CBOR, s(2, leshan.Boolean, true)},
		{"2.04", 3, leshan.TEXT, s(3, leshan.String, "1")},
		{"4.00", 3, leshan.TEXT, s(3, leshan.String, "true")},
		{"4.00", 3, leshan.TLV, s(3, leshan.Integer, 2)},
		{"4.05", 4, leshan.TEXT, s(4, leshan.String, "x")}, // executable
		{"2.04", 5, leshan.TEXT, s(5, leshan.String, "1234")},
		{"4.00", 6, leshan.TEXT, s(6, leshan.String, "2020-01-01")},
		{"4.00", 7, leshan.TEXT, s(7, leshan.String, "no base64!")},
	} {
		t.Run(fmt.Sprint(test.code, " ", test.resource, " ", test.format, " ", test.node.Value), func(t *testing.T) {
			d := *d
			d.T = t
			d.write(test.code, fmt.Sprintf("/33001/0/%d", test.resource), leshan.Replace, test.format, test.node)
		})
	}
	d.holds("/33001/0/0=100", "/33001/0/1=12345678", "/33001/0/2=", "/33001/0/3=true", "/33001/0/5=1234", "/33001/0/6=", "/33001/0/7=")
	d.read("4.05", "/33001/0/5", leshan.TEXT) // write-only
	d.read("4.05", "/33001/0/4", leshan.TEXT) // executable
	d.create("4.00", "/33001", leshan.SenMLJSON, leshan.Instance(1, s(0, leshan.String, "many")))
	d.create("4.00", "/33001", leshan.TLV, leshan.Instance(1, s(1, leshan.String, "no 0")))
	d.create("2.01", "/33001", leshan.TLV, leshan.Instance(1, s(0, leshan.Integer, 7)))
	d.holds("/33001/1/0=7")
}

func TestWriteComposite(t *testing.T) {
	t.Parallel()
	d := connect(t)
	// Resource Instances may be new, Object Instances may not; one fault refuses all.
	d.writeComposite("2.04", leshan.SenMLJSON, map[string]*leshan.Node{
		"/3442/0/1110/5": leshan.ResourceInstance(5, leshan.String, "fifth"),
		"/3/0/15":        leshan.Single(15, leshan.String, "Europe/Paris"),
	})
	d.holds("/3442/0/1110/5=fifth", "/3/0/15=Europe/Paris")
	for code, path := range map[string]lwm2m.Path{
		"4.05": lwm2m.PathOf(3, 0, 0), "4.04": lwm2m.PathOf(3442, 1, 110), "4.01": lwm2m.PathOf(0, 0, 0),
	} {
		d.writeComposite(code, leshan.SenMLCBOR, map[string]*leshan.Node{
			"/3/0/15":     leshan.Single(15, leshan.String, "Asia/Tokyo"),
			path.String(): leshan.Single(int(path.Resource()), leshan.String, "x"),
		})
	}
	d.holds("/3/0/15=Europe/Paris")
}
