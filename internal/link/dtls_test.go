package link

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
)

func TestDTLSWithKey(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		n := &notebook{}
		l := s.dial(s.client(), n, 0, Full)
		s.exchange(l, n, "a", "b", strings.Repeat("x", 1152))
		h := l.Handshake()
		if h.CipherSuite != 0xC0A8 || !h.ConnectionID || string(h.Identity) != string(identity) {
			t.Errorf("the client's session is %+v", h)
		}
		device := s.last()
		if h := device.Handshake(); h.CipherSuite != 0xC0A8 || !h.ConnectionID || string(h.Identity) != string(identity) || h.Kind != Full {
			t.Errorf("the server's session is %+v", h)
		}
		if device.Remote().String() != l.Local().String() || device.Local().String() != secureAddress {
			t.Errorf("the server sees %v at %v, the client is at %v", device.Remote(), device.Local(), l.Local())
		}
		peer, err := s.listener.Peer(l.Local())
		if err != nil || peer != Link(device) {
			t.Errorf("Peer gives %v, %v", peer, err)
		}
		closeTwice(t, l)
		synctest.Wait()
		notes := s.devices.take()
		if len(notes) != 1 || notes[0].link != Link(device) || !errors.Is(notes[0].err, ErrClosed) {
			t.Fatalf("the server heard %v of the end", notes)
		}
		wantAlert(t, notes[0].err, AlertCloseNotify)
		if err := l.Send([]byte("late")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
		if _, err := s.listener.Peer(l.Local()); !errors.Is(err, ErrClosed) {
			t.Errorf("Peer without a session: %v", err)
		}
	})
}

func TestDTLSServerCloses(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		n := &notebook{}
		l := s.dial(s.client(), n, 0, Full)
		s.exchange(l, n, "a")
		s.last().Close()
		synctest.Wait()
		notes := n.take()
		if len(notes) != 1 || !errors.Is(notes[0].err, ErrClosed) {
			t.Fatalf("the client heard %v", notes)
		}
		wantAlert(t, notes[0].err, AlertCloseNotify)
		if err := l.Send([]byte("late")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after the server closed: %v", err)
		}
	})
}

// Whatever the moment at which the server closes, Send says that the Link is closed, or nothing.
func TestDTLSSendWhileServerCloses(t *testing.T) {
	for range 20 {
		bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
			n := &notebook{}
			l := s.dial(s.client(), n, 0, Full)
			s.exchange(l, n, "a")
			var sender sync.WaitGroup
			sender.Go(func() {
				for {
					if err := l.Send([]byte("more")); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Errorf("Send: %v", err)
						}
						return
					}
					runtime.Gosched()
				}
			})
			s.last().Close()
			sender.Wait()
		})
	}
}

func TestDTLSSuites(t *testing.T) {
	for _, suite := range []uint16{0xC0A8, 0xC0A4, 0x00A8, 0x00AE, 0xC0A9} {
		t.Run(CipherSuiteName(suite), func(t *testing.T) {
			bubble(t, &DTLSServer{CipherSuites: append(DefaultPSKSuites(), 0xC0A9)}, func(t *testing.T, s *secure) {
				d, n := s.client(), &notebook{}
				d.CipherSuites = []uint16{0x1301, suite} // the first is one of TLS 1.3
				l := s.dial(d, n, 0, Full)
				s.exchange(l, n, "a")
				if got := l.Handshake().CipherSuite; got != suite {
					t.Errorf("suite %#x", got)
				}
				l.Close()
			})
		})
	}
}

func TestDTLSNoCommonSuite(t *testing.T) {
	bubble(t, &DTLSServer{CipherSuites: []uint16{0x00A8}}, func(t *testing.T, s *secure) {
		d := s.client()
		d.CipherSuites = []uint16{0xC0A8}
		wantAlert(t, s.refused(d, secureURI), 71)
	})
}

