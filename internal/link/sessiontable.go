package link

import (
	"bytes"
	"sync"

	"github.com/pion/dtls/v3"
)

// maxSessions bounds the sessions that a server keeps to be resumed, some 300
// bytes each; the oldest go first.
const maxSessions = 16384

// sessionTable keeps a server's sessions by their ID.
type sessionTable struct {
	mu    sync.Mutex
	byID  map[string]dtls.Session
	order []string // the IDs, oldest first, of which some may be gone
}

func newSessionTable() *sessionTable {
	return &sessionTable{byID: make(map[string]dtls.Session)}
}

func (t *sessionTable) get(id []byte) dtls.Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[string(id)]
}

func (t *sessionTable) set(id []byte, s dtls.Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byID[string(id)] = s
	t.order = append(t.order, string(id))
	for len(t.order) > maxSessions {
		delete(t.byID, t.order[0])
		t.order[0] = ""
		t.order = t.order[1:]
	}
}

func (t *sessionTable) del(id []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, string(id))
}

func (t *sessionTable) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.byID)
	t.order = nil
}

// offered is the library's session store during one handshake of a server: the
// table, and which session of it the client asked for.
type offered struct {
	table *sessionTable
	mu    sync.Mutex
	id    []byte
}

// resumed reports whether the session with this ID is one that the client asked
// for, and not a new one.
func (o *offered) resumed(id []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(id) > 0 && bytes.Equal(id, o.id)
}

// Get gives the session that the client asks for, one without ID if it is
// unknown.
func (o *offered) Get(id []byte) (dtls.Session, error) {
	s := o.table.get(id)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.id = bytes.Clone(s.ID)
	return s, nil
}

// Set keeps a new session.
func (o *offered) Set(id []byte, s dtls.Session) error {
	o.table.set(id, s)
	return nil
}

// Del drops a session after a fatal alert.
func (o *offered) Del(id []byte) error {
	o.table.del(id)
	return nil
}
