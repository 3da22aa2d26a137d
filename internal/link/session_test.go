package link

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
)

// TestConnectionIDRebind changes the client's address under a session: nothing
// is noticed on either side but the address.
func TestConnectionIDRebind(t *testing.T) {
	bubble(t, &DTLSServer{ConnectionID: 5}, func(t *testing.T, s *secure) {
		n := &notebook{}
		l := s.dial(s.client(), n, 0, Full)
		s.exchange(l, n, "a")
		device := s.last()
		for range 3 {
			before := l.Local()
			now, err := s.net.Rebind(l.(*dtlsLink).base, netip.AddrPort{})
			if err != nil {
				t.Fatal(err)
			}
			s.exchange(l, n, "b", "c")
			if s.last() != device {
				t.Fatal("the server sees another session")
			}
			if device.Remote().String() != now.String() {
				t.Errorf("the server sends to %v, the client is at %v", device.Remote(), now)
			}
			send(t, device, "from the server")
			synctest.Wait()
			wantData(t, n, "from the server")
			if _, err := s.listener.Peer(before); !errors.Is(err, ErrClosed) {
				t.Errorf("the old address still has a session: %v", err)
			}
		}
		l.Close()
		synctest.Wait()
		if count := s.sessions(); count != 0 {
			t.Errorf("%d sessions are left", count)
		}
	})
}

// sessions counts what the listener's tables hold.
func (s *secure) sessions() int {
	l := s.listener.(*dtlsListener)
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byBase) + len(l.byCID) + l.pending
}

// TestRebindWithoutConnectionID loses the session, as it must.
func TestRebindWithoutConnectionID(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		d.NoConnectionID = true
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		if l.Handshake().ConnectionID {
			t.Error("there is a connection ID")
		}
		if _, err := s.net.Rebind(l.(*dtlsLink).base, netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
		s.silence(l, n, "b")
		l.Close()
		l = s.dial(d, n, 1, Resumed)
		s.exchange(l, n, "c")
		l.Close()
	})
}

func TestSuspendKeepsSession(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		device := s.last()
		for _, data := range []string{"b", "c", "d"} {
			if err := l.Suspend(); err != nil {
				t.Fatal(err)
			}
			if err := l.Send([]byte("x")); !errors.Is(err, ErrClosed) {
				t.Errorf("Send while suspended: %v", err)
			}
			sent := s.net.Stats(ToServer).Sent
			l = s.dial(d, n, 0, Kept)
			if now := s.net.Stats(ToServer).Sent; now != sent {
				t.Errorf("%d datagrams to go on with a session", now-sent)
			}
			if h := l.Handshake(); !h.ConnectionID || string(h.Identity) != string(identity) {
				t.Errorf("session %+v", h)
			}
			s.exchange(l, n, data)
			if s.last() != device {
				t.Error("the server sees another session")
			}
		}
		l.Suspend()
		if err := l.Suspend(); err != nil {
			t.Errorf("the second Suspend: %v", err)
		}
		l = s.dial(d, n, 1, Full) // after a failed attempt the session is not trusted
		l.Close()
	})
}

// TestSuspendWithoutConnectionID goes on only from the same address.
func TestSuspendWithoutConnectionID(t *testing.T) {
	bubble(t, &DTLSServer{NoConnectionID: true}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		d.Base = s.net.From(ap("203.0.113.7:40000"))
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		l.Suspend()
		l = s.dial(d, n, 0, Kept)
		s.exchange(l, n, "b")
		l.Suspend()
		d.base = s.net.From(ap("203.0.113.7:40001"))
		l = s.dial(d, n, 0, Resumed)
		s.exchange(l, n, "c")
		l.Close()
	})
}

func TestResumption(t *testing.T) {
	bubble(t, &DTLSServer{NoConnectionID: true}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		l := s.dial(d, n, 0, Full)
		l.Close()
		for attempt, want := range []HandshakeKind{Resumed, Resumed, Full, Resumed, Resumed, Full} {
			l = s.dial(d, n, uint(attempt), want)
			s.exchange(l, n, "a")
			if h := s.last().Handshake(); h.Kind != want || string(h.Identity) != string(identity) {
				t.Errorf("attempt %d: the server's session is %+v", attempt, h)
			}
			l.Close()
		}
		d.Forget()
		s.dial(d, n, 0, Full).Close()
		d.NoResumption = true
		s.dial(d, n, 0, Full).Close()
	})
}

