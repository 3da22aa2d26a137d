package coap

import (
	"bytes"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// network carries datagrams between two Conns in virtual time, and loses,
// repeats, delays and so reorders them.
type network struct {
	rng        *rand.Rand
	now        time.Time
	loss, dup  float64
	delay      time.Duration // longest
	queue      flights
	peers      [2]*node
	delivered  int
	serialised int
}

type flight struct {
	at   time.Time
	seq  int
	to   *node
	data []byte
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	if f[i].at.Equal(f[j].at) {
		return f[i].seq < f[j].seq
	}
	return f[i].at.Before(f[j].at)
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}

func (n *network) send(to *node, datagram []byte) {
	if n.rng.Float64() < n.loss {
		return
	}
	copies := 1
	if n.rng.Float64() < n.dup {
		copies = 2
	}
	for range copies {
		at := n.now.Add(time.Duration(n.rng.Int64N(int64(n.delay) + 1)))
		n.serialised++
		heap.Push(&n.queue, flight{at, n.serialised, to, bytes.Clone(datagram)})
	}
}

// node is one side: it answers requests, at once or later, and counts how
// often each was executed.
type node struct {
	net      *network
	conn     *Conn
	other    *node
	executed map[string]int
	later    []func()
	laterAt  []time.Time
	uploads  map[string][]byte
}

func (n *node) Transmit(datagram []byte)                       { n.net.send(n.other, datagram) }
func (n *node) ObservationEnded(_ time.Time, _ Token, _ error) {}
func (n *node) replyLater(d time.Duration, f func()) {
	n.later, n.laterAt = append(n.later, f), append(n.laterAt, n.net.now.Add(d))
}

func (n *node) ServeRequest(now time.Time, r *Request) {
	name := string(bytes.Join(collect(r.Options, UriQuery), nil))
	n.executed[name]++
	n.uploads[name] = bytes.Clone(r.Payload)
	size, _ := r.Options.Uint(LocationPath) // borrowed: how much to answer
	ref, resp := r.Ref, &Response{Code: Content, Payload: bodyOf(name, int(size))}
	if d := n.net.rng.IntN(3); d > 0 {
		n.replyLater(time.Duration(d)*900*time.Millisecond, func() { n.conn.Respond(n.net.now, ref, resp) })
		return
	}
	n.conn.Respond(now, ref, resp)
}

func collect(o Options, id OptionID) (values [][]byte) {
	for v := range o.All(id) {
		values = append(values, v)
	}
	return values
}

func bodyOf(name string, size int) []byte {
	if size == 0 {
		return nil
	}
	return bytes.Repeat([]byte(name+"/"), size/(len(name)+1)+1)[:size]
}

// next returns what happens next and when.
func (n *network) next() (at time.Time, act func()) {
	consider := func(t time.Time, f func()) {
		if !t.IsZero() && (act == nil || t.Before(at)) {
			at, act = t, f
		}
	}
	if len(n.queue) > 0 {
		consider(n.queue[0].at, func() {
			f := heap.Pop(&n.queue).(flight)
			n.delivered++
			f.to.conn.Receive(n.now, f.data)
		})
	}
	for _, p := range n.peers {
		consider(p.conn.Deadline(), func() { p.conn.Expire(n.now) })
		for i := range p.later {
			consider(p.laterAt[i], func() {
				f := p.later[i]
				p.later = append(p.later[:i:i], p.later[i+1:]...)
				p.laterAt = append(p.laterAt[:i:i], p.laterAt[i+1:]...)
				f()
			})
		}
	}
	return at, act
}

// run lets things happen until nothing is left to happen.
func (n *network) run(fail func(format string, args ...any)) {
	for range 200000 {
		at, act := n.next()
		if act == nil {
			return
		}
		if at.After(n.now) {
			n.now = at
		}
		act()
	}
	fail("does not come to rest")
}

func newNetwork(seed uint64, a, b *Params) *network {
	n := &network{rng: rand.New(rand.NewPCG(seed, 1)), now: epoch}
	for i := range n.peers {
		n.peers[i] = &node{net: n, executed: map[string]int{}, uploads: map[string][]byte{}}
	}
	n.peers[0].other, n.peers[1].other = n.peers[1], n.peers[0]
	n.peers[0].conn = NewConn(a, n.peers[0], rand.New(rand.NewPCG(seed, 2)))
	n.peers[1].conn = NewConn(b, n.peers[1], rand.New(rand.NewPCG(seed, 3)))
	return n
}

// exchanged is one request between the two and its outcome.
type exchanged struct {
	name     string
	from     *node
	up, down int // sizes of the bodies
	safe     bool
	results  []Result
	got      []byte
}

func (x *exchanged) start(t *rapid.T, code Code, confirmable bool) {
	var opts Options
	opts.AddString(UriQuery, x.name)
	opts.AddUint(LocationPath, uint32(x.down))
	x.safe = (code == GET || code == FETCH) && x.down > 16
	_, err := x.from.conn.Do(x.from.net.now, &Outgoing{Code: code, Confirmable: confirmable, Options: opts,
		Payload: bodyOf(x.name, x.up), Done: func(_ time.Time, r Result) {
			x.got = bytes.Clone(r.Payload)
			x.results = append(x.results, r)
		}})
	if err != nil {
		t.Fatal(err)
	}
}

func (x *exchanged) check(t *rapid.T) {
	if len(x.results) != 1 {
		t.Fatalf("%s: %d results", x.name, len(x.results))
	}
	executed := x.from.other.executed[x.name]
	r := x.results[0]
	if r.Err == nil && r.Code == Content {
		if executed == 0 || !bytes.Equal(x.got, bodyOf(x.name, x.down)) {
			t.Fatalf("%s: executed %d times, %d bytes of %d came back", x.name, executed, len(x.got), x.down)
		}
	}
	if executed > 0 && !bytes.Equal(x.from.other.uploads[x.name], bodyOf(x.name, x.up)) {
		t.Fatalf("%s: %d bytes of %d arrived", x.name, len(x.from.other.uploads[x.name]), x.up)
	}
	// A GET whose body is gone may be served again, others must not.
	if executed > 1 && !x.safe {
		t.Fatalf("%s: executed %d times", x.name, executed)
	}
}

func TestTwoConnsOverBadNetwork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SampledFrom([]int{16, 64, 256, 1024})
		params := func(label string) *Params {
			return &Params{BlockSize: sizes.Draw(t, label), NStart: rapid.IntRange(1, 3).Draw(t, label+" nstart"), DedupEntries: 4096, DedupBytes: 1 << 20}
		}
		n := newNetwork(rapid.Uint64().Draw(t, "seed"), params("a"), params("b"))
		n.loss = rapid.SampledFrom([]float64{0, 0.1, 0.3}).Draw(t, "loss")
		n.dup = rapid.SampledFrom([]float64{0, 0.2}).Draw(t, "dup")
		n.delay = rapid.SampledFrom([]time.Duration{0, 50 * time.Millisecond, 5 * time.Second}).Draw(t, "delay")
		body := rapid.SampledFrom([]int{0, 0, 10, 100, 1024, 1025, 3000, 20000})
		var all []*exchanged
		for i := range rapid.IntRange(1, 6).Draw(t, "requests") {
			x := &exchanged{name: fmt.Sprintf("r%d", i), from: n.peers[rapid.IntRange(0, 1).Draw(t, "from")], down: body.Draw(t, "down")}
			code := rapid.SampledFrom([]Code{GET, POST, PUT, FETCH, IPATCH}).Draw(t, "code")
			if code != GET {
				x.up = body.Draw(t, "up")
			}
			x.start(t, code, rapid.IntRange(0, 4).Draw(t, "con") > 0)
			all = append(all, x)
		}
		n.run(t.Fatalf)
		for _, x := range all {
			x.check(t)
			if n.loss == 0 && n.delay < time.Second && n.dup == 0 && x.results[0].Err != nil {
				t.Fatalf("%s: %v on a good network", x.name, x.results[0].Err)
			}
		}
		for i, p := range n.peers {
			if c := p.conn; len(c.exchanges)+len(c.serving)+len(c.uploads)+len(c.snapshots)+len(c.sending) > 0 || c.seen != nil {
				t.Fatalf("peer %d keeps state: %+v", i, c)
			}
		}
	})
}

