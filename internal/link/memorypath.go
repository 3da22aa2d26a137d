package link

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// Packet is a datagram on its way through a Memory network.
type Packet struct {
	Direction Direction
	From, To  netip.AddrPort
	Data      []byte // valid during the call only, not to be changed
}

// Stats counts the datagrams of one direction.
type Stats struct {
	Sent       uint64 // by Send and Inject
	Delivered  uint64 // to a Sink, copies included
	Lost       uint64 // by Loss, by a filter, or by a Silent or Offline address
	Duplicated uint64
	Reordered  uint64
	Corrupted  uint64
	Strangers  uint64 // dropped by a dialled Link, as they came from another address than its peer's
	Refused    uint64 // with nobody there to take it, or a Refusing address
}

// Outcome is what happened to a datagram.
type Outcome int

// The outcomes, named as the fields of Stats.
const (
	Sent Outcome = iota
	Delivered
	Lost
	Duplicated
	Reordered
	Corrupted
	Stranger
	Refused
)

// String gives the name in lower case.
func (o Outcome) String() string {
	names := [...]string{"sent", "delivered", "lost", "duplicated", "reordered", "corrupted", "stranger", "refused"}
	if o < 0 || int(o) >= len(names) {
		return fmt.Sprintf("outcome %d", int(o))
	}
	return names[o]
}

// Happening is what a trace function sees.
type Happening struct {
	Packet
	Outcome Outcome
}

// Stats gives the counts of one direction so far.
func (m *Memory) Stats(d Direction) Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[d]
}

// SetFilter has keep asked about each datagram that is sent; those for which it
// reports false are lost, and those it keeps meet the conditions. It is the way
// to lose just the third one, or all acknowledgements. It is called from within
// Send, one at a time, and must not use the network. nil keeps all.
func (m *Memory) SetFilter(keep func(Packet) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.filter = keep
}

// SetTrace has f called with what happens to each datagram, one call at a time
// and in order, for transcripts. It must not use the network. nil ends it.
func (m *Memory) SetTrace(f func(Happening)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trace = f
}

// packet is a Packet in the network's own form.
type packet struct {
	from, to  place
	data      []byte
	direction Direction
	nth       uint32 // of its Link's datagrams, from 0
}

func (p *packet) public() Packet {
	return Packet{Direction: p.direction, From: p.from.addr(), To: p.to.addr(), Data: p.data}
}

// luck is the state of the dice for this packet.
func (p *packet) luck(seed uint64) dice {
	d := dice(seed)
	for _, a := range [...]*place{&p.from, &p.to} {
		d.mix(binary.BigEndian.Uint64(a.ip[:8]))
		d.mix(binary.BigEndian.Uint64(a.ip[8:]))
		d.mix(uint64(a.port))
	}
	d.mix(uint64(p.nth))
	return d
}

// happened counts and traces; m.mu is held.
func (m *Memory) happened(p *packet, o Outcome) {
	c := &m.counts[p.direction]
	switch o {
	case Sent:
		c.Sent++
	case Delivered:
		c.Delivered++
	case Lost:
		c.Lost++
	case Duplicated:
		c.Duplicated++
	case Reordered:
		c.Reordered++
	case Corrupted:
		c.Corrupted++
	case Stranger:
		c.Strangers++
	case Refused:
		c.Refused++
	}
	if m.trace != nil {
		m.trace(Happening{p.public(), o})
	}
}

// transmit lets the conditions act on p and delivers it, now or later. m.mu is
// held and released.
func (m *Memory) transmit(p packet) {
	if m.filter != nil && !m.filter(p.public()) {
		m.happened(&p, Lost)
		m.mu.Unlock()
		return
	}
	path := &m.paths[p.direction]
	if *path == (Conditions{}) {
		m.deliver(p)
		return
	}
	f := path.decide(p.luck(m.seed))
	if f.lost {
		m.happened(&p, Lost)
		m.mu.Unlock()
		return
	}
	original := p
	if f.flipped > 0 {
		p.data = append([]byte(nil), p.data...)
		f.corrupt(p.data)
		m.happened(&p, Corrupted)
	}
	if f.reordered {
		m.happened(&p, Reordered)
	}
	if f.duplicated {
		m.happened(&original, Duplicated)
	}
	m.dispatch(p, f.delay)
	if f.duplicated {
		m.mu.Lock()
		m.dispatch(original, f.delayOfCopy)
	}
}

