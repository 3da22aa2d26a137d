package lwm2m

import (
	"bytes"
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/linkformat"
	"github.com/lwm2m-go/lwm2m/internal/observe"
	"github.com/lwm2m-go/lwm2m/internal/tree"
	"github.com/lwm2m-go/lwm2m/model"
)

// discover performs a Discover (Core 1.2 §6.3.2): links to what is at the path
// and below, each with the attributes that are attached to it. The target also shows
// those that it inherits: a Resource, and since LwM2M 1.2 any target, then with the
// defaults of the server's account.
func (op *operation) discover(now time.Time, options coap.Options) {
	c := op.client()
	server := op.session.ssid
	depth, err := op.depth(options)
	if err != nil {
		op.fail(now, err)
		return
	}
	c.mu.Lock()
	entries, err := c.tree.Discover(nil, op.caller(), op.path, depth)
	attached := &c.reporting().Attributes
	var payload []byte
	for i, entry := range entries {
		attributes := attached.Own(server, entry.Path)
		switch {
		case i == 0 && op.session.version().Compare(Version12) >= 0:
			attributes = attached.Effective(server, entry.Path, op.session.defaults())
		case i == 0 && entry.Path.Depth() == 3:
			attributes = attached.Effective(server, entry.Path, observe.Defaults{})
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

// depth is how many levels below the path are asked for, 0 to 3. Before LwM2M 1.2 that
// means nothing, and is passed over.
func (op *operation) depth(options coap.Options) (int, error) {
	depth := tree.DefaultDepth
	if op.client().version.Compare(Version12) < 0 {
		return depth, nil
	}
	for query := range options.All(coap.UriQuery) {
		value, ok := bytes.CutPrefix(query, []byte("depth="))
		switch {
		case !ok:
			continue
		case depth != tree.DefaultDepth || len(value) != 1 || value[0] < '0' || value[0] > '3':
			return 0, &Error{Code: BadRequest, Path: op.path, Reason: "depth is a number of 0 to 3, given once"}
		}
		depth = int(value[0] - '0')
	}
	return depth, nil
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
