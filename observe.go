package lwm2m

import (
	"errors"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/observe"
	"github.com/lwm2m-go/lwm2m/model"
)

// observation is what a server observes, with the token of its request.
type observation = observe.Observation[coap.Token]

// observe performs an Observe (Core 1.1.1 §6.4.1): a Read whose answer is the
// first notification.
func (op *operation) observe(now time.Time, options coap.Options) {
	if op.startObserving(now, []Path{op.path}, options) {
		op.read(now)
	}
}

// startObserving registers an observation before its values are read, so that no
// change is missed. It refuses more than are allowed.
func (op *operation) startObserving(now time.Time, paths []Path, options coap.Options) bool {
	c, server := op.client(), op.session.ssid
	own, hasOwn, err := op.ownAttributes(options)
	c.mu.Lock()
	r := c.reporting()
	if err == nil && r.Len() >= c.maxObservations && r.Find(server, op.token) == nil {
		err = &Error{Code: ServiceUnavailable, Path: op.path, Reason: "too many observations"}
	}
	if err == nil {
		r.SetDefaults(server, op.session.defaults())
		op.observation = r.Add(now, observe.Request[coap.Token]{
			Server: server, Token: op.token, Paths: paths, Composite: op.composite, Context: op.key,
			Attributes: own, HasOwn: hasOwn,
		})
		r.resumeBacklog(op.observation)
	}
	c.mu.Unlock()
	if err != nil {
		op.fail(now, err)
	}
	return err == nil
}

// ownAttributes are those in the Observe itself, which stand in for all that are attached
// (Core 1.2 §6.4.1). A client below LwM2M 1.2 must refuse them.
func (op *operation) ownAttributes(options coap.Options) (a model.Attributes, given bool, err error) {
	if !options.Has(coap.UriQuery) {
		return a, false, nil
	}
	c, version := op.client(), op.session.version()
	refuse := func(reason string) error { return &Error{Code: BadRequest, Path: op.path, Reason: reason} }
	if version.Compare(model.Version12) < 0 {
		return a, false, refuse("an Observe has attributes of its own since LwM2M 1.2 only")
	}
	update, err := model.ParseAttributes(options.All(coap.UriQuery), version)
	if err == nil {
		a, err = update.Apply(a)
	}
	if err == nil && op.composite {
		err = checkCompositeAttributes(a)
	} else if err == nil {
		c.mu.Lock()
		resource, targetErr := c.tree.Target(op.caller(), op.path)
		c.mu.Unlock()
		if targetErr != nil {
			return a, false, targetErr
		}
		err = update.CheckLevel(op.path, resource)
	}
	if err != nil {
		return a, false, refuse(err.Error())
	}
	return a, true, nil
}

// checkCompositeAttributes refuses attributes that an Observe-Composite cannot have.
func checkCompositeAttributes(a model.Attributes) error {
	for attr := model.MinPeriod; attr <= model.MaxHistory; attr++ {
		if a.Has(attr) && (attr.IsThreshold() || attr == model.MaxHistory) {
			return &model.AttributeError{Name: attr.Name(), Detail: "not of an Observe-Composite", Err: model.ErrAttributeLevel}
		}
	}
	return nil
}

// observing completes the observation with the format of its first notification,
// which the others keep.
func (op *operation) observing(now time.Time, f format.ContentFormat) {
	c, o := op.client(), op.observation
	c.mu.Lock()
	o.Format = uint16(f)
	c.mu.Unlock()
	for _, p := range o.Paths {
		c.emit(Event{Kind: Observed, Time: now, Server: o.Server, Path: p})
	}
}

// observingFailed forgets the observation, as its first Read failed.
func (op *operation) observingFailed(now time.Time) {
	o := op.observation
	if o == nil {
		return
	}
	c := op.client()
	c.mu.Lock()
	if c.observed.Find(o.Server, op.token) == o {
		c.observed.Cancel(o.Server, op.token)
	}
	c.mu.Unlock()
	c.emitDropped(now, o)
}

// cancel performs a Cancel Observation by a request with Observe=1 (Core 1.1.1 §6.4.2).
// The request is then answered as a Read.
func (op *operation) cancel(now time.Time) {
	op.client().endObservation(now, op.session.ssid, op.token, nil)
	op.conn.EndObservation(now, op.token)
}

// endObservation forgets an observation.
func (c *Client) endObservation(now time.Time, server uint16, token coap.Token, reason error) {
	c.mu.Lock()
	var o *observation
	if c.observed != nil {
		o = c.observed.Find(server, token)
		c.observed.Cancel(server, token)
	}
	c.mu.Unlock()
	if o != nil {
		c.emitEnd(now, o, reason)
	}
}

// emitEnd tells of the end of an observation, and of what was not told or not acknowledged before.
func (c *Client) emitEnd(now time.Time, o *observation, reason error) {
	c.emitDropped(now, o)
	for _, p := range o.Paths {
		c.emit(Event{Kind: ObservationEnded, Time: now, Server: o.Server, Path: p, Err: reason})
	}
}

// ObservationEnded takes note that the server reset a notification, or left a
// confirmable one unanswered. Only the first ends the observation: a server that is out of reach
// for a while still wants to know.
func (s *session) ObservationEnded(now time.Time, token coap.Token, reason error) {
	if errors.Is(reason, coap.ErrReset) {
		s.client.endObservation(now, s.ssid, token, reason)
	}
}
