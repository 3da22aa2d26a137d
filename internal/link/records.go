package link

import (
	"net"
	"os"
	"sync"
	"time"
)

// Content types of records (RFC 5246 §6.2.1, RFC 9146 §4).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordData             = 23
	recordConnectionID     = 25
)

const (
	recordHeader = 13 // bytes of a record before its content, without connection ID
	clientHello  = 1  // handshake type
	alertFatal   = 2  // level
)

// maxQueued bounds the datagrams that wait for the library to read them; more are
// lost, as in a socket's buffer.
const maxQueued = 64

// linkAddr is the address of a peer: the Link that leads to it.
type linkAddr struct{ Link }

func (linkAddr) Network() string  { return "udp" }
func (a linkAddr) String() string { return a.Remote().String() }

// records is what the library takes for its socket: a net.PacketConn over Links,
// and the Sink of a dialled one. It keeps from the library whatever a stranger
// could make up to end an established session, and can be frozen, so that
// nothing is sent any more.
type records struct {
	server bool
	cid    int       // bytes of the connection IDs that the peer's records carry
	alert  lastAlert // what the peer sent last

	mu       sync.Mutex
	queue    []received
	early    []received // data that came before the handshake was over here
	deadline time.Time
	changed  chan struct{} // closed and replaced when something above changes
	closed   bool
	report   func(err error) // gets the base's trouble, once established
	last     [][]byte        // the last flight of a client that resumed
	refusal  uint8           // replaces the number of an alert that is sent in the clear
	state    progress
	source   Link   // of the datagram that the library works on; nil while it waits for one
	calls    uint64 // of ReadFrom so far
	awaited  bool   // somebody waits for the next call

	sending sync.RWMutex // held for writing while frozen is set
	frozen  bool
}

type received struct {
	from Link
	data []byte
}

// progress says how far a handshake got.
type progress struct {
	heard       bool  // something came from the peer
	finished    bool  // this end sent its first encrypted record
	established bool  // the handshake is over
	resumed     bool  // it was abbreviated
	trouble     error // last reported by the network
}

func newRecords(server bool, cid int) *records {
	return &records{server: server, cid: cid, changed: make(chan struct{})}
}

// establish ends the handshake: from now on trouble of the network goes to
// report.
func (r *records) establish(report func(error), resumed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report = report
	r.state.established, r.state.resumed = true, resumed
	if !resumed {
		r.last = nil
	}
	r.queue, r.early = append(r.queue, r.early...), nil
	r.change()
}

func (r *records) progress() progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// refuse makes the next alert in the clear have the given number: the library
// has one number for all reasons.
func (r *records) refuse(number uint8) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusal = number
}

// Input takes a datagram of the Link below.
func (r *records) Input(l Link, datagram []byte) {
	kept, again := r.sift(l, datagram)
	for _, flight := range again {
		r.send(l, flight)
	}
	if len(kept) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.heard = true
	if r.closed || len(r.queue) >= maxQueued {
		return
	}
	r.queue = append(r.queue, received{l, kept})
	r.change()
}

// Down takes the trouble of the Link below.
func (r *records) Down(_ Link, err error) {
	r.mu.Lock()
	r.state.trouble = err
	report := r.report
	r.mu.Unlock()
	if report != nil {
		report(err)
	}
}

