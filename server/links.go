package server

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/lwm2m-go/lwm2m/internal/linkformat"
	"github.com/lwm2m-go/lwm2m/internal/objectlinks"
	"github.com/lwm2m-go/lwm2m/model"
)

// Link is a link of a Discover: what is at Path, and its attributes.
type Link struct {
	Path       model.Path
	Attributes []LinkAttribute // such as pmin, dim or ver, in the order received
}

// LinkAttribute is an attribute in a link.
type LinkAttribute struct {
	Name  string
	Value string // without quotes
}

// Get is the value of an attribute; ok is false if the link does not have it.
func (l *Link) Get(name string) (value string, ok bool) {
	for _, a := range l.Attributes {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// withoutRoot takes the alternate path of a Registration off a path.
func (d dialect) withoutRoot(path string) string {
	root := d.inventory.Root
	if rest, ok := strings.CutPrefix(path, root); ok && root != "" && (rest == "" || rest[0] == '/') {
		return rest
	}
	return path
}

// parseDiscover reads the answer to a Discover (Core 1.1.1 §6.3.2).
func (d dialect) parseDiscover(payload []byte) ([]Link, error) {
	if bytes.HasPrefix(payload, []byte("lwm2m=")) { // Bootstrap-Discover of LwM2M 1.0 begins without the root
		payload = append([]byte("</>;"), payload...)
	}
	parsed, err := linkformat.Parse(payload)
	if err != nil {
		return nil, err
	}
	links := make([]Link, 0, len(parsed))
	for _, p := range parsed {
		path, err := model.ParsePath(d.withoutRoot(p.Target))
		if err != nil {
			return nil, fmt.Errorf("link <%s>: %w", p.Target, err)
		}
		l := Link{Path: path}
		for _, param := range p.Params {
			l.Attributes = append(l.Attributes, LinkAttribute{Name: param.Name, Value: param.Value})
		}
		links = append(links, l)
	}
	return links, nil
}

// parseLinks reads the Objects and Object Instances in the payload of a Register or
// Update (Core 1.1.1 §6.2.1).
func parseLinks(req *request, version model.Version) (model.Inventory, *model.Error) {
	switch {
	case req.format != LinkFormat && req.format != NoContentFormat:
		return model.Inventory{}, &model.Error{
			Code:   model.UnsupportedContentFormat,
			Reason: "links have Content-Format 40, not " + req.format.String(),
		}
	case len(req.payload) == 0:
		return model.Inventory{}, badRequest("the links of Objects and Object Instances are missing")
	}
	inventory, err := objectlinks.Parse(req.payload, version)
	if err != nil {
		return model.Inventory{}, badRequest("%v", err)
	}
	if len(inventory.Objects) == 0 {
		return model.Inventory{}, badRequest("the links name no Object")
	}
	return *inventory, nil
}
