package server

import (
	"cmp"
	"encoding/base32"
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/loop"
)

// registration is a Registration with what the Server keeps beside it. The
// Registration is guarded by the directory's lock, the rest belongs to the loop's
// goroutine.
type registration struct {
	Registration
	server *Server
	timer  loop.Timer // end of the lifetime
	peer   *peer      // where the last Register or Update came from
	port   *port      // where peer is to be opened again if it is gone
	remote net.Addr
}

// dialect is how the Client of a Registration is spoken to.
func (r *registration) dialect() dialect { return dialect{r.server.config.Definitions, &r.Inventory} }

// directory holds the Registrations. The loop's goroutine alone changes it; the lock
// is for the others, who only read.
type directory struct {
	mu         sync.Mutex
	byID       map[string]*registration
	byEndpoint map[string]*registration
	changed    chan struct{} // closed and replaced with each change
}

func newDirectory() directory {
	return directory{
		byID:       make(map[string]*registration),
		byEndpoint: make(map[string]*registration),
		changed:    make(chan struct{}),
	}
}

func (d *directory) add(r *registration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID[r.ID], d.byEndpoint[r.Endpoint] = r, r
	d.wake()
}

func (d *directory) remove(r *registration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byID, r.ID)
	delete(d.byEndpoint, r.Endpoint)
	d.wake()
}

// change lets f change a Registration.
func (d *directory) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	d.wake()
}

func (d *directory) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// find returns a copy of an endpoint's Registration, and what to wait for until it
// may have changed.
func (d *directory) find(endpoint string) (r Registration, ok bool, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found := d.byEndpoint[endpoint]; found != nil {
		return found.clone(), true, d.changed
	}
	return Registration{}, false, d.changed
}

func (d *directory) all() []Registration {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Registration, 0, len(d.byID))
	for _, r := range d.byID {
		all = append(all, r.clone())
	}
	slices.SortFunc(all, func(a, b Registration) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	return all
}

// Registrations are all Clients that are registered, by the order of their endpoint
// names.
func (s *Server) Registrations() []Registration { return s.directory.all() }

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newID makes a Registration ID that cannot be guessed: 80 bits in 16 letters, so
// that the location stays short.
func (s *Server) newID() string {
	var b [10]byte
	binary.BigEndian.PutUint64(b[:8], s.config.Rand.Uint64())
	binary.BigEndian.PutUint16(b[8:], uint16(s.config.Rand.Uint64()))
	return idEncoding.EncodeToString(b[:])
}

// attach makes p the place where the Client is.
func (r *registration) attach(now time.Time, p *peer) {
	if r.peer == p {
		return
	}
	r.detach(now)
	r.peer, r.port, r.remote = p, p.port, p.link.Remote()
	p.registrations = append(p.registrations, r)
}

// detach gives up the place where the Client was, with all observations there.
func (r *registration) detach(now time.Time) {
	if old := r.peer; old != nil {
		old.endObservations(now, r)
		old.registrations = slices.DeleteFunc(old.registrations, func(other *registration) bool { return other == r })
		old.schedule(now)
		r.peer = nil
	}
}

// restart sets the end of the lifetime.
func (r *registration) restart(now time.Time) {
	if r.Lifetime == 0 {
		r.Expires = time.Time{}
		r.server.loop.Unschedule(&r.timer)
		return
	}
	r.Expires = now.Add(r.Lifetime)
	r.server.loop.Schedule(&r.timer, r.Expires)
}

// Expire ends a Registration whose lifetime has passed.
func (r *registration) Expire(now time.Time) { r.end(now, Expired) }

// end removes a Registration.
func (r *registration) end(now time.Time, kind EventKind) {
	s := r.server
	s.loop.Unschedule(&r.timer)
	r.detach(now)
	s.directory.remove(r)
	s.emit(r.event(kind, now))
}

// Forget drops the Registration of an endpoint without telling the Client, as a
// server does that lost its memory: the next Update is answered 4.04. It reports
// whether there was one.
func (s *Server) Forget(endpoint string) bool {
	done := make(chan bool, 1)
	if !s.do(func(now time.Time) {
		r := s.directory.byEndpoint[endpoint]
		if r != nil {
			r.end(now, Forgotten)
		}
		done <- r != nil
	}) {
		return false
	}
	select {
	case found := <-done:
		return found
	case <-s.loop.Done():
		return false
	}
}
