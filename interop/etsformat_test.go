package interop

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// Numbers of the Content-Formats (Transport 1.1.1 §6.4.4).
var formatNumbers = map[leshan.Format]int{
	leshan.TEXT: 0, leshan.OPAQUE: 42, leshan.CBOR: 60, leshan.SenMLJSON: 110,
	leshan.SenMLCBOR: 112, leshan.TLV: 11542, leshan.JSON: 11543,
}

// reads checks what Leshan reads at a path, and the format in which it came.
func (d *device) reads(path string, format leshan.Format, want *leshan.Node) {
	d.Helper()
	r := d.read("2.05", path, format)
	if number := formatNumbers[format]; r.ContentFormat != number {
		d.Errorf("%s came in format %d, want %d", path, r.ContentFormat, number)
	}
	same(d, path+" in "+string(format), r.Content, want)
}

func TestETS201QueryPlainText(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.reads("/3/0/0", leshan.TEXT, leshan.Single(0, leshan.String, "Open Mobile Alliance"))
	d.reads("/3/0/1", leshan.TEXT, leshan.Single(1, leshan.String, "Lightweight M2M Client"))
	d.reads("/3/0/2", leshan.TEXT, leshan.Single(2, leshan.String, "345000123"))
}

func TestETS203QueryTLV(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.reads("/3/0", leshan.TLV, deviceNode())
	want := "c800144f70656e204d6f62696c6520416c6c69616e6365c801164c69676874776569676874204d324d20436c69656e74" +
		"c80209333435303030313233c303312e30830b410000c11055"
	if got := hex.EncodeToString(d.read("2.05", "/3/0", leshan.TLV).Payload); got != want {
		t.Errorf("payload %s, want %s", got, want)
	}
}

func TestETS204QueryJSON(t *testing.T) {
	t.Parallel()
	d := connect(t, c1)
	d.reads("/3/0", leshan.JSON, deviceNode())
	d.reads("/3/0/0", leshan.JSON, leshan.Single(0, leshan.String, "Open Mobile Alliance"))
}

func TestETS205SetPlainText(t *testing.T) {
	t.Parallel()
	d := connect(t, c3)
	set := func(resource, value int) {
		t.Helper()
		path := fmt.Sprintf("/1/0/%d", resource)
		d.write("2.04", path, leshan.Replace, leshan.TEXT, leshan.Single(resource, leshan.Integer, value))
		d.reads(path, leshan.TEXT, leshan.Single(resource, leshan.Integer, int64(value)))
	}
	set(2, 101)
	set(3, 1010)
	set(5, 2000)
	d.holds("/1/0/2=101", "/1/0/3=1010", "/1/0/5=2000")
	set(2, 3)
	set(3, 10)
	set(5, 86400)
	d.holds("/1/0/2=3", "/1/0/3=10", "/1/0/5=86400")
}

func TestETS211QueryCBOR(t *testing.T) {
	t.Parallel()
	d := connect(t, c3)
	d.reads("/1/0/0", leshan.CBOR, leshan.Single(0, leshan.Integer, int64(1)))
	d.reads("/1/0/6", leshan.CBOR, leshan.Single(6, leshan.Boolean, false))
	d.reads("/1/0/7", leshan.CBOR, leshan.Single(7, leshan.String, "U"))
}

func TestETS212SetCBOR(t *testing.T) {
	t.Parallel()
	d := connect(t, c3)
	d.write("2.04", "/1/0/2", leshan.Replace, leshan.CBOR, leshan.Single(2, leshan.Integer, 101))
	d.write("2.04", "/1/0/3", leshan.Replace, leshan.CBOR, leshan.Single(3, leshan.Integer, 1010))
	d.write("2.04", "/1/0/6", leshan.Replace, leshan.CBOR, leshan.Single(6, leshan.Boolean, true))
	d.reads("/1/0/2", leshan.CBOR, leshan.Single(2, leshan.Integer, int64(101)))
	d.reads("/1/0/3", leshan.CBOR, leshan.Single(3, leshan.Integer, int64(1010)))
	d.reads("/1/0/6", leshan.CBOR, leshan.Single(6, leshan.Boolean, true))
	d.holds("/1/0/2=101", "/1/0/3=1010", "/1/0/6=true")
}

func TestETS215SetTLV(t *testing.T) {
	t.Parallel()
	d := setServer(t, leshan.TLV)
	m := d.message("Write", func(m *leshan.Message) bool { return m.Code == "0.02" && m.Options != "" && !m.Incoming })
	if got := hex.EncodeToString(m.Payload); got != "c10265c20303f2c20507d0c10601c10755" {
		t.Errorf("payload %s", got)
	}
}

func TestETS220SetJSON(t *testing.T) {
	t.Parallel()
	setServer(t, leshan.JSON)
}

func TestETS231QuerySenMLJSON(t *testing.T) {
	t.Parallel()
	queryAll(t, leshan.SenMLJSON)
}

func TestETS232QuerySenMLCBOR(t *testing.T) {
	t.Parallel()
	queryAll(t, leshan.SenMLCBOR)
}

func TestETS233SetSenMLCBOR(t *testing.T) {
	t.Parallel()
	setServer(t, leshan.SenMLCBOR)
}

func TestETS234SetSenMLJSON(t *testing.T) {
	t.Parallel()
	setServer(t, leshan.SenMLJSON)
}

// setServer writes several resources of the Server Object by one message, as the
// cases 215, 220, 233 and 234 do in different formats.
func setServer(t *testing.T, format leshan.Format) *device {
	t.Helper()
	d := connect(t, c3)
	d.write("2.04", "/1/0", leshan.Partial, format, leshan.Instance(0,
		leshan.Single(2, leshan.Integer, 101), leshan.Single(3, leshan.Integer, 1010), leshan.Single(5, leshan.Integer, 2000),
		leshan.Single(6, leshan.Boolean, true), leshan.Single(7, leshan.String, "U")))
	d.holds("/1/0/0=1", "/1/0/1=86400", "/1/0/2=101", "/1/0/3=1010", "/1/0/5=2000", "/1/0/6=true", "/1/0/7=U")
	d.reads("/1/0", format, leshan.Instance(0,
		leshan.Single(0, leshan.Integer, int64(1)), leshan.Single(1, leshan.Integer, int64(86400)),
		leshan.Single(2, leshan.Integer, int64(101)), leshan.Single(3, leshan.Integer, int64(1010)),
		leshan.Single(5, leshan.Integer, int64(2000)), leshan.Single(6, leshan.Boolean, true),
		leshan.Single(7, leshan.String, "U"), leshan.Single(23, leshan.Boolean, false)))
	return d
}

// queryAll reads an object, an instance, a resource and a resource instance, as
// the cases 231 and 232 do.
func queryAll(t *testing.T, format leshan.Format) {
	t.Helper()
	d := connect(t, c1)
	d.reads("/1", format, leshan.Object(1, serverNode()))
	d.reads("/3/0", format, deviceNode())
	d.reads("/3/0/16", format, leshan.Single(16, leshan.String, "U"))
	d.reads("/3/0/11/0", format, leshan.ResourceInstance(0, leshan.Integer, int64(0)))
}
