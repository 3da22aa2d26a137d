package interop

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// discovers checks the links of a Discover, each "path attribute=value …" with
// the attributes in alphabetical order.
func (d *device) discovers(path string, want ...string) {
	d.Helper()
	same(d, "Discover "+path, describe(d.discover("2.05", path)), want)
}

func describe(links []leshan.Link) []string {
	var all []string
	for _, link := range links {
		var attributes []string
		for name, value := range link.Attributes {
			attributes = append(attributes, name+"="+value)
		}
		slices.Sort(attributes)
		all = append(all, strings.Join(append([]string{link.URL}, attributes...), " "))
	}
	return all
}

func (d *device) writeAttributes(code, path, attributes string) {
	d.Helper()
	d.want(code)(d.leshan.WriteAttributes(d.ctx, d.ep, path, attributes))
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		d.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { return nil })
		d.config.Objects = append(d.config.Objects, portfolio(t, 0, "a", "b"), portfolio(t, 7, "c"))
	})
	d.discovers("/3303", "/3303 ver=1.1", "/3303/0", "/3303/0/5700")
	d.discovers("/16", "/16", "/16/0", "/16/0/0 dim=2", "/16/7", "/16/7/0 dim=1")
	d.discovers("/16/7", "/16/7", "/16/7/0 dim=1")
	d.discovers("/16/0/0", "/16/0/0 dim=2", "/16/0/0/0", "/16/0/0/1")
	d.discovers("/3/0/4", "/3/0/4")
	d.discovers("/1/0", "/1/0", "/1/0/0", "/1/0/1", "/1/0/4", "/1/0/5", "/1/0/6", "/1/0/7", "/1/0/8", "/1/0/23")
	d.discover("4.04", "/4242")
	d.discover("4.04", "/3/1")
	d.discover("4.04", "/3/0/20") // has no value
	d.discover("4.01", "/0/0")
}

// Attributes are shown where they were written, and by a Resource also those that it inherits.
func TestWriteAttributes(t *testing.T) {
	t.Parallel()
	d := connect(t, func(d *device) {
		d.config.Objects = append(d.config.Objects, portfolio(t, 0, "a", "b"))
	})
	d.writeAttributes("2.04", "/3303", "pmin=5&pmax=50")
	d.writeAttributes("2.04", "/3303/0", "pmax=60&epmin=1&epmax=2")
	d.writeAttributes("2.04", "/3303/0/5700", "gt=30.5&lt=-10.25&st=0.5")
	d.discovers("/3303", "/3303 pmax=50 pmin=5 ver=1.1", "/3303/0 epmax=2 epmin=1 pmax=60",
		"/3303/0/5700 gt=30.5 lt=-10.25 st=0.5")
	d.discovers("/3303/0/5700", "/3303/0/5700 epmax=2 epmin=1 gt=30.5 lt=-10.25 pmax=60 pmin=5 st=0.5")
	d.writeAttributes("2.04", "/3303/0/5700", "gt&pmin=7")
	d.discovers("/3303/0", "/3303/0 epmax=2 epmin=1 pmax=60", "/3303/0/5700 lt=-10.25 pmin=7 st=0.5")
	d.writeAttributes("2.04", "/16/0/0/1", "pmin=3")
	d.discovers("/16/0/0", "/16/0/0 dim=2", "/16/0/0/0", "/16/0/0/1 pmin=3")

	d.writeAttributes("4.00", "/3/0/0", "gt=5")         // no number
	d.writeAttributes("4.00", "/3303/0/5700", "gt=-11") // below lt, which is there already
	d.writeAttributes("4.04", "/3303/1", "pmin=5")
	d.writeAttributes("4.04", "/4242", "pmin=5")
	d.discovers("/3303/0/5700", "/3303/0/5700 epmax=2 epmin=1 lt=-10.25 pmax=60 pmin=7 st=0.5")
}