func TestObservationOverBadNetwork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Params{BlockSize: rapid.SampledFrom([]int{16, 64, 1024}).Draw(t, "block")}
		n := newNetwork(rapid.Uint64().Draw(t, "seed"), p, p)
		n.loss, n.dup, n.delay = 0.2, 0.2, rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(t, "delay")
		observer, device := n.peers[0], n.peers[1]
		h := &observing{device: device, value: '0', size: rapid.SampledFrom([]int{5, 100, 2000}).Draw(t, "size")}
		device.conn = NewConn(p, h, rand.New(rand.NewPCG(1, 1)))
		h.node = device
		var opts Options
		opts.AddUint(Observe, 0)
		last := ""
		if _, err := observer.conn.Do(n.now, &Outgoing{Code: GET, Confirmable: true, Options: opts, Done: func(_ time.Time, r Result) {
			if r.Err == nil {
				if len(r.Payload) != h.size || !bytes.Equal(r.Payload, bytes.Repeat(r.Payload[:1], h.size)) {
					t.Fatalf("mixed body %q", r.Payload)
				}
				last = string(r.Payload[:1])
			}
		}}); err != nil {
			t.Fatal(err)
		}
		n.run(t.Fatalf)
		if h.token == (Token{}) || last == "" {
			return // the registration did not come through
		}
		for i := range 10 {
			h.value = byte('a' + i)
			n.now = n.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "pause")) * time.Second)
			h.notify(t, n.now)
		}
		n.loss = 0 // the newest state must arrive in the end
		n.run(t.Fatalf)
		if last != "j" && !h.ended {
			t.Fatalf("the observer's last state is %q", last)
		}
	})
}

// observing is a device with one resource of size bytes, all of them value.
type observing struct {
	*node
	device *node
	token  Token
	key    Key
	value  byte
	seq    uint32
	size   int
	ended  bool
}

func (h *observing) ServeRequest(now time.Time, r *Request) {
	resp := &Response{Code: Content, Payload: bytes.Repeat([]byte{h.value}, h.size)}
	if r.Options.Has(Observe) {
		h.token, h.key = r.Token, r.Key
		h.seq = ObserveSequence(h.seq)
		resp.Options.AddUint(Observe, h.seq)
	}
	h.device.conn.Respond(now, r.Ref, resp)
}

func (h *observing) ObservationEnded(time.Time, Token, error) { h.ended = true }

func (h *observing) notify(t *rapid.T, now time.Time) {
	h.seq = ObserveSequence(h.seq)
	if err := h.device.conn.Notify(now, &Notification{Token: h.token, Key: h.key, Confirmable: true, Sequence: h.seq,
		Code: Content, Payload: bytes.Repeat([]byte{h.value}, h.size)}); err != nil {
		t.Fatal(err)
	}
}
