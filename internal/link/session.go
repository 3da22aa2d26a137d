package link

import (
	"bytes"
	"crypto/x509"
	"encoding/gob"
	"errors"
	"fmt"
	"sync"

	"github.com/pion/dtls/v3"
)

// savedSession is what is known of the last session with a server.
type savedSession struct {
	session      dtls.Session // to resume; without ID if there is none
	connectionID bool         // the server gave a connection ID
	state        []byte       // of a suspended Link, to be used once; nil if there is none
	local        string       // its addresses
	remote       string
}

// fits reports whether the suspended session can go on over a Link.
func (s *savedSession) fits(under Link) bool {
	return s.state != nil && under.Remote().String() == s.remote &&
		(s.connectionID || under.Local().String() == s.local)
}

// take gives what is known and forgets it: a suspended session is never used
// twice.
func (d *DTLS) take(key string) savedSession {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sessions[key]
	delete(d.sessions, key)
	return s
}

func (d *DTLS) put(key string, s savedSession) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions == nil {
		d.sessions = make(map[string]savedSession)
	}
	d.sessions[key] = s
}

// change applies f to what is known.
func (d *DTLS) change(key string, f func(*savedSession)) {
	s := d.take(key)
	f(&s)
	d.put(key, s)
}

// Forget drops all sessions: the next handshakes are full.
func (d *DTLS) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sessions = nil
}

// ErrSessions says that Import was given what Export did not make.
var ErrSessions = errors.New("link: these are no saved DTLS sessions")

// sessionsVersion is the version of what Export writes.
const sessionsVersion = 1

type exported struct {
	Version  int
	Sessions map[string]exportedSession
}

type exportedSession struct {
	Session       dtls.Session
	ConnectionID  bool
	State         []byte
	Local, Remote string
}

// Export gives the sessions for Import after a restart of the process, and nil if there are none. What it
// gives contains secret keys. Without final these are the sessions that can be resumed, which may be stored while
// Links are in use. With final it is suspended Links too, which leave d: they must be imported once at most, so an
// owner deletes the stored copy before Import, as keys that are used from the same counters twice
// protect nothing. The state of a Link in use is never among them.
func (d *DTLS) Export(final bool) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := exported{Version: sessionsVersion, Sessions: make(map[string]exportedSession)}
	for key, s := range d.sessions {
		x := exportedSession{Session: s.session, ConnectionID: s.connectionID}
		if final {
			x.State, x.Local, x.Remote = s.state, s.local, s.remote
			s.state = nil
			d.sessions[key] = s
		}
		if len(x.Session.ID) > 0 || x.State != nil {
			e.Sessions[key] = x
		}
	}
	if len(e.Sessions) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(e); err != nil {
		return nil, fmt.Errorf("link: export of DTLS sessions: %w", err)
	}
	return b.Bytes(), nil
}

// Import takes up the sessions that Export gave. After an error, which wraps
// ErrSessions, d has the sessions it had before.
func (d *DTLS) Import(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var e exported
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&e); err != nil {
		return fmt.Errorf("%w: %w", ErrSessions, err)
	}
	if e.Version != sessionsVersion {
		return fmt.Errorf("%w: version %d", ErrSessions, e.Version)
	}
	for key, s := range e.Sessions {
		d.put(key, savedSession{s.Session, s.ConnectionID, s.State, s.Local, s.Remote})
	}
	return nil
}

// oneSession is the library's session store during one handshake of a client:
// it offers one session and notes what became of it.
type oneSession struct {
	mu      sync.Mutex
	offered dtls.Session
	fresh   dtls.Session // of a full handshake
	dead    bool         // a fatal alert ended it
}

// Get gives the session to offer, or one without ID.
func (o *oneSession) Get([]byte) (dtls.Session, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.offered, nil
}

// Set keeps the session of a full handshake.
func (o *oneSession) Set(_ []byte, s dtls.Session) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fresh = s
	return nil
}

// Del drops the session: the server refused it, or there was a fatal alert.
func (o *oneSession) Del([]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.offered, o.dead = dtls.Session{}, true
	return nil
}

// kind tells after the handshake what it was.
func (o *oneSession) kind() HandshakeKind {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.offered.ID) > 0 && len(o.fresh.ID) == 0 && !o.dead {
		return Resumed
	}
	return Full
}

// result is the session to resume next time.
func (o *oneSession) result() dtls.Session {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.fresh.ID) > 0 {
		return o.fresh
	}
	return o.offered
}

// handshakeOf describes the session of a connection.
func handshakeOf(conn *dtls.Conn, kind HandshakeKind) Handshake {
	h := Handshake{Kind: kind}
	state, ok := conn.ConnectionState()
	if !ok {
		return h
	}
	h.CipherSuite = uint16(state.CipherSuiteID)
	h.Identity = state.IdentityHint
	h.ConnectionID = hasConnectionID(&state)
	for _, der := range state.PeerCertificates {
		if c, err := x509.ParseCertificate(der); err == nil {
			h.Certificates = append(h.Certificates, c)
		}
	}
	return h
}

// hasConnectionID looks into the exported state, which is the only place where
// the library shows connection IDs.
func hasConnectionID(state *dtls.State) bool {
	raw, err := state.MarshalBinary()
	if err != nil {
		return false
	}
	var ids struct {
		IsClient                              bool
		LocalConnectionID, RemoteConnectionID []byte
	}
	if gob.NewDecoder(bytes.NewReader(raw)).Decode(&ids) != nil {
		return false
	}
	if ids.IsClient {
		return len(ids.RemoteConnectionID) > 0
	}
	return len(ids.LocalConnectionID) > 0
}