// TestResumptionRefused meets a server that lost its sessions: the handshake
// becomes a full one.
func TestResumptionRefused(t *testing.T) {
	bubble(t, &DTLSServer{NoConnectionID: true}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		s.listener.(*dtlsListener).Forget()
		s.silence(l, n, "b")
		l.Close()
		l = s.dial(d, n, 0, Full)
		s.exchange(l, n, "c")
		l.Close()
		l = s.dial(d, n, 0, Resumed)
		s.exchange(l, n, "d")
		l.Close()
	})
}

// TestKeyChanged resumes nothing with the old key.
func TestKeyChanged(t *testing.T) {
	key := sharedKey
	server := &DTLSServer{NoConnectionID: true, Key: func([]byte) ([]byte, bool) { return key, true }}
	bubble(t, server, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		s.dial(d, n, 0, Full).Close()
		key = []byte("another key, 16b")
		if err := s.refused(d, secureURI); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with the old key: %v", err)
		}
		d.PSK = &PSK{Identity: identity, Key: key}
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		l.Close()
	})
	key = sharedKey
}

// TestCrashedServer starts a server anew on its address: the session is gone,
// the next Dial but one makes a new one.
func TestCrashedServer(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		s.listener.(*dtlsListener).Forget()
		s.stop()
		s.listen()
		s.silence(l, n, "b")
		l.Suspend()
		l = s.dial(d, n, 0, Kept)
		s.silence(l, n, "c")
		l.Close()
		l = s.dial(d, n, 1, Full)
		s.exchange(l, n, "d")
		l.Close()
	})
}

// TestCrashedClient begins anew from the same address, which the server takes
// for a new session once it is proven (RFC 6347 §4.2.8).
func TestCrashedClient(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		d.Base = s.net.From(ap("203.0.113.7:40000"))
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		first := s.last()
		l.(*dtlsLink).records.freeze() // no word to the server
		l.Close()
		d.Forget()
		l = s.dial(d, n, 0, Full)
		synctest.Wait()
		if notes := s.devices.take(); len(notes) != 1 || notes[0].link != Link(first) || !errors.Is(notes[0].err, ErrClosed) {
			t.Errorf("the server heard %v", notes)
		}
		s.exchange(l, n, "b")
		if s.last() == first {
			t.Error("the server sees the first session")
		}
		l.Close()
	})
}

func TestExportImport(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		if data, err := d.Export(true); data != nil || err != nil {
			t.Errorf("Export of nothing: %x, %v", data, err)
		}
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		device := s.last()
		l.Suspend()
		saved, err := d.Export(true)
		if err != nil {
			t.Fatal(err)
		}
		restarted := s.client()
		if err := restarted.Import(saved); err != nil {
			t.Fatal(err)
		}
		l = s.dial(restarted, n, 0, Kept)
		s.exchange(l, n, "b")
		if s.last() != device {
			t.Error("the server sees another session")
		}
		s.dial(d, n, 0, Full).Close() // the first has given it away
		l.Close()
	})
}

// TestExportBeforeTheEnd leaves a suspended Link where it is.
func TestExportBeforeTheEnd(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		states := func(final bool) (states int) {
			t.Helper()
			data, err := d.Export(final)
			if err != nil {
				t.Fatal(err)
			}
			copied := s.client()
			if err := copied.Import(data); err != nil {
				t.Fatal(err)
			}
			for _, saved := range copied.sessions {
				if saved.state != nil {
					states++
				}
			}
			return states
		}
		if states(true) != 0 {
			t.Error("the state of a Link in use is exported")
		}
		l.Suspend()
		if states(false) != 0 {
			t.Error("the state of a suspended Link is exported before the end")
		}
		l = s.dial(d, n, 0, Kept)
		s.exchange(l, n, "b")
		l.Close()
	})
}

