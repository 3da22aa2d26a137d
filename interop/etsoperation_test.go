package interop

import (
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

func TestETS221OperationsOnSecurityObject(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.read("4.01", "/0", "")
	d.read("4.01", "/0/0", leshan.TLV)
	d.read("4.01", "/0/0/0", leshan.TEXT)
	d.write("4.01", "/0/0/0", leshan.Replace, leshan.TEXT, leshan.Single(0, leshan.String, "coap://127.0.0.1:5683"))
	d.want("4.01")(d.leshan.WriteAttributes(d.ctx, d.ep, "/0", "pmin=30"))
	d.discover("4.01", "/0")
	d.holds("/0/0/0=coap://" + d.leshan.CoAP)
}

func TestETS222ReadObject(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.reads("/1", leshan.SenMLCBOR, leshan.Object(1, serverNode()))
	d.reads("/3", leshan.TLV, leshan.Object(3, deviceNode()))
}

func TestETS223ReadObjectInstance(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.reads("/1/0", leshan.SenMLJSON, serverNode())
	d.reads("/3/0", leshan.TLV, deviceNode())
}

func TestETS224ReadResource(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.reads("/1/0/1", leshan.TEXT, leshan.Single(1, leshan.Integer, int64(86400)))
	d.reads("/3/0/16", leshan.TLV, leshan.Single(16, leshan.String, "U"))
	d.reads("/3/0/11", leshan.SenMLCBOR, leshan.Multi(11, leshan.Integer, map[int]any{0: int64(0)}))
}

func TestETS225ReadResourceInstance(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	for _, format := range []leshan.Format{leshan.TEXT, leshan.CBOR, leshan.TLV, leshan.SenMLJSON, leshan.SenMLCBOR} {
		d.reads("/3/0/11/0", format, leshan.ResourceInstance(0, leshan.Integer, int64(0)))
	}
}

func TestETS226WritePartialObjectInstance(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.write("2.04", "/1/0", leshan.Partial, leshan.SenMLCBOR,
		leshan.Instance(0, leshan.Single(1, leshan.Integer, 61), leshan.Single(6, leshan.Boolean, true)))
	if r := d.update("lt=61"); r.Lifetime != 61*time.Second {
		t.Errorf("lifetime %v, want 61s", r.Lifetime)
	}
	d.holds("/1/0/1=61", "/1/0/6=true", "/1/0/7=U", "/1/0/5=86400")
	d.reads("/1/0/1", leshan.TEXT, leshan.Single(1, leshan.Integer, int64(61)))
	d.reads("/1/0/6", leshan.TEXT, leshan.Single(6, leshan.Boolean, true))
}

func TestETS227WriteReplaceResource(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.write("2.04", "/1/0/1", leshan.Replace, leshan.TEXT, leshan.Single(1, leshan.Integer, 63))
	if r := d.update("lt=63"); r.Lifetime != 63*time.Second {
		t.Errorf("lifetime %v, want 63s", r.Lifetime)
	}
	d.reads("/1/0/1", leshan.TEXT, leshan.Single(1, leshan.Integer, int64(63)))
	d.holds("/1/0/1=63")
}

func TestETS228WriteResourceInstance(t *testing.T) {
	t.Parallel()
	d := connect(t, c12)
	d.write("2.04", "/16/0/0/0", leshan.Replace, leshan.TEXT, leshan.ResourceInstance(0, leshan.String, "Host Device ID #2"))
	d.write("2.04", "/16/0/0/1", leshan.Replace, leshan.SenMLCBOR, leshan.ResourceInstance(1, leshan.String, "Host Device Manufacturer #2"))
	d.reads("/16/0/0/0", leshan.TEXT, leshan.ResourceInstance(0, leshan.String, "Host Device ID #2"))
	d.reads("/16/0/0/1", leshan.TEXT, leshan.ResourceInstance(1, leshan.String, "Host Device Manufacturer #2"))
	d.holds("/16/0/0/0=Host Device ID #2", "/16/0/0/1=Host Device Manufacturer #2",
		"/16/0/0/2=Host Device Model #1", "/16/0/0/3=Host Device Software Version #1")
}

// Case 229 was withdrawn in favour of 280, which reads more.
func TestETS229ReadComposite(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	r := d.readComposite("2.05", leshan.SenMLCBOR, "/3/0/0", "/1/0/1")
	same(t, "values", r.Composite, map[string]*leshan.Node{
		"/3/0/0": leshan.Single(0, leshan.String, "Open Mobile Alliance"),
		"/1/0/1": leshan.Single(1, leshan.Integer, int64(86400)),
	})
}

func TestETS230WriteComposite(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{leshan.SenMLJSON, leshan.SenMLCBOR} {
		t.Run(string(format), func(t *testing.T) {
			d := connect(t, c12)
			d.writeComposite("2.04", format, map[string]*leshan.Node{
				"/1/0/1":    leshan.Single(1, leshan.Integer, 61),
				"/1/0/6":    leshan.Single(6, leshan.Boolean, true),
				"/16/0/0/0": leshan.ResourceInstance(0, leshan.String, "Host Device ID #2"),
				"/16/0/0/1": leshan.ResourceInstance(1, leshan.String, "Host Device Manufacturer #2"),
				"/16/0/0/2": leshan.ResourceInstance(2, leshan.String, "Host Device Model #2"),
				"/16/0/0/3": leshan.ResourceInstance(3, leshan.String, "Host Device Software Version #2"),
			})
			d.update("lt=61")
			d.holds("/1/0/1=61", "/1/0/6=true", "/16/0/0/0=Host Device ID #2", "/16/0/0/1=Host Device Manufacturer #2",
				"/16/0/0/2=Host Device Model #2", "/16/0/0/3=Host Device Software Version #2")
			r := d.readComposite("2.05", format, "/1/0/1", "/16/0/0/0")
			same(t, "values", r.Composite, map[string]*leshan.Node{
				"/1/0/1":    leshan.Single(1, leshan.Integer, int64(61)),
				"/16/0/0/0": leshan.ResourceInstance(0, leshan.String, "Host Device ID #2"),
			})
		})
	}
}

func TestETS235ReadCompositeRoot(t *testing.T) {
	t.Parallel()
	d := connect(t, c12)
	r := d.readComposite("2.05", leshan.SenMLCBOR, "/")
	root := r.Composite["/"]
	if root == nil {
		t.Fatalf("no root in %s", show(r.Composite))
	}
	var ids []int
	for _, object := range root.Children {
		ids = append(ids, object.ID)
	}
	same(t, "objects", ids, []int{1, 3, 16, 3303})
	same(t, "server", root.At(1, 0), serverNode())
	same(t, "device", root.At(3, 0), deviceNode())
	same(t, "temperature", root.At(3303, 0), leshan.Instance(0, leshan.Single(5700, leshan.Float, 22.5)))
}

func TestETS236ReadCompositePartialPresence(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	r := d.readComposite("2.05", leshan.SenMLJSON, "/1/0/7", "/3/0/20", "/3/0/11/7", "/16/0", "/3442/5/110")
	same(t, "values", r.Composite, map[string]*leshan.Node{
		"/1/0/7":  leshan.Single(7, leshan.String, "U"),
		"/3/0/20": nil, "/3/0/11/7": nil, "/16/0": nil, "/3442/5/110": nil,
	})
	if got := string(r.Payload); got != `[{"n":"/1/0/7","vs":"U"}]` {
		t.Errorf("payload %s", got)
	}
}

func TestETS237ReadObjectWithoutAccept(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	r := d.read("2.05", "/3", "")
	if r.ContentFormat != formatNumbers[leshan.SenMLCBOR] {
		t.Errorf("format %d, want SenML CBOR", r.ContentFormat)
	}
	same(t, "device", r.Content, leshan.Object(3, deviceNode()))
}

func TestETS256WriteFailure(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.write("4.05", "/1/0/0", leshan.Replace, leshan.TEXT, leshan.Single(0, leshan.Integer, 123))
	d.reads("/1/0/0", leshan.TEXT, leshan.Single(0, leshan.Integer, int64(1)))
	d.holds("/1/0/0=1")
}

func TestETS257WriteCompositeServerAndDevice(t *testing.T) {
	t.Parallel()
	d := connect(t, c3, func(d *device) { must(d, d.device.CurrentTime.Set(time.Unix(1_367_491_215, 0))) })
	d.writeComposite("2.04", leshan.SenMLCBOR, map[string]*leshan.Node{
		"/1/0/2":  leshan.Single(2, leshan.Integer, 101),
		"/1/0/6":  leshan.Single(6, leshan.Boolean, true),
		"/3/0/13": leshan.Single(13, leshan.Time, time.Unix(0, 0)),
	})
	d.holds("/1/0/2=101", "/1/0/6=true", "/3/0/13=1970-01-01T00:00:00Z")
	r := d.readComposite("2.05", leshan.SenMLCBOR, "/1/0/2", "/1/0/6", "/3/0/13")
	same(t, "values", r.Composite, map[string]*leshan.Node{
		"/1/0/2":  leshan.Single(2, leshan.Integer, int64(101)),
		"/1/0/6":  leshan.Single(6, leshan.Boolean, true),
		"/3/0/13": leshan.Single(13, leshan.Time, time.Unix(0, 0).UTC()),
	})
}

func TestETS260Discover(t *testing.T) {
	t.Parallel()
	d := connect(t, c4)
	d.discovers("/3", "/3", "/3/0", "/3/0/0", "/3/0/1", "/3/0/2", "/3/0/3",
		"/3/0/6 dim=2", "/3/0/7 dim=2", "/3/0/8 dim=2", "/3/0/9", "/3/0/11 dim=1", "/3/0/16")

	d.writeAttributes("2.04", "/3", "pmin=10&pmax=200")
	d.writeAttributes("2.04", "/3/0/7", "lt=1&gt=6&st=1")
	d.discovers("/3", "/3 pmax=200 pmin=10", "/3/0", "/3/0/0", "/3/0/1", "/3/0/2", "/3/0/3",
		"/3/0/6 dim=2", "/3/0/7 dim=2 gt=6 lt=1 st=1", "/3/0/8 dim=2", "/3/0/9", "/3/0/11 dim=1", "/3/0/16")
	d.discovers("/3/0", "/3/0", "/3/0/0", "/3/0/1", "/3/0/2", "/3/0/3",
		"/3/0/6 dim=2", "/3/0/7 dim=2 gt=6 lt=1 st=1", "/3/0/8 dim=2", "/3/0/9", "/3/0/11 dim=1", "/3/0/16")
	d.discovers("/3/0/7", "/3/0/7 dim=2 gt=6 lt=1 pmax=200 pmin=10 st=1", "/3/0/7/0", "/3/0/7/1")
}

func TestETS261WriteAttributesMultipleResource(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.discovers("/3/0/11", "/3/0/11 dim=1", "/3/0/11/0")
	d.writeAttributes("2.04", "/3/0/11", "pmin=10&pmax=200")
	d.writeAttributes("2.04", "/3/0/11", "pmax=320")
	d.writeAttributes("2.04", "/3/0/11/0", "pmax=100&epmin=1&epmax=20")
	d.discovers("/3/0/11", "/3/0/11 dim=1 pmax=320 pmin=10", "/3/0/11/0 epmax=20 epmin=1 pmax=100")
}

func TestETS280ReadCompositeSuccessful(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{leshan.SenMLJSON, leshan.SenMLCBOR} {
		t.Run(string(format), func(t *testing.T) {
			d := connect(t, c1)
			r := d.readComposite("2.05", format, "/3/0/16", "/3/0/11/0", "/1/0")
			same(t, "values", r.Composite, map[string]*leshan.Node{
				"/3/0/16":   leshan.Single(16, leshan.String, "U"),
				"/3/0/11/0": leshan.ResourceInstance(0, leshan.Integer, int64(0)),
				"/1/0":      serverNode(),
			})
		})
	}
}

func TestETS281ReadCompositePartiallySuccessful(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	r := d.readComposite("2.05", leshan.SenMLCBOR, "/1/0/1", "/1/0/7", "/1/0/8", "/3/0/4")
	same(t, "values", r.Composite, map[string]*leshan.Node{
		"/1/0/1": leshan.Single(1, leshan.Integer, int64(86400)),
		"/1/0/7": leshan.Single(7, leshan.String, "U"),
		"/1/0/8": nil, "/3/0/4": nil,
	})
}