// sift gives a copy of the records that the library may see, and the last flight
// if the peer asks for it again: the library sends that of a resumption once only.
// It keeps early data back, of which the library would lose all but the first.
func (r *records) sift(l Link, datagram []byte) (kept []byte, again [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(datagram) > 0 {
		record, rest, ok := cutRecord(datagram, r.cid)
		if !ok {
			break
		}
		datagram = rest
		if r.isEarly(record) {
			if len(r.early) < maxQueued {
				r.early = append(r.early, received{l, append([]byte(nil), record...)})
			}
		} else if r.admit(record) {
			kept = append(kept, record...)
		} else if r.state.resumed && !r.server && isPlain(record, recordHandshake) {
			again = r.last
		}
	}
	return kept, again
}

// admit decides on one record. What is encrypted the library can judge; what is
// in the clear could come from anybody.
func (r *records) admit(record []byte) bool {
	epoch := uint16(record[3])<<8 | uint16(record[4])
	if epoch > 0 {
		return epoch == 1
	}
	content := record[recordHeader:]
	open := !r.state.established
	switch record[0] {
	case recordHandshake:
		return open || r.server // a client that lacks the last flight repeats its own
	case recordChangeCipherSpec:
		return (open || r.server) && len(content) == 1 && content[0] == 1
	case recordAlert:
		return open && len(content) == 2
	}
	return false
}

// isEarly recognises data that the peer, for which the handshake is over, sends
// while it is not yet here. What is in a record with connection ID does not show,
// but after the server's own Finished it can be nothing else.
func (r *records) isEarly(record []byte) bool {
	if r.state.established || isPlain(record, record[0]) {
		return false
	}
	return record[0] == recordData || record[0] == recordConnectionID && r.state.finished
}

// cutRecord takes the first record off a datagram; false if there is none whole.
func cutRecord(datagram []byte, cid int) (record, rest []byte, ok bool) {
	header := recordHeader
	if len(datagram) > 0 && datagram[0] == recordConnectionID {
		if cid == 0 {
			return nil, nil, false
		}
		header += cid
	}
	if len(datagram) < header || datagram[1] != 0xfe || datagram[2] != 0xfd && datagram[2] != 0xff {
		return nil, nil, false
	}
	end := header + int(datagram[header-2])<<8 + int(datagram[header-1])
	if end == header || end > len(datagram) {
		return nil, nil, false
	}
	return datagram[:end], datagram[end:], true
}

func isPlain(record []byte, contentType byte) bool {
	return len(record) > recordHeader && record[0] == contentType && record[3] == 0 && record[4] == 0
}

// change wakes the reader; r.mu is held.
func (r *records) change() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// ReadFrom gives the next datagram with the address that leads back.
func (r *records) ReadFrom(b []byte) (int, net.Addr, error) {
	r.mu.Lock()
	r.calls++
	r.source = nil
	if r.awaited {
		r.awaited = false
		r.change()
	}
	r.mu.Unlock()
	for {
		r.mu.Lock()
		deadline, changed := r.deadline, r.changed
		expired := !deadline.IsZero() && !time.Now().Before(deadline)
		switch {
		case r.closed:
			r.mu.Unlock()
			return 0, nil, net.ErrClosed
		case expired:
			r.mu.Unlock()
			return 0, nil, os.ErrDeadlineExceeded
		case len(r.queue) > 0:
			next := r.queue[0]
			r.queue[0] = received{}
			r.queue = r.queue[1:]
			if len(r.queue) == 0 {
				r.queue = nil
			}
			r.source = next.from
			r.mu.Unlock()
			return copy(b, next.data), linkAddr{next.from}, nil
		}
		r.mu.Unlock()
		waitUntil(changed, deadline)
	}
}

// isMoving reports whether the library works on a datagram of another Link than base, and
// counts the calls of ReadFrom until then.
func (r *records) isMoving(base Link) (calls uint64, moving bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls, r.source != nil && r.source != base
}

// callTime bounds how long to wait for the library to ask for the next datagram.
const callTime = 100 * time.Millisecond

// awaitCall waits until there were more calls of ReadFrom than that, for callTime at most.
func (r *records) awaitCall(calls uint64) {
	deadline := time.Now().Add(callTime)
	for {
		r.mu.Lock()
		over := r.calls != calls || r.closed || !time.Now().Before(deadline)
		r.awaited = r.awaited || !over
		changed := r.changed
		r.mu.Unlock()
		if over {
			return
		}
		waitUntil(changed, deadline)
	}
}

// waitUntil waits for the channel or, if it is set, the deadline.
func waitUntil(changed <-chan struct{}, deadline time.Time) {
	if deadline.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

// WriteTo sends a datagram over the Link that is the address. During a handshake
// trouble of the network is no error: the library would give up, where a later
// datagram may well get through.
func (r *records) WriteTo(b []byte, to net.Addr) (int, error) {
	size := len(b)
	b, established := r.note(plainAlert(b))
	if err := r.send(to.(linkAddr).Link, b); err != nil {
		if established {
			return 0, err
		}
		r.Down(nil, err)
	}
	return size, nil
}

// plainAlert mends what the library sends when it breaks off a handshake in which
// a connection ID was agreed on: the alert is in the clear, and yet in the form of
// a record with connection ID, which no peer understands (RFC 9146 §4).
func plainAlert(b []byte) []byte {
	const inner = 3 // level, number, content type
	if len(b) < recordHeader+inner || b[0] != recordConnectionID || b[3] != 0 || b[4] != 0 || b[len(b)-1] != recordAlert {
		return b
	}
	alert := append([]byte{recordAlert}, b[1:11]...)
	return append(alert, 0, 2, b[len(b)-3], b[len(b)-2])
}

func (r *records) send(l Link, b []byte) error {
	r.sending.RLock()
	defer r.sending.RUnlock()
	if r.frozen {
		return nil
	}
	return l.Send(b)
}

// note looks at what is sent during the handshake, gives it with the right number
// of an alert, and reports whether the handshake is over.
func (r *records) note(b []byte) (sent []byte, established bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refusal != 0 && isPlain(b, recordAlert) && len(b) == recordHeader+2 && b[recordHeader] == alertFatal {
		b[recordHeader+1] = r.refusal
	}
	if r.state.established {
		return b, true
	}
	for rest := b; len(rest) > recordHeader; {
		if !isPlain(rest, rest[0]) {
			r.state.finished = true
			break
		}
		_, next, ok := cutRecord(rest, 0)
		if !ok {
			break
		}
		rest = next
	}
	if !r.server && r.state.finished {
		r.last = append(r.last, append([]byte(nil), b...))
	}
	return b, false
}

// freeze stops all sending for good. What is being sent has left when it returns.
func (r *records) freeze() {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.frozen = true
}

// Close ends reading. The Links below are not closed: they are not the library's.
func (r *records) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.queue = nil
		r.change()
	}
	return nil
}

// LocalAddr is of no use to the library.
func (r *records) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline sets the deadline of reading: writing never waits.
func (r *records) SetDeadline(t time.Time) error { return r.SetReadDeadline(t) }

// SetReadDeadline ends ReadFrom with os.ErrDeadlineExceeded at t; zero is never.
func (r *records) SetReadDeadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = t
	r.change()
	return nil
}

// SetWriteDeadline does nothing: writing never waits.
func (r *records) SetWriteDeadline(time.Time) error { return nil }
