package link

import "fmt"

// association is what goes on with one address: a session, and the handshake of
// the next one, by a client that lost its state (RFC 6347 §4.2.8).
type association struct {
	current, pending *dtlsLink
}

// Input gives a datagram to the session or handshake it belongs to.
func (l *dtlsListener) Input(base Link, datagram []byte) {
	l.mu.Lock()
	to := l.route(base, datagram)
	if l.inputs++; to[0] != nil {
		to[0].used = l.inputs
	}
	l.mu.Unlock()
	for _, link := range to {
		if link != nil {
			link.records.Input(base, datagram)
		}
	}
}

// route finds the receivers; l.mu is held. A base Link that leads to nobody is
// closed: strangers take no room.
func (l *dtlsListener) route(base Link, datagram []byte) (to [2]*dtlsLink) {
	record, _, ok := cutRecord(datagram, l.cid)
	a := l.byBase[base]
	switch {
	case l.ended || !ok:
	case record[0] == recordConnectionID:
		to[0] = l.byCID[string(record[11:11+l.cid])]
	case a == nil || a.pending == nil:
		if isPlain(record, recordHandshake) && record[recordHeader] == clientHello {
			to[0] = l.begin(base)
		} else if a != nil {
			to[0] = a.current
		}
	case isPlain(record, record[0]):
		to[0] = a.pending
	default:
		to = [2]*dtlsLink{a.current, a.pending}
	}
	if to[0] == nil && l.byBase[base] == nil {
		base.Close()
	}
	return to
}

// install makes a session the current one of its address. One that was there
// before ends, and so does the idlest if there are too many. It reports false if
// the Listener is closed.
func (l *dtlsListener) install(link *dtlsLink) bool {
	l.mu.Lock()
	a := l.byBase[link.base]
	if l.ended || a == nil || a.pending != link {
		l.mu.Unlock()
		return false
	}
	l.pending--
	old := a.current
	a.current, a.pending = link, nil
	idlest := l.beyond(link)
	l.mu.Unlock()
	l.end(old, errBegunAnew)
	l.end(idlest, errEvicted)
	return true
}

// Reasons for the end of a session.
var (
	errBegunAnew = fmt.Errorf("%w: the client began a new session", ErrClosed)
	errTaken     = fmt.Errorf("%w: another client came to its address", ErrClosed)
)

// end closes a session, if there is one, and tells the sink why.
func (l *dtlsListener) end(link *dtlsLink, why error) {
	if link != nil && link.end() {
		link.release()
		l.sink.Down(link, why)
	}
}

// beyond gives the session that was idle the longest if there are too many, but
// not the new one; l.mu is held.
func (l *dtlsListener) beyond(added *dtlsLink) (idlest *dtlsLink) {
	if len(l.byBase)-l.pending <= orDefault(l.config.MaxSessions, DefaultMaxSessions) {
		return nil
	}
	for _, a := range l.byBase {
		if c := a.current; c != nil && c != added && (idlest == nil || c.used < idlest.used) {
			idlest = c
		}
	}
	return idlest
}

// forget takes a session or handshake out of the tables.
func (l *dtlsListener) forget(link *dtlsLink) {
	base := link.under()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byCID[link.key] == link {
		delete(l.byCID, link.key)
	}
	l.leave(link, base)
}

// leave takes a session off an address; l.mu is held.
func (l *dtlsListener) leave(link *dtlsLink, base Link) {
	a := l.byBase[base]
	if a == nil {
		return
	}
	if a.current == link {
		a.current = nil
	}
	if a.pending == link {
		a.pending = nil
		l.pending--
	}
	if a.current == nil && a.pending == nil {
		delete(l.byBase, base)
		base.Close()
	}
}

// follow takes note of the address that the library has accepted, which a record
// with the connection ID came from (RFC 9146 §6).
//
// The library hands data on a few instructions before it takes note of the address, and the answer to that
// data should not go to the old one: so if it may still be at that, follow waits for it.
func (l *dtlsLink) follow() {
	if l.listener == nil {
		return
	}
	for range 2 {
		old := l.under()
		calls, moving := l.records.isMoving(old)
		if now, ok := l.conn.RemoteAddr().(linkAddr); ok && now.Link != old {
			l.listener.move(l, old, now.Link)
			return
		}
		if !moving {
			return
		}
		l.records.awaitCall(calls)
	}
}

// move puts a session to a new address. Another one there has lost it.
func (l *dtlsListener) move(link *dtlsLink, from, to Link) {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.leave(link, from)
	a := l.byBase[to]
	if a == nil {
		a = &association{}
		l.byBase[to] = a
	}
	old := a.current
	a.current = link
	l.mu.Unlock()
	link.mu.Lock()
	link.base = to
	link.mu.Unlock()
	l.end(old, errTaken)
}

// Down passes trouble with an address on to its session.
func (l *dtlsListener) Down(base Link, err error) {
	l.mu.Lock()
	a := l.byBase[base]
	var to *dtlsLink
	if a != nil {
		to = a.current
	}
	l.mu.Unlock()
	if to != nil {
		to.records.Down(base, err)
	}
}
