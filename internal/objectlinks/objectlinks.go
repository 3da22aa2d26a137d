// Package objectlinks reads and writes the list of Objects and Object Instances
// that a Client sends when it registers (Core 1.1.1 §6.2.1).
package objectlinks

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lwm2m-go/lwm2m/internal/linkformat"
	"github.com/lwm2m-go/lwm2m/model"
)

// ErrInvalid is wrapped by every error of [Parse].
var ErrInvalid = errors.New("invalid list of Objects")

// resourceType marks the link to the root of the Client's data.
const resourceType = "oma.lwm2m"

// Append appends the list for a registration with the given enabler version; the
// zero Version stands for 1.0. It leaves out
//
//   - the Objects that no list names: Security (0), OSCORE (21) and COSE (23);
//   - formats that every Client of that version supports;
//   - the version of an Object that the enabler defines, if it is the default.
//
// The link to the root comes first, and only if it says something.
func Append(dst []byte, inv *model.Inventory, lwm2m model.Version) []byte {
	root := strings.TrimSuffix(inv.Root, "/")
	formats := slices.DeleteFunc(slices.Clone(inv.Formats), func(f uint16) bool { return isImplied(f, lwm2m) })
	first := len(dst)
	if root != "" || len(formats) > 0 {
		dst = appendRoot(dst, root, formats)
	}
	for i := range inv.Objects {
		o := &inv.Objects[i]
		if isUnlisted(o.ID) {
			continue
		}
		if ver, ok := versionToPrint(o, lwm2m); ok {
			dst = appendLink(dst, first, root, model.PathOf(o.ID), linkformat.Param{Name: "ver", Value: ver, HasValue: true})
		} else if len(o.Instances) == 0 {
			dst = appendLink(dst, first, root, model.PathOf(o.ID))
		}
		for _, id := range o.Instances {
			dst = appendLink(dst, first, root, model.PathOf(o.ID, id))
		}
	}
	return dst
}

func appendRoot(dst []byte, root string, formats []uint16) []byte {
	link := linkformat.Link{
		Target: root,
		Params: []linkformat.Param{{Name: "rt", Value: resourceType, HasValue: true, Quoted: true}},
	}
	if root == "" {
		link.Target = "/"
	}
	if len(formats) > 0 {
		var ct []byte
		for _, f := range formats {
			ct = strconv.AppendUint(append(ct, ' '), uint64(f), 10)
		}
		link.Params = append(link.Params, linkformat.Param{
			Name: "ct", Value: string(ct[1:]), HasValue: true, Quoted: len(formats) > 1,
		})
	}
	return linkformat.AppendLink(dst, &link)
}

// appendLink separates the link from others of the list that begins at first.
func appendLink(dst []byte, first int, root string, p model.Path, params ...linkformat.Param) []byte {
	if len(dst) > first {
		dst = append(dst, ',')
	}
	return linkformat.AppendLink(dst, &linkformat.Link{Target: root + p.String(), Params: params})
}

func isUnlisted(object uint16) bool { return object == 0 || object == 21 || object == 23 }

// isImplied tells plain text, link format and opaque, and TLV of LwM2M 1.0.
func isImplied(format uint16, lwm2m model.Version) bool {
	switch format {
	case 0, 40, 42:
		return true
	case 11542:
		return lwm2m.Compare(model.Version11) < 0
	}
	return false
}

// versionToPrint leaves out only versions on which all peers agree: those of
// Objects that LwM2M 1.0 and 1.1 define.
func versionToPrint(o *model.ObjectInventory, lwm2m model.Version) (string, bool) {
	v, core := model.DefaultVersion(o.ID, lwm2m)
	agreed := core && lwm2m.Compare(model.Version12) < 0
	if o.Version.IsZero() || agreed && o.Version == v {
		return "", false
	}
	return o.Version.String(), true
}

