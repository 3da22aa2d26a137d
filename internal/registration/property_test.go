package registration

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lwm2m-go/lwm2m/model"
)

// owner does what a Machine wants, and checks it.
type owner struct {
	m           Machine
	now         time.Time
	connecting  bool
	linked      bool
	outstanding Request // ID 0: none
	lastUpdate  time.Time
	strange     bool // the Server does not know the link
}

// obey carries out the actions since the last call.
func (o *owner) obey() error {
	for _, a := range o.m.Actions() {
		switch a := a.(type) {
		case Connect:
			if o.linked || o.connecting {
				return fmt.Errorf("connect while linked %t or connecting %t", o.linked, o.connecting)
			}
			o.connecting = true
		case Close, Suspend:
			o.connecting, o.linked, o.outstanding = false, false, Request{}
		case Cancel:
			if a.ID != o.outstanding.ID {
				return fmt.Errorf("cancel #%d, but #%d is outstanding", a.ID, o.outstanding.ID)
			}
			o.outstanding = Request{}
		case Request:
			if err := o.request(a); err != nil {
				return err
			}
		case Event:
			if !a.Next.IsZero() && a.Next.Before(o.now) {
				return fmt.Errorf("%v has its Next in the past", a)
			}
		}
	}
	return nil
}

func (o *owner) request(r Request) error {
	if !o.linked {
		return fmt.Errorf("%v without a link", r)
	}
	if o.outstanding.ID != 0 {
		return fmt.Errorf("%v while %v is outstanding", r, o.outstanding)
	}
	if r.ID == 0 || len(r.Path) == 0 {
		return fmt.Errorf("%v without ID or path", r)
	}
	if o.strange && r.Kind == Update {
		return fmt.Errorf("%v on a fresh link", r)
	}
	o.strange = false
	if r.Kind == Update {
		if gap := o.now.Sub(o.lastUpdate); gap < DefaultMinUpdateInterval {
			return fmt.Errorf("%v only %v after the last", r, gap)
		}
		o.lastUpdate = o.now
	}
	o.outstanding = r
	return nil
}

// check holds after every input.
func (o *owner) check() error {
	if err := silent(&o.m); err != nil {
		return err
	}
	if o.m.outstanding != o.outstanding.ID {
		return fmt.Errorf("waits for #%d, but #%d is outstanding", o.m.outstanding, o.outstanding.ID)
	}
	if (o.m.State() == StateConnecting || o.m.State() == StateLeaving) != o.connecting {
		return fmt.Errorf("%v, connecting %t", o.m.State(), o.connecting)
	}
	if d := o.m.Deadline(); !d.IsZero() && d.Before(o.now) {
		return fmt.Errorf("%v until %v, which is over", o.m.State(), d)
	}
	return nil
}

