package interop

import (
	"slices"
	"strings"

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
