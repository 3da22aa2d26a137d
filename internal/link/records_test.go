package link

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// record makes one in the clear.
func record(contentType byte, content ...byte) []byte {
	r := []byte{contentType, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, byte(len(content))}
	return append(r, content...)
}

// forgeries are what a stranger can make up.
func forgeries() map[string][]byte {
	encrypted := record(recordData, bytes.Repeat([]byte{7}, 40)...)
	encrypted[4] = 1
	short := record(recordData, 1)
	short[4] = 1
	future := record(recordData, bytes.Repeat([]byte{7}, 40)...)
	future[4] = 2
	return map[string][]byte{
		"empty":                      {},
		"one byte":                   {recordHandshake},
		"data in the clear":          record(recordData, 1, 2, 3),
		"fatal alert in the clear":   record(recordAlert, alertFatal, 40),
		"close_notify in the clear":  record(recordAlert, 1, 0),
		"long alert":                 record(recordAlert, 1, 0, 0),
		"strange ChangeCipherSpec":   record(recordChangeCipherSpec, 2),
		"ChangeCipherSpec":           record(recordChangeCipherSpec, 1),
		"unknown content":            record(99, 1, 2, 3),
		"damaged handshake":          record(recordHandshake, 1, 2, 3),
		"damaged ClientHello":        record(recordHandshake, bytes.Repeat([]byte{clientHello, 0, 0, 9}, 10)...),
		"ServerHello":                record(recordHandshake, append([]byte{2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2}, 1, 2)...),
		"encrypted by somebody else": encrypted,
		"encrypted and too short":    short,
		"of the next epoch":          future,
		"unknown connection ID":      append([]byte{recordConnectionID, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 9, 9}, bytes.Repeat([]byte{0, 8}, 20)...),
		"truncated":                  encrypted[:20],
		"length beyond the end":      append(record(recordData)[:11], 0xff, 0xff, 1),
		"noise":                      bytes.Repeat([]byte{0x5a, 0xfe, 0xfd}, 400),
	}
}

// TestForgeries leave an established session as it is, in both directions.
func TestForgeries(t *testing.T) {
	for name, forged := range forgeries() {
		t.Run(name, func(t *testing.T) {
			bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
				n := &notebook{}
				l := s.dial(s.client(), n, 0, Full)
				s.exchange(l, n, "a")
				device := s.last()
				client, server := ap(l.Local().String()), ap(secureAddress)
				for range 3 {
					s.net.Inject(client, server, forged)
					s.net.Inject(server, client, forged)
					s.net.Inject(ap("203.0.113.66:6666"), server, forged)
				}
				time.Sleep(5 * time.Minute)
				s.exchange(l, n, "b")
				if s.last() != device {
					t.Error("the session is another one")
				}
				send(t, device, "c")
				synctest.Wait()
				wantData(t, n, "c")
				if count := s.sessions(); count != 2 {
					t.Errorf("the listener holds %d entries, 2 are the session's", count)
				}
				l.Close()
			})
		})
	}
}

// TestReplay sends each record of a session again, whole, cut and changed.
func TestReplay(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		var seen []Packet
		s.net.SetTrace(func(h Happening) {
			if h.Outcome == Delivered {
				p := h.Packet
				p.Data = bytes.Clone(p.Data)
				seen = append(seen, p)
			}
		})
		n := &notebook{}
		l := s.dial(s.client(), n, 0, Full)
		s.exchange(l, n, "a", "b", "c")
		device := s.last()
		s.net.SetTrace(nil)
		luck := rand.New(rand.NewPCG(1, 2))
		for range 5 {
			for _, p := range seen {
				s.net.Inject(p.From, p.To, p.Data)
				s.net.Inject(p.From, p.To, p.Data[:luck.IntN(len(p.Data))])
				changed := bytes.Clone(p.Data)
				changed[luck.IntN(len(changed))] ^= 1 << luck.IntN(8)
				s.net.Inject(p.From, p.To, changed)
				s.net.Inject(ap("203.0.113.66:6666"), ap(secureAddress), p.Data)
			}
		}
		synctest.Wait()
		wantData(t, n)
		wantData(t, s.devices)
		if device.Remote().String() != l.Local().String() {
			t.Errorf("replayed records moved the session to %v", device.Remote())
		}
		time.Sleep(5 * time.Minute)
		s.exchange(l, n, "d")
		if s.last() != device {
			t.Error("the session is another one")
		}
		l.Close()
	})
}

// TestForgedHello does not end a session, whatever is made of it.
func TestForgedHello(t *testing.T) {
	bubble(t, &DTLSServer{MaxHandshakes: 3}, func(t *testing.T, s *secure) {
		var hello []byte
		s.net.SetFilter(func(p Packet) bool {
			if hello == nil {
				hello = bytes.Clone(p.Data)
			}
			return true
		})
		n := &notebook{}
		l := s.dial(s.client(), n, 0, Full)
		s.exchange(l, n, "a")
		device := s.last()
		s.net.Inject(ap(l.Local().String()), ap(secureAddress), hello)
		for i := range 10 {
			s.net.Inject(netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), 6666), ap(secureAddress), hello)
		}
		synctest.Wait()
		if pending := s.listener.(*dtlsListener).pending; pending != 3 {
			t.Errorf("%d handshakes are under way, at most 3 may be", pending)
		}
		s.exchange(l, n, "b")
		time.Sleep(2 * DefaultHandshakeTimeout)
		s.exchange(l, n, "c")
		if s.last() != device {
			t.Error("the session is another one")
		}
		if count := s.sessions(); count != 2 {
			t.Errorf("the listener holds %d entries", count)
		}
		l.Close()
	})
}

