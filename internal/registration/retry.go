package registration

import (
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// RetryChanged tells that the Resources 17 to 20 were set. They count from the next failure on; the
// jitter stays. Nothing happens if they are what they were.
func (m *Machine) RetryChanged(r Retry) {
	if old := &m.config.Retry; r.Count == old.Count && r.Timer == old.Timer &&
		r.SequenceDelay == old.SequenceDelay && r.Sequences == old.Sequences {
		return
	}
	config := *m.config // others use it
	r.Jitter = config.Retry.Jitter
	config.Retry = r
	m.config = &config
}

// fail ends an attempt to register. The next one follows as Config.Retry says,
// but not before the least wait.
func (m *Machine) fail(now time.Time, kind EventKind, err error, least time.Duration) {
	retry := &m.config.Retry
	event := Event{Kind: kind, Err: err, Attempt: int(m.attempt)}
	if int(m.attempt) < orDefault(retry.Count, DefaultRetryCount) {
		m.wait(now, event, max(retry.delay(int(m.attempt)), least))
		return
	}
	m.endSequence()
	switch {
	case retry.isLast():
		m.exhausted(event)
	case int(m.sequence) < orDefault(retry.Sequences, DefaultSequences):
		m.sequence++
		m.wait(now, event, max(retry.sequenceDelay(), least))
	default:
		m.enter(StateWaiting, now.Add(max(retry.sequenceDelay(), least)))
		m.exhausted(event)
	}
}

// endSequence counts attempts anew. The next sequence begins on a new link: in
// such a long time the Server may have moved.
func (m *Machine) endSequence() {
	m.attempt = 0
	if m.linked {
		m.disconnect()
	}
}

// exhausted tells that the last sequence failed. There is one more after each
// sequence delay, unless that is [Never]: then this is the end.
func (m *Machine) exhausted(event Event) {
	if m.config.Retry.isLast() {
		m.forget()
		m.enter(StateFailed, time.Time{})
	}
	event.Next = m.next
	m.do(event)
	event.Kind, event.Err = NetworkError, fmt.Errorf("%w: %w", ErrExhausted, event.Err)
	m.do(event)
}

// wait tells of a failure and makes the next attempt after a delay.
func (m *Machine) wait(now time.Time, event Event, delay time.Duration) {
	m.enter(StateWaiting, now.Add(delay))
	event.Next = m.next
	m.do(event)
	if delay <= 0 {
		m.try(now)
	}
}

// delay is the wait after the given attempt of a sequence, from 1.
func (r *Retry) delay(attempt int) time.Duration {
	d := max(orDefault(r.Timer, DefaultRetryTimer), minWait)
	for range attempt - 1 {
		if d >= Never/2 {
			d = Never
			break
		}
		d *= 2
	}
	return r.jitter(d)
}

func (r *Retry) sequenceDelay() time.Duration {
	return r.jitter(max(orDefault(r.SequenceDelay, DefaultSequenceDelay), minWait))
}

func (r *Retry) jitter(d time.Duration) time.Duration {
	if r.Jitter != nil {
		d = r.Jitter(d)
	}
	return max(d, minWait)
}

// isLast reports whether a sequence is not followed by another.
func (r *Retry) isLast() bool { return r.SequenceDelay >= Never }

// deferral is how long the Server wants to be left alone.
func (a Answer) deferral() time.Duration {
	if a.Code == model.TooManyRequests || a.Code == model.ServiceUnavailable {
		return max(a.MaxAge, 0)
	}
	return 0
}