// TestProperties drives Machines at random. Lifetimes are of 20 s and more, so
// that two Updates are never closer than the full interval.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lifetimes := rapid.SampledFrom([]time.Duration{20 * time.Second, time.Minute, time.Hour, Infinite})
		config := &Config{
			Version:      rapid.SampledFrom([]model.Version{model.Version10, model.Version11, model.Version12}).Draw(t, "version"),
			Lifetime:     lifetimes.Draw(t, "lifetime"),
			MinVersion:   rapid.SampledFrom([]model.Version{{}, model.Version10}).Draw(t, "lowest version"),
			UpdatePeriod: rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "period"),
			Retry: Retry{
				Count:         rapid.IntRange(0, 3).Draw(t, "count"),
				Timer:         rapid.SampledFrom([]time.Duration{-1, 0, time.Second, Never}).Draw(t, "timer"),
				SequenceDelay: rapid.SampledFrom([]time.Duration{-1, 0, time.Minute, Never}).Draw(t, "delay"),
				Sequences:     rapid.IntRange(0, 2).Draw(t, "sequences"),
			},
		}
		o := &owner{m: New("a", config), now: epoch}
		step := func(what func(now time.Time)) func(*rapid.T) {
			return func(t *rapid.T) {
				o.now = o.now.Add(time.Duration(rapid.IntRange(0, 10_000).Draw(t, "ms")) * time.Millisecond)
				if d := o.m.Deadline(); !d.IsZero() && d.Before(o.now) {
					o.m.Expire(o.now)
					if err := o.obey(); err != nil {
						t.Fatal(err)
					}
				}
				what(o.now)
				if err := o.obey(); err != nil {
					t.Fatal(err)
				}
			}
		}
		codes := rapid.SampledFrom([]model.Code{
			model.Created, model.Changed, model.Deleted, model.NotFound, model.ServiceUnavailable, model.BadRequest,
			model.PreconditionFailed,
		})
		actions := map[string]func(*rapid.T){
			"start":   step(o.m.Start),
			"stop":    step(o.m.Stop),
			"abort":   step(o.m.Abort),
			"expire":  step(func(now time.Time) { o.m.Expire(now) }),
			"pause":   step(o.m.Pause),
			"resume":  step(o.m.Resume),
			"sleep":   step(func(now time.Time) { o.m.Sleep(now) }),
			"wake":    step(o.m.Wake),
			"objects": step(o.m.ObjectsChanged),
			"trigger": step(func(now time.Time) { o.m.Trigger(now) }),
			"lifetime": func(t *rapid.T) {
				d := lifetimes.Draw(t, "lifetime")
				step(func(now time.Time) { o.m.LifetimeChanged(now, d) })(t)
			},
			"connected": func(t *rapid.T) {
				fresh := rapid.Bool().Draw(t, "fresh")
				step(func(now time.Time) { o.linkUp(now, fresh) })(t)
			},
			"link down": step(o.linkDown),
			"deadline":  step(func(time.Time) { o.toDeadline() }),
			"answer": func(t *rapid.T) {
				code := codes.Draw(t, "code")
				step(func(now time.Time) { o.answer(now, code) })(t)
			},
			"link down again": step(o.linkDown),
			// Without help chance seldom gets as far as to an Update.
			"go on":       step(o.goOn),
			"go on again": step(o.goOn),
			"and again":   step(o.goOn),
			"late answer": step(func(now time.Time) { o.m.Response(now, o.outstanding.ID+1, Answer{Code: model.NotFound}) }),
			"timeout":     step(func(now time.Time) { o.failed(now, errTimeout) }),
			"reset":       step(func(now time.Time) { o.failed(now, errTest) }),
			"": func(t *rapid.T) {
				if err := o.check(); err != nil {
					t.Fatal(err)
				}
			},
		}
		t.Repeat(actions)
	})
}

// linkUp is what an owner reports: the end of connecting, a new address, or that
// a lost link is back.
func (o *owner) linkUp(now time.Time, fresh bool) {
	if o.connecting || o.linked || o.m.State() == StateWaiting {
		o.connecting, o.linked = false, true
		o.strange = o.strange || fresh && o.m.State() != StateWithdrawing && o.m.State() != StateDeregistering && o.m.State() != StateLeaving
		o.m.LinkUp(now, fresh)
	}
}

func (o *owner) linkDown(now time.Time) {
	if o.connecting || o.linked {
		o.connecting, o.linked, o.outstanding = false, false, Request{}
		o.m.LinkDown(now, errTest)
	}
}

func (o *owner) answer(now time.Time, code model.Code) {
	id := o.outstanding.ID
	o.outstanding = Request{}
	o.m.Response(now, id, Answer{Code: code, Location: []string{"rd", "1"}, MaxAge: 90 * time.Second})
}

// goOn does what makes a registration a success.
func (o *owner) goOn(now time.Time) {
	switch {
	case o.connecting:
		o.linkUp(now, false)
	case o.outstanding.Kind == Register:
		o.answer(now, model.Created)
	case o.outstanding.Kind == Update:
		o.answer(now, model.Changed)
	default:
		o.m.Start(now)
		o.m.Resume(now)
		o.m.Wake(now)
	}
}

func (o *owner) failed(now time.Time, err error) {
	id := o.outstanding.ID
	o.outstanding = Request{}
	o.m.Failed(now, id, err)
}

// toDeadline lets the time pass until something happens.
func (o *owner) toDeadline() {
	if d := o.m.Deadline(); d.After(o.now) {
		o.now = d
		o.m.Expire(d)
	}
}