// dispatch delivers p after delay. m.mu is held and released.
func (m *Memory) dispatch(p packet, delay time.Duration) {
	if delay <= 0 {
		m.deliver(p)
		return
	}
	p.data = append([]byte(nil), p.data...)
	m.queue.add(p, time.Now().Add(delay))
	m.queue.arm(m.arrive)
	m.mu.Unlock()
}

// arrive delivers what is due, in order.
func (m *Memory) arrive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queue.busy {
		return // the other call goes on until nothing is due
	}
	m.queue.busy, m.queue.armed = true, false
	for {
		p, ok := m.queue.due(time.Now())
		if !ok {
			break
		}
		m.deliver(p)
		m.mu.Lock()
	}
	m.queue.busy = false
	m.queue.arm(m.arrive)
}

// deliver gives p to who is at its destination, and reports whether there is
// someone who takes it. m.mu is held, and released before the Sink is called.
func (m *Memory) deliver(p packet) bool {
	to, outcome := m.receiver(&p)
	m.happened(&p, outcome)
	m.mu.Unlock()
	switch {
	case outcome == Delivered:
		to.sink.Input(to, p.data)
	case to != nil:
		to.sink.Down(to, fmt.Errorf("%w: %s: %w", ErrUnreachable, p.to.addr(), syscall.ECONNREFUSED))
	}
	return outcome == Delivered
}

// receiver finds the Link that p is for or, if p is Refused, the one that is to
// hear of it, if any; m.mu is held.
func (m *Memory) receiver(p *packet) (to *memoryLink, o Outcome) {
	host, end, state := m.hosts[p.to], m.ends[p.to], m.states[p.to]
	switch {
	case state == Silent || state == Offline || m.states[p.from] == Silent:
		return nil, Lost
	case state == Refusing || host == nil && end == nil:
		// Only a connected socket hears of the ICMP error, and only of its own
		// peer's.
		if sender := m.ends[p.from]; sender != nil && sender.remote == p.to {
			return sender, Refused
		}
		return nil, Refused
	case host != nil:
		return host.peer(p.from), Delivered
	case end.remote != p.from:
		return nil, Stranger
	}
	return end, Delivered
}

// queue holds the packets under way, ordered by arrival and then by sending.
// One timer serves them all, so that those due at the same instant keep their
// order.
type queue struct {
	packets []arrival
	added   uint64
	busy    bool // arrive is at work and will arm the timer itself
	armed   bool
	at      time.Time // what the timer is set to, when armed
	timer   *time.Timer
}

type arrival struct {
	packet
	at  time.Time
	seq uint64
}

func (q *queue) add(p packet, at time.Time) {
	q.added++
	heap.Push(q, arrival{p, at, q.added})
}

// due takes out the next packet if its time has come.
func (q *queue) due(now time.Time) (packet, bool) {
	if len(q.packets) == 0 || q.packets[0].at.After(now) {
		return packet{}, false
	}
	return heap.Pop(q).(arrival).packet, true
}

// arm sets the timer for the first packet, unless a call of f comes in time
// anyway.
func (q *queue) arm(f func()) {
	if q.busy || len(q.packets) == 0 || q.armed && !q.packets[0].at.Before(q.at) {
		return
	}
	q.at = q.packets[0].at
	wait := time.Until(q.at)
	if q.timer == nil {
		q.timer = time.AfterFunc(wait, f)
	} else {
		q.timer.Reset(wait)
	}
	q.armed = true
}

func (q *queue) Len() int { return len(q.packets) }
func (q *queue) Less(i, j int) bool {
	a, b := &q.packets[i], &q.packets[j]
	return a.at.Before(b.at) || a.at.Equal(b.at) && a.seq < b.seq
}
func (q *queue) Swap(i, j int) { q.packets[i], q.packets[j] = q.packets[j], q.packets[i] }
func (q *queue) Push(x any)    { q.packets = append(q.packets, x.(arrival)) }
func (q *queue) Pop() any {
	last := len(q.packets) - 1
	x := q.packets[last]
	q.packets[last] = arrival{}
	q.packets = q.packets[:last]
	return x
}