func TestDTLSLoss(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, 4, 5, 6, 7, 8} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
				s.net.seed = seed
				bad := Conditions{Loss: 0.3, Duplicate: 0.2, Reorder: 0.2, Delay: 20 * time.Millisecond, Jitter: 20 * time.Millisecond}
				s.net.SetConditions(ToServer, bad)
				s.net.SetConditions(ToClient, bad)
				d, n := s.client(), &notebook{}
				d.HandshakeTimeout = 10 * time.Minute
				for range 4 {
					l, err := d.Dial(context.Background(), target(t, secureURI), n)
					if err != nil {
						t.Fatal(err)
					}
					got := 0
					for i := range 100 {
						send(t, l, fmt.Sprint(i))
						time.Sleep(100 * time.Millisecond)
						got += len(n.data())
					}
					if got < 20 {
						t.Errorf("after a lossy %v handshake %d of 100 datagrams came back", l.(Secured).Handshake().Kind, got)
					}
					l.Close()
					d.NoConnectionID = true // the next ones resume
				}
			})
		})
	}
}

func TestDTLSLastFlightOfResumptionLost(t *testing.T) {
	bubble(t, &DTLSServer{NoConnectionID: true}, func(t *testing.T, s *secure) {
		d, n := s.client(), &notebook{}
		s.dial(d, n, 0, Full).Close()
		finished := 0
		s.net.SetFilter(func(p Packet) bool { // loses the client's first Finished
			if p.Direction == ToServer && p.Data[0] == recordChangeCipherSpec {
				finished++
				return finished > 1
			}
			return true
		})
		l := s.dial(d, n, 0, Resumed)
		time.Sleep(3 * time.Second)
		s.exchange(l, n, "a")
		if finished < 2 {
			t.Error("the last flight was not sent again")
		}
		l.Close()
	})
}

func TestDTLSWrongKey(t *testing.T) {
	bubble(t, &DTLSServer{HandshakeTimeout: 15 * time.Second}, func(t *testing.T, s *secure) {
		d := s.client()
		d.PSK.Key = []byte("fedcba9876543210")
		began := time.Now()
		err := s.refused(d, secureURI)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not have this key") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("the handshake ended after %v, its context after 20s", took)
		}
		if strings.Contains(err.Error(), string(d.PSK.Key)) {
			t.Error("the error shows the key")
		}
		time.Sleep(20 * time.Second)
		if f := s.failed(); len(f) == 0 || !strings.Contains(f[0].Error(), "pre-shared key differs") {
			t.Errorf("the server was told %v", f)
		}
	})
}

func TestDTLSUnknownIdentity(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d := s.client()
		d.PSK.Identity = []byte("nobody")
		wantAlert(t, s.refused(d, secureURI), AlertUnknownPSKIdentity)
		synctest.Wait()
		if f := s.failed(); len(f) != 1 || !errors.Is(f[0], ErrUnknownIdentity) {
			t.Errorf("the server was told %v", f)
		}
		if notes := s.devices.take(); len(notes) > 0 {
			t.Errorf("the server's sink heard %v", notes)
		}
	})
}

func TestDTLSNoAnswer(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		s.net.SetState(ap(secureAddress), Silent)
		if err := s.refused(s.client(), secureURI); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer") {
			t.Errorf("silent: %v", err)
		}
		s.net.SetState(ap(secureAddress), Refusing)
		if err := s.refused(s.client(), secureURI); !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("refusing: %v", err)
		}
		if err := s.refused(s.client(), "coaps://nowhere.example"); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("unknown name: %v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		s.net.SetState(ap(secureAddress), Silent)
		if _, err := s.client().Dial(ctx, target(t, secureURI), &notebook{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("Dial returned %v after the beginning, was cancelled after 1s", took)
		}
		s.net.SetState(ap(secureAddress), Up)
		d := s.client()
		d.HandshakeTimeout = 5 * time.Second
		s.net.SetState(ap(secureAddress), Silent)
		began = time.Now()
		if _, err := d.Dial(context.Background(), target(t, secureURI), &notebook{}); err == nil || time.Since(began) != 5*time.Second {
			t.Errorf("bounded by HandshakeTimeout: %v after %v", err, time.Since(began))
		}
	})
}

// TestDTLSWaitsForServer starts the server only after the first ClientHello was
// refused.
func TestDTLSWaitsForServer(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		s.net.SetState(ap(secureAddress), Refusing)
		time.AfterFunc(2*time.Second, func() { s.net.SetState(ap(secureAddress), Up) })
		n := &notebook{}
		l := s.dial(s.client(), n, 0, Full)
		s.exchange(l, n, "a")
		l.Close()
	})
}

