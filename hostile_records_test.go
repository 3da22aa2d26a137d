package lwm2m_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

var stranger = netip.MustParseAddrPort("203.0.113.66:5684")

// inject gives the device a datagram as from an address. What is from elsewhere than the server does not get beyond its
// socket, which is connected.
func (b *besieged) inject(from netip.AddrPort, datagram []byte) {
	b.Helper()
	if !b.secured.server.Network.Inject(from, b.device, bytes.Clone(datagram)) && from == b.server {
		b.Fatalf("there is no device at %v", b.device)
	}
}

// Records that were on the wire before, whole, cut off, damaged, of another epoch, and from elsewhere.
func TestReplayedRecords(t *testing.T) {
	for name, spoil := range map[string]func(luck *rand.Rand, record []byte) []byte{
		"again":     func(_ *rand.Rand, b []byte) []byte { return b },
		"truncated": func(luck *rand.Rand, b []byte) []byte { return b[:luck.IntN(len(b))] },
		"damaged":   func(luck *rand.Rand, b []byte) []byte { b[luck.IntN(len(b))] ^= 1 << luck.IntN(8); return b },
		"epoch 2":   func(_ *rand.Rand, b []byte) []byte { b[4] = 2; return b },
		"in clear":  func(_ *rand.Rand, b []byte) []byte { b[4] = 0; return b },
		"renumbered": func(luck *rand.Rand, b []byte) []byte {
			b[10] += byte(1 + luck.IntN(100))
			return b
		},
		"doubled": func(_ *rand.Rand, b []byte) []byte { return append(bytes.Clone(b), b...) },
	} {
		t.Run(name, func(t *testing.T) {
			besiege(t, func(b *besieged) {
				luck := rand.New(rand.NewPCG(5, 6))
				for range 3 {
					for _, p := range b.seen {
						if p.Direction != lwm2mtest.ToClient {
							continue
						}
						b.inject(p.From, spoil(luck, bytes.Clone(p.Data)))
						b.inject(stranger, spoil(luck, bytes.Clone(p.Data)))
						synctest.Wait()
					}
				}
			})
		})
	}
}

// What was recorded in one session is not heard in the next one, also from the same addresses.
func TestReplayedIntoNewSession(t *testing.T) {
	besiegeWith(t, func(b *besieged) {
		b.play(exchange{put("/3442/0/110", text, "after"), model.Changed, none, ""})
		b.secured.server.ForgetSessions()
		go func() { _ = b.client.Update(b.ctx) }()
		b.secured.server.WaitEvent(server.Registered, "thermo-1") // the first
		b.secured.server.WaitEvent(server.Registered, "thermo-1")
		synctest.Wait()
		r, err := b.peer.Registration()
		must(t, err)
		b.device = netip.MustParseAddrPort(r.Address)
		events := b.history.kinds()
		for _, p := range b.seen {
			if p.Direction == lwm2mtest.ToClient {
				b.inject(p.From, p.Data)
				synctest.Wait()
			}
		}
		sleep(time.Minute)
		b.play(exchange{get("/3442/0/110", text), model.Content, text, "after"})
		if got := b.history.kinds(); got != events {
			t.Errorf("events %s, were %s", got, events)
		}
	})
}

// Plain CoAP is not heard where DTLS is spoken, not even from the server's address, and whatever Message IDs are guessed.
func TestPlainDatagramsInsteadOfRecords(t *testing.T) {
	besiege(t, func(b *besieged) {
		for _, from := range []netip.AddrPort{b.server, netip.AddrPortFrom(b.server.Addr(), 5683), stranger} {
			for _, datagram := range []string{
				"400100b3" + "b133" + "0130" + "0130",                       // Read /3/0/0
				"400300b4" + "b433343432" + "0130" + "03313130" + "10ff414", // Write /3442/0/110
				"400200b5" + "b131" + "0130" + "0134",                       // Disable
				"400400b6" + "b433343432" + "0130",                          // Delete /3442/0
				"40020000b26273",                                            // Bootstrap-Finish
			} {
				b.inject(from, []byte(octets(datagram[:len(datagram)/2*2])))
			}
			for mid := range 2000 { // RST and ACK, with 4.04 for good measure
				b.inject(from, []byte{0x70, 0, byte(mid >> 8), byte(mid)})
				b.inject(from, []byte{0x60, 0x84, byte(mid >> 8), byte(mid)})
			}
			synctest.Wait()
		}
	})
}

// The same without protection: a stranger is not heard, whatever Message IDs and tokens it has.
func TestStrangerWithRightMessageIDs(t *testing.T) {
	start(t, withTestObject, func(f *fixture) {
		r, err := f.peer.Registration()
		must(t, err)
		device := netip.MustParseAddrPort(r.Address)
		o := f.observe("/3303/0/5700", server.ObserveOptions{})
		var seen []lwm2mtest.Packet
		f.server.Network.SetFilter(func(p lwm2mtest.Packet) bool {
			p.Data = bytes.Clone(p.Data)
			seen = append(seen, p)
			return true
		})
		must(t, f.temp.SensorValue.Set(30))
		f.next(o, "/3303/0/5700=30")
		f.play(exchange{put("/3442/0/110", text, "new"), model.Changed, none, ""})
		f.server.Network.SetFilter(nil)
		before, events := data(f.client), f.history.kinds()
		for _, from := range []netip.AddrPort{stranger, netip.AddrPortFrom(serverAddress.Addr(), 5999), netip.AddrPortFrom(stranger.Addr(), serverAddress.Port())} {
			for _, p := range seen {
				f.server.Network.Inject(from, device, p.Data)
				reset := append([]byte{0x70, 0}, p.Data[2:4]...)
				f.server.Network.Inject(from, device, reset)
				f.server.Network.Inject(from, device, append([]byte{0x60, 0x84}, p.Data[2:4]...))
			}
		}
		sleep(time.Minute)
		if after := data(f.client); after != before || f.history.kinds() != events {
			t.Errorf("before %s\nafter %s\nevents %s", before, after, f.history.kinds())
		}
		must(t, f.temp.SensorValue.Set(31))
		f.next(o, "/3303/0/5700=31") // the observation lives
		now, err := f.peer.Registration()
		must(t, err)
		if now.ID != r.ID || now.Updates != r.Updates {
			t.Errorf("registration %+v, was %+v", now, r)
		}
	})
}

// An Update that is refused for want of a connection says so, and tells no secret.
func TestErrorsOfCallsTellNoSecret(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		s.heed(func(log *transcript) {
			s.config.Servers[0].Security = lwm2m.PSK{Identity: []byte("thermo-1"), Key: []byte("not the key of the device")}
			s.run(false)
			synctest.Wait()
			ctx, cancel := context.WithTimeout(s.ctx, 3*time.Minute)
			defer cancel()
			err := s.client.Update(ctx)
			log.note(err)
			if err == nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Update: %v", err)
			}
			err = s.client.Send(s.ctx, path("/3/0"))
			log.note(err)
			if !errors.Is(err, lwm2m.ErrNotRegistered) {
				t.Errorf("Send: %v", err)
			}
		}, []byte("not the key of the device"))
	})
}
