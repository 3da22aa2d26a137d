package interop

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

// big is data that differs from block to block.
func big(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%d\x00\xff", i)
	}
	return b.Bytes()[:size]
}

// inBlocks checks that a transfer needed blocks.
func (d *device) inBlocks(option string) {
	d.Helper()
	d.message("message with "+option, func(m *leshan.Message) bool { return strings.Contains(m.Options, `"`+option+`"`) })
}

func TestBlocksOfOpaque(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{leshan.OPAQUE, leshan.TEXT, leshan.CBOR, leshan.TLV, leshan.JSON, leshan.SenMLJSON, leshan.SenMLCBOR} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			must(t, d.values.SetItem(1150, 3, model.OpaqueValue(nil)))
			data := big(20_000)
			d.write("2.04", "/3442/0/150", leshan.Replace, format, leshan.Single(150, leshan.Opaque, data))
			d.inBlocks("Block1")
			d.holds(fmt.Sprintf("/3442/0/150=%x", data))
			d.reads("/3442/0/150", format, leshan.Single(150, leshan.Opaque, data))
			d.inBlocks("Block2")
			data = big(10_000)
			d.write("2.04", "/3442/0/1150/3", leshan.Replace, format, leshan.ResourceInstance(3, leshan.Opaque, data))
			d.reads("/3442/0/1150/3", format, leshan.ResourceInstance(3, leshan.Opaque, data))
		})
	}
}

// A body of a thousand blocks.
func TestBlocksOfLargeBody(t *testing.T) {
	t.Parallel()
	d := connect(t)
	node := leshan.Single(150, leshan.Opaque, big(500_000))
	d.write("2.04", "/3442/0/150", leshan.Replace, leshan.OPAQUE, node)
	d.reads("/3442/0/150", leshan.OPAQUE, node)
}

// Bodies around the borders of a block, for blocks of each side's size.
func TestBlockBorders(t *testing.T) {
	t.Parallel()
	for _, size := range []int{16, 64, 512, 1024} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			d := connect(t, func(d *device) { d.config.Transmission.BlockSize = size })
			for _, length := range []int{0, size - 1, size, size + 1, 2*size - 1, 2 * size, 1023, 1024, 1025, 2049} {
				data := strings.Repeat("0123456789abcdef", length/16+1)[:length]
				node := leshan.Single(110, leshan.String, data)
				d.write("2.04", "/3442/0/110", leshan.Replace, leshan.TEXT, node)
				d.holds("/3442/0/110=" + data)
				d.reads("/3442/0/110", leshan.TEXT, node)
			}
		})
	}
}

func TestBlocksOfInstance(t *testing.T) {
	t.Parallel()
	for _, format := range structured {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			values := map[int]any{}
			for i := range 200 {
				values[i] = fmt.Sprintf("value %d of many", i)
			}
			instance := leshan.Instance(0, leshan.Single(110, leshan.String, strings.Repeat("ä", 3000)),
				leshan.Multi(1110, leshan.String, values))
			d.write("2.04", "/3442/0", leshan.Replace, format, instance)
			d.inBlocks("Block1")
			d.holds("/3442/0/1110/199=value 199 of many")
			d.reads("/3442/0", format, instance)
			d.inBlocks("Block2")

			instance.ID = 9
			d.want("2.01")(d.leshan.Create(d.ctx, d.ep, "/3442", format, instance))
			d.holds("/3442/9/1110/199=value 199 of many")
		})
	}
}

// Composite operations whose requests and answers need blocks.
func TestBlocksOfComposite(t *testing.T) {
	t.Parallel()
	for _, format := range []leshan.Format{leshan.SenMLJSON, leshan.SenMLCBOR} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			d := connect(t)
			var paths []string
			nodes := map[string]*leshan.Node{}
			for i := range 150 {
				path := fmt.Sprintf("/3442/0/1110/%d", i)
				paths = append(paths, path)
				nodes[path] = leshan.ResourceInstance(i, leshan.String, fmt.Sprintf("value %d of many", i))
			}
			d.writeComposite("2.04", format, nodes)
			d.message("iPATCH in blocks", func(m *leshan.Message) bool {
				return m.Code == "0.07" && strings.Contains(m.Options, `"Block1"`)
			})
			d.holds("/3442/0/1110/0=value 0 of many", "/3442/0/1110/149=value 149 of many")
			same(t, "values", d.readComposite("2.05", format, paths...).Composite, nodes)
			d.message("FETCH in blocks", func(m *leshan.Message) bool {
				return m.Code == "0.05" && strings.Contains(m.Options, `"Block1"`)
			})
			d.inBlocks("Block2")
		})
	}
}

// A notification brings its first block; Leshan asks for the others.
func TestBlocksOfNotification(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) { must(d, d.values.Set(150, model.OpaqueValue(big(5000)))) })
	first := d.want("2.05")(d.leshan.Observe(d.ctx, d.ep, "/3442/0/150", leshan.OPAQUE))
	same(t, "first value", first.Content, leshan.Single(150, leshan.Opaque, big(5000)))
	for size := 5001; size < 5004; size++ {
		must(t, d.client.Apply(lwm2m.Change{Path: lwm2m.PathOf(3442, 0, 150), Value: model.OpaqueValue(big(size))}))
		n := d.event(leshan.Notified).Notification
		same(t, "notification", n.Content, leshan.Single(150, leshan.Opaque, big(size)))
	}
	d.want("2.05")(d.leshan.CancelObserve(d.ctx, d.ep, "/3442/0/150"))
}

// Whoever sends more than the client takes is told so.
func TestBlocksOfTooLargeBody(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) { d.config.Transmission.MaxBody = 2000 })
	d.write("2.04", "/3442/0/150", leshan.Replace, leshan.OPAQUE, leshan.Single(150, leshan.Opaque, big(2000)))
	d.write("4.13", "/3442/0/150", leshan.Replace, leshan.OPAQUE, leshan.Single(150, leshan.Opaque, big(2001)))
	d.message("largest size", func(m *leshan.Message) bool { return m.Code == "4.13" && strings.Contains(m.Options, `"Size1":2000`) })
	d.holds(fmt.Sprintf("/3442/0/150=%x", big(2000)))
}