// TestExportWhileInUse gives the session to resume and not the keys in use.
func TestExportWhileInUse(t *testing.T) {
	bubble(t, &DTLSServer{NoConnectionID: true}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		saved, err := d.Export(false)
		if err != nil {
			t.Fatal(err)
		}
		restarted := s.client()
		if err := restarted.Import(saved); err != nil {
			t.Fatal(err)
		}
		again := s.dial(restarted, n, 0, Resumed)
		s.exchange(again, n, "b")
		s.exchange(l, n, "c")
		l.Close()
		again.Close()
	})
}

func TestImportNonsense(t *testing.T) {
	d := &DTLS{PSK: rightKey()}
	for _, data := range [][]byte{{1}, []byte("not gob at all"), make([]byte, 100)} {
		if err := d.Import(data); !errors.Is(err, ErrSessions) {
			t.Errorf("Import(%q): %v", data, err)
		}
	}
	if err := d.Import(nil); err != nil {
		t.Errorf("Import of nothing: %v", err)
	}
}

// TestDamagedState falls back to a handshake.
func TestDamagedState(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		s.dial(d, n, 0, Full).Suspend()
		d.change("server.example:5684", func(saved *savedSession) { saved.state = saved.state[:len(saved.state)/2] })
		l := s.dial(d, n, 0, Full)
		s.exchange(l, n, "a")
		l.Close()
	})
}

// TestSessionsAreBounded closes the session from which nothing came for the
// longest time.
func TestSessionsAreBounded(t *testing.T) {
	bubble(t, &DTLSServer{MaxSessions: 2}, func(t *testing.T, s *secure) {
		n := &notebook{}
		first, second := s.dial(s.client(), n, 0, Full), s.dial(s.client(), n, 0, Full)
		s.exchange(first, n, "a")
		s.exchange(second, n, "b")
		s.exchange(first, n, "c")
		s.devices.take()
		third := s.dial(s.client(), n, 0, Full)
		synctest.Wait()
		notes := s.devices.take()
		if len(notes) != 1 || !errors.Is(notes[0].err, ErrPeerLimit) || notes[0].link.Remote().String() != second.Local().String() {
			t.Errorf("the server heard %v", notes)
		}
		if err := second.Send([]byte("d")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send over the session that was closed: %v", err)
		}
		n.take()
		s.exchange(first, n, "e")
		s.exchange(third, n, "f")
		for _, l := range []Link{first, second, third} {
			l.Close()
		}
	})
}

func TestSessionTableIsBounded(t *testing.T) {
	table := newSessionTable()
	o := &offered{table: table}
	for i := range 2 * maxSessions {
		id := []byte{byte(i), byte(i >> 8), byte(i >> 16)}
		s, err := o.Get(id)
		if err != nil || len(s.ID) > 0 {
			t.Fatal("there is a session that was never made")
		}
		s.ID = id
		if err := o.Set(id, s); err != nil {
			t.Fatal(err)
		}
	}
	if len(table.byID) != maxSessions || len(table.order) != maxSessions {
		t.Errorf("%d sessions, %d in order", len(table.byID), len(table.order))
	}
}

// TestCertificateSession resumes none: the server would not look at the
// certificate again.
func TestCertificateSession(t *testing.T) {
	ca := newAuthority(t, "ca")
	server := &DTLSServer{Certificate: ptr(ca.issue(t, issued{name: "server.example"})), NoConnectionID: true,
		ClientTrust: &credentials.Trust{Roots: ca.pool()}}
	bubble(t, server, func(t *testing.T, s *secure) {
		d, n := &DTLS{Base: s.net, Trust: &credentials.Trust{Roots: ca.pool()}, Certificate: ptr(ca.issue(t, issued{commonName: "device"}))}, &notebook{}
		for range 2 {
			l := s.dial(d, n, 0, Full)
			s.exchange(l, n, "a")
			l.Close()
		}
	})
}

func ptr[T any](x T) *T { return &x }