// Parse reads the list of a registration with the given enabler version; the
// zero Version stands for 1.0. Every Object has a version in the result: the one
// of its link or of the link of an Instance, or else its default.
//
// Parse is lenient: the version may be quoted or not, Objects come in any order
// and may be named by their Instances alone, and links to other things than
// Objects and Instances are skipped. Errors wrap [ErrInvalid].
func Parse(payload []byte, lwm2m model.Version) (*model.Inventory, error) {
	links, err := linkformat.Parse(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	inv := &model.Inventory{}
	if link := findRoot(links); link != nil {
		inv.Root = strings.TrimSuffix(link.Target, "/")
		if inv.Formats, err = formatsOf(link); err != nil {
			return nil, err
		}
	}
	objects := map[uint16]*model.ObjectInventory{}
	for i := range links {
		if err := addLink(objects, &links[i], inv.Root); err != nil {
			return nil, err
		}
	}
	for _, o := range objects {
		if o.Version.IsZero() {
			o.Version, _ = model.DefaultVersion(o.ID, lwm2m)
		}
		slices.Sort(o.Instances)
		o.Instances = slices.Compact(o.Instances)
		inv.Objects = append(inv.Objects, *o)
	}
	slices.SortFunc(inv.Objects, func(a, b model.ObjectInventory) int { return int(a.ID) - int(b.ID) })
	return inv, nil
}

// addLink notes what a link says about an Object or an Object Instance.
func addLink(objects map[uint16]*model.ObjectInventory, link *linkformat.Link, root string) error {
	p, err := pathOf(link, root)
	if err != nil || p.Depth() != 1 && p.Depth() != 2 {
		return err
	}
	o := objects[p.Object()]
	if o == nil {
		o = &model.ObjectInventory{ID: p.Object()}
		objects[o.ID] = o
	}
	if p.Depth() == 2 {
		o.Instances = append(o.Instances, p.Instance())
	}
	return setVersion(o, link)
}

// findRoot finds the link that says where the Objects are, or else the link to
// "/", which may have the formats without the resource type.
func findRoot(links []linkformat.Link) *linkformat.Link {
	var slash *linkformat.Link
	for i := range links {
		rt, _ := links[i].Get("rt")
		if slices.Contains(strings.Fields(rt.Value), resourceType) {
			return &links[i]
		}
		if slash == nil && links[i].Target == "/" {
			slash = &links[i]
		}
	}
	return slash
}

// formatsOf reads "ct", which is one number or a quoted list.
func formatsOf(link *linkformat.Link) ([]uint16, error) {
	ct, _ := link.Get("ct")
	var formats []uint16
	for text := range strings.FieldsSeq(ct.Value) {
		f, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%w: <%s> has the ct %.40q, which is not a number of 0 to 65535", ErrInvalid, link.Target, text)
		}
		if !slices.Contains(formats, uint16(f)) {
			formats = append(formats, uint16(f))
		}
	}
	return formats, nil
}

// pathOf returns the root for what is not below the root of the Objects or does
// not begin like an Object.
func pathOf(link *linkformat.Link, root string) (model.Path, error) {
	text, ok := strings.CutPrefix(link.Target, root)
	if text = strings.TrimPrefix(text, "/"); !ok || text == "" || text[0] < '0' || text[0] > '9' {
		return model.Path{}, nil
	}
	if root != "" && link.Target[len(root)] != '/' {
		return model.Path{}, nil // "/lwm2m2" is not below "/lwm2m"
	}
	p, err := model.ParsePath(text)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return p, nil
}

func setVersion(o *model.ObjectInventory, link *linkformat.Link) error {
	ver, ok := link.Get("ver")
	if !ok {
		return nil
	}
	v, err := model.ParseVersion(ver.Value)
	if err != nil {
		return fmt.Errorf("%w: <%s>: %w", ErrInvalid, link.Target, err)
	}
	if !o.Version.IsZero() && o.Version != v {
		return fmt.Errorf("%w: Object %d has version %v and %v", ErrInvalid, o.ID, o.Version, v)
	}
	o.Version = v
	return nil
}
