package format

import (
	"slices"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/model"
)

// start is where the paths of a payload in LwM2M CBOR begin. They have the Object
// ID first but in a Write or Create, where the request path may be left out
// (Core 1.2 §7.4.6). The first value decides for all: the number of levels tells.
type start uint8

const (
	startUnknown start = iota
	startObject        // with the Object ID
	startBase          // below the request path
)

// branch is the identifiers on the way to an item, at most four.
type branch struct {
	ids   [4]uint16
	depth int
}

// lwm2mCBOR reads maps of identifiers, nested and with arrays as keys in any way.
func (d *decoder) lwm2mCBOR(payload []byte) error {
	if err := wellFormed(payload); err != nil {
		return malformed(LwM2MCBOR, err)
	}
	d.nodes = make([]Node, 0, min(len(payload)/3, 16))
	in := cbor.NewDecoder(payload)
	if err := d.branches(&in, branch{}); err != nil {
		return err
	}
	return d.checkUnique()
}

// branches reads a map whose keys continue b.
func (d *decoder) branches(in *cbor.Decoder, b branch) error {
	offset := in.Offset()
	items, err := in.Map()
	if err != nil {
		return malformed(LwM2MCBOR, err)
	}
	empty := true
	for ; in.More(&items); empty = false {
		next := b
		if err := next.readKey(in); err != nil {
			return err
		}
		if in.Peek() == cbor.Map {
			err = d.branches(in, next)
		} else {
			err = d.leaf(in, next)
		}
		if err != nil {
			return err
		}
	}
	if empty && b.depth > 0 {
		return d.emptyPlace(b, offset)
	}
	return nil
}

// readKey appends a key to b: an identifier or an array of them.
func (b *branch) readKey(in *cbor.Decoder) error {
	if in.Peek() != cbor.Array {
		return b.readID(in)
	}
	offset, before := in.Offset(), b.depth
	items, err := in.Array()
	if err != nil {
		return malformed(LwM2MCBOR, err)
	}
	for in.More(&items) {
		if err := b.readID(in); err != nil {
			return err
		}
	}
	if b.depth == before {
		return atOffset(LwM2MCBOR, ErrMalformed, offset, "key without identifiers")
	}
	return nil
}

func (b *branch) readID(in *cbor.Decoder) error {
	offset := in.Offset()
	if kind := in.Peek(); kind != cbor.Uint {
		return atOffset(LwM2MCBOR, ErrMalformed, offset, "%v as an identifier", kind)
	}
	number, err := in.Number()
	if err != nil {
		return malformed(LwM2MCBOR, err)
	}
	id, _ := number.Uint()
	switch {
	case id >= model.MaxID:
		return atOffset(LwM2MCBOR, ErrMalformed, offset, "identifier %d, highest is 65534", id)
	case b.depth == len(b.ids):
		return atOffset(LwM2MCBOR, ErrMalformed, offset, "path of more than 4 identifiers")
	}
	b.ids[b.depth] = uint16(id)
	b.depth++
	return nil
}

// leaf reads the value at the end of b, or null.
func (d *decoder) leaf(in *cbor.Decoder, b branch) error {
	p, err := d.place(b, 3, in.Offset())
	if err != nil {
		return err
	}
	kind, err := d.kind(p)
	if err != nil {
		return err
	}
	if in.Peek() == cbor.Null {
		if p.Depth() != 4 {
			return at(LwM2MCBOR, ErrPath, p, "null removes only resource instances")
		}
		if err := in.Null(); err != nil {
			return malformed(LwM2MCBOR, err)
		}
		return d.add(Node{Path: p})
	}
	v, err := cborValue(kind, in)
	if err != nil {
		return valueError(LwM2MCBOR, p, err)
	}
	return d.add(Node{Path: p, Value: v})
}

// emptyPlace notes an empty map: an Object, Object Instance or multiple-instance
// Resource with nothing in it.
func (d *decoder) emptyPlace(b branch, offset int) error {
	p, err := d.place(b, 1, offset)
	if err != nil {
		return err
	}
	if p.Depth() == 4 {
		return at(LwM2MCBOR, ErrMalformed, p, "a map for a value")
	}
	if p.Depth() == 3 {
		if _, err := d.kind(p.Child(0)); err != nil {
			return err
		}
	}
	return d.add(Node{Path: p})
}

// place makes a path of b, of at least the given number of levels.
func (d *decoder) place(b branch, levels, offset int) (p model.Path, err error) {
	absolute := model.PathOf(b.ids[:b.depth]...)
	relative, fits := d.below(b)
	if d.start == startUnknown {
		d.start = startObject
		if fits && relative.Depth() >= levels && (b.depth < levels || !d.base.Contains(absolute)) {
			d.start = startBase
		}
	}
	p = absolute
	if d.start == startBase {
		if p = relative; !fits {
			return p, atOffset(LwM2MCBOR, ErrMalformed, offset, "path of more than 4 identifiers below %v", d.base)
		}
	}
	switch {
	case p.Depth() < levels:
		return p, at(LwM2MCBOR, ErrPath, p, "not the path of a resource")
	case !d.base.Contains(p):
		return p, at(LwM2MCBOR, ErrPath, p, "not below %v", d.base)
	}
	return p, nil
}

// below is b as a path relative to the request path; it may be too long for that.
func (d *decoder) below(b branch) (p model.Path, ok bool) {
	if d.base.Depth()+b.depth > len(b.ids) {
		return model.Path{}, false
	}
	p = d.base
	for _, id := range b.ids[:b.depth] {
		p = p.Child(id)
	}
	return p, true
}

// checkUnique makes sure that no path comes twice: keys of a map are unique, and
// another way to nest the same path does not change that.
func (d *decoder) checkUnique() error {
	paths := d.nodes
	if !slices.IsSortedFunc(paths, byPath) {
		paths = slices.SortedFunc(slices.Values(paths), byPath)
	}
	for i := 1; i < len(paths); i++ {
		if p := paths[i].Path; p == paths[i-1].Path {
			return at(LwM2MCBOR, ErrMalformed, p, "given twice")
		}
	}
	return nil
}

func byPath(a, b Node) int { return a.Path.Compare(b.Path) }