// TestForgedHandshake mixes forgeries into a handshake. What is left out counts
// there: the protocol protects alerts and well-formed messages only once it is
// over, and the next attempt repairs what they break.
func TestForgedHandshake(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		all := forgeries()
		delete(all, "fatal alert in the clear")
		delete(all, "close_notify in the clear")
		delete(all, "ServerHello")
		server, client := ap(secureAddress), ap("203.0.113.7:40000")
		for _, forged := range all {
			for _, wait := range []time.Duration{100, 300} {
				time.AfterFunc(wait*time.Millisecond, func() { s.net.Inject(server, client, forged) })
			}
		}
		slow := Conditions{Delay: 100 * time.Millisecond}
		s.net.SetConditions(ToServer, slow)
		s.net.SetConditions(ToClient, slow)
		d, n := s.client(), &notebook{}
		d.Base = s.net.From(client)
		l, err := d.Dial(t.Context(), target(t, secureURI), n)
		if err != nil {
			t.Fatal(err)
		}
		send(t, l, "a")
		time.Sleep(time.Second)
		wantData(t, n, "a")
		l.Close()
	})
}

func TestRecordsConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecords(false, 0)
		buf := make([]byte, 100)
		began := time.Now()
		r.SetReadDeadline(began.Add(time.Minute))
		if _, _, err := r.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("ReadFrom: %v after %v", err, time.Since(began))
		}
		r.SetDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { r.SetReadDeadline(time.Unix(0, 1)) })
		if _, _, err := r.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadFrom: %v", err)
		}
		r.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { r.Close() })
		if _, _, err := r.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadFrom: %v", err)
		}
		r.Input(nil, record(recordHandshake, 1, 2))
		if len(r.queue) != 0 {
			t.Error("something is queued after Close")
		}
	})
	r := newRecords(false, 0)
	for range 2 * maxQueued {
		r.Input(nil, record(recordHandshake, 1, 2))
	}
	if len(r.queue) != maxQueued {
		t.Errorf("%d datagrams are queued, want %d", len(r.queue), maxQueued)
	}
}

func TestAlerts(t *testing.T) {
	for number, name := range map[uint8]string{
		0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 40: "handshake_failure", 42: "bad_certificate",
		45: "certificate_expired", 48: "unknown_ca", 70: "protocol_version", 115: "unknown_psk_identity", 200: "number 200",
	} {
		if got := AlertName(number); got != name {
			t.Errorf("alert %d is %q, want %q", number, got, name)
		}
		if text := (&AlertError{number}).Error(); !strings.Contains(text, name) {
			t.Errorf("alert %d: %s", number, text)
		}
	}
	var l lastAlert
	l.Tracef("%s: <- %s", "client", "Alert Fatal: BadRecordMac")
	if a := l.take(); a == nil || a.Number != 20 {
		t.Errorf("alert %v", a)
	}
}

// FuzzRecords gives whatever arrives to a filter: it must keep whole records
// only, in order, and nothing in the clear that could end a session.
func FuzzRecords(f *testing.F) {
	names := make([]string, 0)
	all := forgeries()
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f.Add(all[name], uint8(8), true)
	}
	f.Fuzz(func(t *testing.T, datagram []byte, cid uint8, server bool) {
		r := newRecords(server, int(cid%17))
		r.state.established = true
		kept, again := r.sift(nil, bytes.Clone(datagram))
		if again != nil {
			t.Fatal("a flight that was never sent is sent again")
		}
		if len(kept) > len(datagram) {
			t.Fatal("more is kept than came")
		}
		for len(kept) > 0 {
			record, rest, ok := cutRecord(kept, r.cid)
			if !ok {
				t.Fatalf("what is kept has no whole record: %x", kept)
			}
			if !bytes.Contains(datagram, record) {
				t.Fatalf("a record that did not come is kept: %x", record)
			}
			if isPlain(record, recordAlert) || isPlain(record, recordData) || !server && isPlain(record, record[0]) {
				t.Fatalf("kept in the clear: %x", record)
			}
			kept = rest
		}
	})
}

// TestReplayAfterSuspend replays what was received before a session was suspended, also over a restart: the counters go on.
func TestReplayAfterSuspend(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
			var seen []Packet
			s.net.SetTrace(func(h Happening) {
				if h.Outcome == Delivered && h.Packet.Direction == ToClient {
					p := h.Packet
					p.Data = bytes.Clone(p.Data)
					seen = append(seen, p)
				}
			})
			d, n := s.client(), &notebook{}
			d.Base = s.net.From(ap("203.0.113.7:40000"))
			l := s.dial(d, n, 0, Full)
			s.exchange(l, n, "a", "b", "c")
			l.Suspend()
			if restarts {
				saved, err := d.Export(true)
				if err != nil {
					t.Fatal(err)
				}
				d = s.client()
				d.Base = s.net.From(ap("203.0.113.7:40000"))
				if err := d.Import(saved); err != nil {
					t.Fatal(err)
				}
			}
			l = s.dial(d, n, 0, Kept)
			s.net.SetTrace(nil)
			for _, p := range seen {
				if !s.net.Inject(p.From, ap(l.Local().String()), p.Data) {
					t.Error("nobody is there")
				}
			}
			synctest.Wait()
			wantData(t, n)
			s.exchange(l, n, "d")
			l.Close()
		})
	}
}