func TestDTLSSettings(t *testing.T) {
	long := make([]byte, 129)
	for name, c := range map[string]struct {
		client *DTLS
		says   string
	}{
		"no credentials": {&DTLS{}, "no credentials"},
		"empty key":      {&DTLS{PSK: &PSK{Identity: identity}}, "empty"},
		"long key":       {&DTLS{PSK: &PSK{Identity: identity, Key: long}}, "more than 64"},
		"no identity":    {&DTLS{PSK: &PSK{Key: sharedKey}}, "identity is empty"},
		"long identity":  {&DTLS{PSK: &PSK{Identity: long, Key: sharedKey}}, "more than 128"},
		"suites":         {&DTLS{PSK: rightKey(), CipherSuites: []uint16{0xC0AE}}, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"},
		"digest":         {&DTLS{Trust: &credentials.Trust{Reference: sharedKey, Matching: credentials.SHA256}}, "32 bytes"},
	} {
		c.client.Base = NewMemory(1)
		_, err := c.client.Dial(context.Background(), target(t, "coaps://192.0.2.1"), &notebook{})
		if !errors.Is(err, credentials.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := &DTLS{Base: NewMemory(1), PSK: rightKey()}
	if _, err := d.Dial(context.Background(), target(t, "coap://192.0.2.1"), &notebook{}); !errors.Is(err, ErrScheme) {
		t.Errorf("coap: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", d.PSK, *d.PSK, *d.PSK, d.PSK); strings.Contains(text, string(sharedKey)) {
		t.Errorf("printed with its key: %s", text)
	}
	if _, err := (&DTLSServer{}).Listen(context.Background(), "127.0.0.1:0", &notebook{}); !errors.Is(err, credentials.ErrInvalid) {
		t.Errorf("server without credentials: %v", err)
	}
}

// TestDTLSTrouble passes on what the network below reports.
func TestDTLSTrouble(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		n := &notebook{}
		l := s.dial(s.client(), n, 0, Full)
		s.exchange(l, n, "a")
		local := netip.MustParseAddrPort(l.Local().String())
		s.net.SetState(local, Offline)
		if err := l.Send([]byte("b")); !errors.Is(err, ErrUnreachable) {
			t.Errorf("Send without a network: %v", err)
		}
		s.net.SetState(local, Up)
		s.net.SetState(ap(secureAddress), Refusing)
		send(t, l, "c")
		synctest.Wait()
		if notes := n.take(); len(notes) != 1 || !errors.Is(notes[0].err, ErrUnreachable) {
			t.Errorf("the client heard %v", notes)
		}
		s.net.SetState(ap(secureAddress), Up)
		s.exchange(l, n, "d")
		if err := l.Send(make([]byte, maxRecord+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("Send beyond a record: %v", err)
		}
		l.Close()
	})
}

// closer is a Sink that closes the Link from within its methods.
type closer struct{ notebook }

func (c *closer) Input(l Link, datagram []byte) {
	c.notebook.Input(l, datagram)
	l.Close()
}

func (c *closer) Down(l Link, err error) {
	c.notebook.Down(l, err)
	l.Close()
}

func TestDTLSCloseWithinSink(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		c := &closer{}
		l := s.dial(s.client(), c, 0, Full)
		send(t, l, "a", "b")
		synctest.Wait()
		if notes := c.take(); len(notes) != 1 || notes[0].data != "a" {
			t.Errorf("the client heard %v, and had closed after the first", notes)
		}
		l = s.dial(s.client(), c, 0, Full)
		s.net.SetState(ap(secureAddress), Refusing)
		send(t, l, "c") // is answered by Down, before Send returns
		synctest.Wait()
		if notes := c.take(); len(notes) != 1 || !errors.Is(notes[0].err, ErrUnreachable) {
			t.Errorf("the client heard %v", notes)
		}
		if err := l.Send([]byte("d")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
	})
}

// TestDTLSFromManyGoroutines sends, suspends and closes at the same time.
func TestDTLSFromManyGoroutines(t *testing.T) {
	bubble(t, &DTLSServer{}, func(t *testing.T, s *secure) {
		d := s.client()
		for round := range 20 {
			l, err := d.Dial(t.Context(), target(t, secureURI), &notebook{})
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for l.Send([]byte("a")) == nil {
						l.Remote()
					}
				})
			}
			all.Go(func() {
				l.Send([]byte("b"))
				if round%2 == 0 {
					l.(Secured).Suspend()
				} else {
					l.Close()
				}
			})
			all.Wait()
		}
	})
}
