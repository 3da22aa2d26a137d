package shell

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/model"
)

// decoder turns messages into lines for people. Answers are read with the help of the requests that went before.
type decoder struct {
	device *Device

	mu       sync.Mutex
	requests map[string]lwm2m.Path // by server, direction and token
	order    []string              // of requests, oldest first
}

// maxRequests is how many requests are remembered, among them those of observations.
const maxRequests = 1000

// line describes a message.
func (d *decoder) line(server uint16, sent bool, datagram []byte) string {
	direction := "<-"
	if sent {
		direction = "->"
	}
	var m coap.Message
	if err := m.Parse(datagram); err != nil {
		return fmt.Sprintf("%s server %d  %d bytes that are no message: %v", direction, server, len(datagram), err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s server %d  %v %v", direction, server, m.Type, m.Code)
	p, known := d.place(server, sent, &m)
	if m.Code.IsRequest() {
		b.WriteString(" " + m.Options.Path(coap.UriPath) + queries(m.Options))
		if name := d.device.nameOf(p); known && name != "" {
			fmt.Fprintf(&b, " (%s)", name)
		}
	}
	fmt.Fprintf(&b, " mid=%d", m.MessageID)
	if token := m.Token.String(); token != "" {
		b.WriteString(" token=" + token)
	}
	b.WriteString(options(&m))
	if len(m.Payload) > 0 {
		b.WriteString("  " + d.payload(&m, p, known))
	}
	return b.String()
}

// place is what a message is about: a request by its path, an answer or a notification by the request. It is not
// known for requests that are not about the Objects of the device.
func (d *decoder) place(server uint16, sent bool, m *coap.Message) (p lwm2m.Path, known bool) {
	if !m.Code.IsRequest() {
		d.mu.Lock()
		defer d.mu.Unlock()
		p, known = d.requests[fmt.Sprint(server, !sent, m.Token)]
		return p, known
	}
	if sent { // the device asks for nothing but registration, bootstrap and Send
		return p, m.Options.Path(coap.UriPath) == "/dp"
	}
	p, err := lwm2m.ParsePath(m.Options.Path(coap.UriPath))
	if err != nil {
		return p, false
	}
	d.remember(fmt.Sprint(server, sent, m.Token), p)
	return p, true
}

func (d *decoder) remember(key string, p lwm2m.Path) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.requests[key]; !ok {
		d.order = append(d.order, key)
	}
	if len(d.order) > maxRequests {
		delete(d.requests, d.order[0])
		d.order = d.order[1:]
	}
	d.requests[key] = p
}

func queries(options coap.Options) string {
	var all []string
	for q := range options.All(coap.UriQuery) {
		all = append(all, string(q))
	}
	if len(all) == 0 {
		return ""
	}
	return "?" + strings.Join(all, "&")
}

// options are those that do not show elsewhere.
func options(m *coap.Message) string {
	var b strings.Builder
	if m.Options.Has(coap.LocationPath) {
		b.WriteString(" location=" + m.Options.Path(coap.LocationPath))
	}
	for _, o := range m.Options {
		switch o.ID {
		case coap.UriPath, coap.UriQuery, coap.LocationPath, coap.ContentFormat:
		case coap.Accept:
			n, _ := m.Options.Uint(coap.Accept)
			fmt.Fprintf(&b, " Accept=%q", format.ContentFormat(n).String())
		case coap.Block1, coap.Block2:
			block, _ := m.Options.Block(o.ID)
			fmt.Fprintf(&b, " %v=%s", o.ID, blockText(block))
		case coap.Observe, coap.MaxAge, coap.Size1, coap.Size2, coap.UriPort:
			n, _ := m.Options.Uint(o.ID)
			fmt.Fprintf(&b, " %v=%d", o.ID, n)
		default:
			fmt.Fprintf(&b, " %v=%x", o.ID, o.Value)
		}
	}
	return b.String()
}

// blockText is a block option, such as "2/more/1024".
func blockText(b coap.Block) string {
	more := "last"
	if b.More {
		more = "more"
	}
	return fmt.Sprintf("%d/%s/%d", b.Number, more, b.Size())
}

// payload describes the payload of a message about p. What cannot be read in full is counted only: it may hold keys.
func (d *decoder) payload(m *coap.Message, p lwm2m.Path, known bool) string {
	f, has := m.Options.Uint(coap.ContentFormat)
	content := format.ContentFormat(f)
	count := fmt.Sprintf("%d bytes", len(m.Payload))
	if has {
		count += " of " + content.String()
	}
	switch {
	case isPart(m.Options):
		return count + ", a part"
	case !has && (!m.Code.IsRequest() && !m.Code.IsSuccess()), has && content == format.Link:
		if utf8.Valid(m.Payload) {
			return content.String() + ": " + string(m.Payload)
		}
		return count
	case !known || isProtected(p):
		return count
	}
	if m.Code == coap.FETCH {
		paths, err := format.DecodePaths(content, m.Payload)
		if err != nil {
			return count + " that make no sense"
		}
		return content.String() + ": " + joined(paths)
	}
	if m.Code == coap.POST && !has || content == format.Text && m.Code == coap.POST {
		return "arguments: " + fmt.Sprintf("%q", m.Payload)
	}
	return d.values(content, p, m.Payload, count)
}

// isPart reports whether the payload is one block of several.
func isPart(options coap.Options) bool {
	for _, id := range []coap.OptionID{coap.Block1, coap.Block2} {
		if b, ok := options.Block(id); ok && (b.Number > 0 || b.More) {
			return true
		}
	}
	return false
}

// isProtected reports whether an Object holds keys.
func isProtected(p lwm2m.Path) bool {
	switch p.Object() {
	case objectSecurity, 21, 23:
		return !p.IsRoot()
	}
	return false
}

func joined(paths []lwm2m.Path) string {
	var all []string
	for _, p := range paths {
		all = append(all, p.String())
	}
	return strings.Join(all, " ")
}

// values describes the values of a payload.
func (d *decoder) values(f format.ContentFormat, p lwm2m.Path, payload []byte, count string) string {
	base := p
	if f.Composite() && p.IsRoot() {
		base = lwm2m.Path{}
	}
	nodes, err := format.Decode(f, base, payload, types{d.device})
	if err != nil {
		return count + " that make no sense: " + reason(err)
	}
	var all []string
	for _, n := range nodes {
		all = append(all, d.node(n))
	}
	return f.String() + ": " + strings.Join(all, ", ")
}

// node describes a value, with its name.
func (d *decoder) node(n format.Node) string {
	text := n.Path.String()
	if name := d.device.nameOf(n.Path); name != "" {
		text += " " + name
	}
	switch {
	case isProtected(n.Path):
		text += " = (not shown)"
	case n.Value.Kind() == model.String:
		text += fmt.Sprintf(" = %q", n.Value.Text())
	case n.Value.Kind() == model.Opaque:
		text += " = " + listed(n.Value)
	case n.Value.IsZero():
		text += " (empty)"
	default:
		text += " = " + n.Value.String()
	}
	if !n.Time.IsZero() {
		text += " at " + n.Time.UTC().Format("15:04:05.000")
	}
	return text
}

// types tells the types of Resources.
type types struct{ device *Device }

// Resource tells the type of a Resource.
func (t types) Resource(object, resource uint16) (kind model.Kind, multiple, ok bool) {
	return t.device.resourceType(object, resource)
}
