package lwm2m

import (
	"context"
	"errors"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/history"
	"github.com/lwm2m-go/lwm2m/internal/loop"
)

// persistence keeps the state of a client in its Store. What changes is noted where it happens, under the client's mu, and
// saved by a goroutine that lives while there is something to save: in order, and what changes while it is at work
// together afterwards.
type persistence struct {
	client  *Client
	store   Store
	stay    bool              // Config.StayRegistered
	factory map[uint16]digest // of the Objects that are kept, as Config has made them

	// Of what is in the Store, by key, as far as that is known. It belongs to the goroutine, and to NewClient before.
	stored map[string]digest

	// Guarded by the client's mu.
	unsaved         parts
	waiting         []func(now time.Time, err error) // for what was unsaved when they came
	saving          bool
	failed          bool                      // the last attempt
	idle            chan struct{}             // closed when the goroutine has ended; nil until somebody waits
	encodedSessions []byte                    // nil if there are none
	samples         map[Path][]history.Sample // saved ones that no Resource has claimed yet

	// Owned by the loop.
	timer    loop.Timer // for what may wait
	sessions sessionsState
}

// parts is a set of what is kept.
type parts uint8

const (
	devicePart   parts = 1 << iota // accounts and attributes
	historyPart                    // samples; they may wait
	sessionsPart                   // what there is with the servers
)

const (
	// historyDelay is how long samples wait to be saved: a flash memory must not wear out by them.
	historyDelay = 10 * time.Second
	// saveAgain is the time to the next attempt after one that failed.
	saveAgain = time.Minute
)

// The keys of a client in its Store.
func (p *persistence) deviceKey() string   { return p.client.endpoint + "/device" }
func (p *persistence) historyKey() string  { return p.client.endpoint + "/history" }
func (p *persistence) sessionsKey() string { return p.client.endpoint + "/sessions" }

// isKept reports whether the values of an Object are kept: Security, Server, Access Control, OSCORE.
func isKept(object uint16) bool {
	return object == objectSecurity || object == objectServer || object == objectAccessControl || object == objectOSCORE
}

// noteKept notes a change at p or, with a path of two levels, of an Object Instance as a whole. It is called with c.mu held.
func (c *Client) noteKept(p Path) {
	if c.persist != nil && isKept(p.Object()) {
		c.note(devicePart)
	}
}

// noteAttributes notes that attributes were attached or removed. It is called with c.mu held.
func (c *Client) noteAttributes() {
	if c.persist != nil {
		c.note(devicePart)
	}
}

func (c *Client) note(what parts) {
	c.persist.unsaved |= what
	c.wake()
}

// keep calls done once what has changed so far is saved, on the loop, with the error if that failed; at once if there is
// nothing to save. The loop calls it.
func (c *Client) keep(now time.Time, done func(now time.Time, err error)) {
	c.mu.Lock()
	p := c.persist
	if p == nil || p.unsaved&devicePart == 0 && !p.saving {
		c.mu.Unlock()
		done(now, nil)
		return
	}
	p.waiting = append(p.waiting, done)
	p.begin()
	c.mu.Unlock()
}

// persistChanges begins to save what was noted; samples a while later, and what could not be saved too. The loop calls it.
func (c *Client) persistChanges(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.persist
	switch {
	case p == nil || p.unsaved == 0 || c.finished:
	case p.unsaved&^historyPart != 0 && !p.failed:
		p.begin()
	case p.timer.Scheduled():
	case p.failed:
		c.shard.loop.Schedule(&p.timer, now.Add(saveAgain))
	default:
		c.shard.loop.Schedule(&p.timer, now.Add(historyDelay))
	}
}

// Expire saves what has waited. The loop calls it.
func (p *persistence) Expire(time.Time) {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	if p.unsaved != 0 && !p.client.finished {
		p.begin()
	}
}

// begin starts the goroutine if it does not run. It is called with the client's mu held.
func (p *persistence) begin() {
	if !p.saving {
		p.saving = true
		go p.run()
	}
}

// run saves until there is nothing left, or until it fails.
func (p *persistence) run() {
	var err error
	for {
		c := p.client
		c.mu.Lock()
		if p.unsaved == 0 || err != nil && len(p.waiting) == 0 {
			waiting := p.end()
			c.mu.Unlock()
			p.answer(waiting, err)
			return
		}
		what, waiting := p.unsaved, p.waiting
		p.unsaved, p.waiting = 0, nil
		values := p.encode(what)
		c.mu.Unlock()
		err = guard(func() error { return p.save(values) })
		c.mu.Lock()
		if p.failed = err != nil; p.failed {
			p.unsaved |= what
		}
		c.mu.Unlock()
		if err != nil {
			c.log.Error("the state could not be saved", "err", err)
		}
		p.answer(waiting, err)
	}
}

// end ends the goroutine; an attempt that failed is repeated later. It is called with the client's mu held.
func (p *persistence) end() (waiting []func(time.Time, error)) {
	waiting = p.waiting
	p.waiting, p.saving = nil, false
	if p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
	if p.unsaved != 0 {
		p.client.wake()
	}
	return waiting
}

// answer calls those who wait, on the loop.
func (p *persistence) answer(waiting []func(time.Time, error), err error) {
	if len(waiting) == 0 {
		return
	}
	p.client.shard.loop.Post(loop.Event{To: loop.Func(func(now time.Time) {
		for _, done := range waiting {
			done(now, err)
		}
	})})
}

// encoded is a key with its new data; nil if there are none any more.
type encoded struct {
	key  string
	data []byte
}

// encode writes what is to be saved. It is called with the client's mu held.
func (p *persistence) encode(what parts) (all []encoded) {
	if what&devicePart != 0 {
		all = append(all, encoded{p.deviceKey(), p.encodeDevice()})
	}
	if what&historyPart != 0 {
		all = append(all, encoded{p.historyKey(), p.encodeHistory()})
	}
	if what&sessionsPart != 0 {
		all = append(all, encoded{p.sessionsKey(), p.encodedSessions})
	}
	return all
}

func (p *persistence) save(all []encoded) (err error) {
	for _, e := range all {
		err = errors.Join(err, p.saveOne(e))
	}
	return err
}

// saveOne saves what is not there already.
func (p *persistence) saveOne(e encoded) (err error) {
	sum := digestOf(e.data)
	if known, ok := p.stored[e.key]; ok && known == sum {
		return nil
	}
	delete(p.stored, e.key)
	if e.data == nil {
		err = p.store.Delete(context.Background(), e.key)
	} else {
		err = p.store.Save(context.Background(), e.key, e.data)
	}
	if err == nil {
		p.stored[e.key] = sum
	}
	return err
}

// finish saves what is left when the client has stopped. It is called on the loop, with the client's mu held. p may be nil.
func (p *persistence) finish() {
	if p == nil {
		return
	}
	p.client.shard.loop.Unschedule(&p.timer)
	if p.unsaved != 0 {
		p.begin()
	}
}

// wait waits until all is saved, or ctx ends, whose error it returns then. p may be nil.
func (p *persistence) wait(ctx context.Context) error {
	if p == nil {
		return nil
	}
	p.client.mu.Lock()
	if !p.saving {
		p.client.mu.Unlock()
		return nil
	}
	if p.idle == nil {
		p.idle = make(chan struct{})
	}
	idle := p.idle
	p.client.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		p.client.log.Error("the last state is not saved yet", "err", ctx.Err())
		return ctx.Err()
	}
}
