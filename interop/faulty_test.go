package interop

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
)

// faulty is UDP of the operating system that does to the datagrams of a client, each way, what
// its faults say.
type faulty struct {
	udp link.UDP

	mu       sync.Mutex
	luck     *rand.Rand
	faults   faults
	lost     [2]int // to Leshan and from it
	repeated [2]int
}

// faults are what befalls a datagram. The chances are between 0 and 1; the zero faults are none.
type faults struct {
	loss, repeat float64
	delay        time.Duration // at most; with it datagrams overtake one another
}

// cut is a link on which nothing arrives.
var cut = faults{loss: 1}

// through has a client work over the network, with short times of retransmission.
func (f *faulty) through(d *device) {
	d.config.Network = f
	d.config.Transmission.AckTimeout = 50 * time.Millisecond
	d.config.Transmission.MaxRetransmit = 7
}

func newFaulty(seed uint64) *faulty {
	return &faulty{luck: rand.New(rand.NewPCG(seed, 0)), udp: link.UDP{KeepPort: true}}
}

// set has the faults apply from now on.
func (f *faulty) set(now faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = now
}

// wasFaulty checks that there were losses each way, and repetitions.
func (f *faulty) wasFaulty(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	t.Logf("to and from Leshan: lost %v, repeated %v", f.lost, f.repeated)
	if f.lost[0] == 0 || f.lost[1] == 0 || f.repeated == [2]int{} {
		t.Error("the link was not as bad as it should have been")
	}
}

// Dial opens a link by UDP.
func (f *faulty) Dial(ctx context.Context, t link.Target, s link.Sink) (link.Link, error) {
	l := &faultyLink{network: f, sink: s}
	var err error
	l.Link, err = f.udp.Dial(ctx, t, l)
	return l, err
}

// faultyLink stands between a link by UDP and its owner, to which it is a link.
type faultyLink struct {
	link.Link
	network *faulty
	sink    link.Sink
}

func (l *faultyLink) Send(datagram []byte) error {
	l.network.pass(0, datagram, func(b []byte) { _ = l.Link.Send(b) }) // fails if it was closed meanwhile
	return nil
}

func (l *faultyLink) Input(_ link.Link, datagram []byte) {
	l.network.pass(1, datagram, func(b []byte) { l.sink.Input(l, b) })
}

func (l *faultyLink) Down(_ link.Link, err error) { l.sink.Down(l, err) }

// pass delivers a datagram as often and as late as its fate is. Direction 0 is to Leshan.
func (f *faulty) pass(direction int, datagram []byte, deliver func([]byte)) {
	for _, delay := range f.fate(direction) {
		if delay == 0 {
			deliver(datagram)
			continue
		}
		copied := slices.Clone(datagram)
		time.AfterFunc(delay, func() { deliver(copied) })
	}
}

// fate is how late each copy of a datagram is delivered.
func (f *faulty) fate(direction int) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.luck.Float64() < f.faults.loss {
		f.lost[direction]++
		return nil
	}
	copies := 1
	if f.luck.Float64() < f.faults.repeat {
		f.repeated[direction]++
		copies = 2
	}
	late := make([]time.Duration, copies)
	for i := range late {
		late[i] = time.Duration(f.luck.Float64() * float64(f.faults.delay))
	}
	return late
}

var _ lwm2m.Network = (*faulty)(nil)
