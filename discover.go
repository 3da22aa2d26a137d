package lwm2m

import (
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/linkformat"
	"github.com/lwm2m-go/lwm2m/internal/observe"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// discover performs a Discover (Core 1.1.1 §6.3.2): links to what is at the path
// and below, each with the attributes that are attached to it. A Resource, being the target, also shows
// those that it inherits.
func (op *operation) discover(now time.Time) {
	c := op.client()
	server := op.session.ssid
	c.mu.Lock()
	entries, err := c.tree.Discover(nil, op.caller(), op.path)
	var payload []byte
	for i, entry := range entries {
		attributes := c.observed.Attributes.Own(server, entry.Path)
		if i == 0 && entry.Path.Depth() == 3 {
			attributes = c.observed.Attributes.Effective(server, entry.Path, observe.Defaults{})
		}
		if i > 0 {
			payload = append(payload, ',')
		}
		payload = appendEntry(payload, entry, attributes)
	}
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
		return
	}
	r := coap.Response{Code: coap.Content, Payload: payload}
	r.Options.AddUint(coap.ContentFormat, uint32(format.Link))
	op.respond(now, &r)
}

// appendEntry appends one link, such as </3/0/7>;dim=2;pmin=10.
func appendEntry(dst []byte, entry tree.Entry, attributes model.Attributes) []byte {
	link := linkformat.Link{Target: entry.Path.String()}
	if !entry.Version.IsZero() {
		link.Params = append(link.Params, linkformat.Param{Name: "ver", Value: entry.Version.String(), HasValue: true})
	}
	if entry.Dim >= 0 {
		link.Params = append(link.Params, linkformat.Param{Name: "dim", Value: strconv.Itoa(entry.Dim), HasValue: true})
	}
	dst = linkformat.AppendLink(dst, &link)
	dst, _ = attributes.AppendText(dst)
	return dst
}
