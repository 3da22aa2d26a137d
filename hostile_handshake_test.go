package lwm2m_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// Keys that differ, and identities that the server does not know.
func TestHostileKeys(t *testing.T) {
	wrong := []byte("another very secret secret")
	for name, test := range map[string]struct {
		security lwm2m.PSK
		want     string
		alert    uint8 // that the server sent; 0 for none
	}{
		"key": {lwm2m.PSK{Identity: []byte("thermo-1"), Key: wrong}, "link: DTLS handshake with coaps://198.51.100.1:" +
			" no answer to the end of the handshake: the server does not have this key for the PSK identity: context deadline exceeded", 0},
		"identity": {lwm2m.PSK{Identity: []byte("nobody"), Key: wrong}, "link: DTLS handshake with coaps://198.51.100.1:" +
			" the peer sent alert 115, unknown_psk_identity: the peer does not know the PSK identity", 115},
		"key of another": {lwm2m.PSK{Identity: []byte("thermo-2"), Key: testKey}, "link: DTLS handshake with coaps://198.51.100.1:" +
			" no answer to the end of the handshake: the server does not have this key for the PSK identity: context deadline exceeded", 0},
	} {
		t.Run(name, func(t *testing.T) {
			keys := &server.Credentials{PSK: server.Keys(map[string][]byte{"thermo-1": testKey, "thermo-2": wrong})}
			secure(t, keys, func(s *secured) {
				s.heed(func(*transcript) {
					s.config.Servers[0].Security = test.security
					err := s.attempt(70 * time.Second)
					if err == nil || !strings.Contains(err.Error(), test.want) {
						t.Errorf("error %v\nwant %s", err, test.want)
					}
					var alert *link.AlertError
					if isAlert := errors.As(err, &alert); isAlert != (test.alert != 0) || isAlert && alert.Number != test.alert {
						t.Errorf("alert %v", alert)
					}
					if test.alert == 0 && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%v is no timeout", err)
					}
				}, wrong)
			})
		})
	}
}

// Certificates of servers that are not to be accepted.
func TestHostileCertificates(t *testing.T) {
	now := func(d time.Duration) time.Time { return time.Now().Add(d) }
	for name, test := range map[string]struct {
		make func(t *testing.T, a *authority) tls.Certificate
		want string
	}{
		"expired": {func(_ *testing.T, a *authority) tls.Certificate {
			return a.issue(&x509.Certificate{DNSNames: []string{"bad.example"}, NotBefore: now(-48 * time.Hour), NotAfter: now(-time.Minute)})
		}, "is not valid at"},
		"not yet valid": {func(_ *testing.T, a *authority) tls.Certificate {
			return a.issue(&x509.Certificate{DNSNames: []string{"bad.example"}, NotBefore: now(2 * time.Hour), NotAfter: now(48 * time.Hour)})
		}, "is not valid at"},
		"wrong host": {func(_ *testing.T, a *authority) tls.Certificate {
			return a.issue(&x509.Certificate{DNSNames: []string{"good.example"}})
		}, `it is not for "bad.example"`},
		"no host": {func(_ *testing.T, a *authority) tls.Certificate { return a.issue(&x509.Certificate{}) }, `it is not for "bad.example"`},
		"another authority": {func(t *testing.T, _ *authority) tls.Certificate {
			return newAuthority(t).issue(&x509.Certificate{DNSNames: []string{"bad.example"}})
		}, "not trusted"},
		"its own authority": {func(t *testing.T, _ *authority) tls.Certificate {
			return (&authority{t: t}).issue(&x509.Certificate{DNSNames: []string{"bad.example"}, IsCA: true, BasicConstraintsValid: true})
		}, "not trusted"},
	} {
		certified(t, name, func(s *secured, own lwm2m.X509, a *authority, _ tls.Certificate) {
			bad := test.make(s.T, a)
			s.heed(func(log *transcript) {
				s.server = lwm2mtest.NewServer(s, lwm2mtest.Options{Network: s.server.Network, Address: "198.51.100.9:5684", Config: server.Config{
					Credentials: &server.Credentials{Certificate: bad, ClientCAs: a.pool()}, Logger: log.logger(),
				}})
				s.server.Network.SetName("bad.example", netip.MustParseAddr("198.51.100.9"))
				s.config.Servers[0] = lwm2m.ServerAccount{URI: "coaps://bad.example", Security: own}
				err := s.attempt(70 * time.Second)
				var refused *credentials.CertificateError
				if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &refused) {
					s.Errorf("error %v\nwant %s", err, test.want)
				}
				if v, err := s.client.Get(path("/1/0/11")); err == nil {
					s.Errorf("alert %v, which is the client's own", v)
				}
			}, scalar(s, own.Certificate), scalar(s, bad))
		})
	}
}

// A device whose own certificate is not valid hears so from the server, and keeps its number in 1/x/11.
func TestOwnCertificateExpired(t *testing.T) {
	certified(t, "expired", func(s *secured, own lwm2m.X509, a *authority, _ tls.Certificate) {
		own.Certificate = a.issue(&x509.Certificate{
			Subject: pkix.Name{CommonName: "thermo-1"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		})
		s.heed(func(*transcript) {
			s.config.Servers[0].Security = own
			err := s.attempt(70 * time.Second)
			const want = "link: DTLS handshake with coaps://lwm2m.example: the peer sent alert 45, certificate_expired:" +
				" the certificate of this side has expired, or the peer's clock is wrong"
			var alert *link.AlertError
			if err == nil || err.Error() != want || !errors.As(err, &alert) || alert.Number != 45 {
				s.Errorf("error %v\nwant %s", err, want)
			}
			if v, err := s.client.Get(path("/1/0/11")); err != nil || v.Uint() != 45 {
				s.Errorf("alert %v, %v", v, err)
			}
		}, scalar(s, own.Certificate))
	})
}

// babbler answers each datagram with another one.
type babbler struct {
	answer func(datagram []byte) [][]byte
}

func (b *babbler) Input(l link.Link, datagram []byte) {
	for _, answer := range b.answer(datagram) {
		_ = l.Send(answer)
	}
}

func (*babbler) Down(link.Link, error) {}

// recordOf is a record in the clear.
func recordOf(contentType byte, sequence byte, content ...byte) []byte {
	return append([]byte{contentType, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, sequence, byte(len(content) >> 8), byte(len(content))}, content...)
}

// A server that answers handshakes with garbage: the error tells how far it got, and nothing else happens.
func TestHostileHandshakes(t *testing.T) {
	const (
		noAnswer = "no answer: context deadline exceeded"
		halfWay  = "it stopped half-way, the server did not go on answering: context deadline exceeded"
	)
	luck := rand.New(rand.NewPCG(1, 2))
	for name, test := range map[string]struct {
		answer func([]byte) [][]byte
		want   string
		alert  uint8
	}{
		"noise": {func([]byte) [][]byte {
			b := make([]byte, luck.IntN(200))
			for i := range b {
				b[i] = byte(luck.Uint32())
			}
			return [][]byte{b}
		}, noAnswer, 0},
		"nothing": {func([]byte) [][]byte { return [][]byte{{}} }, noAnswer, 0},
		"echo":    {func(b []byte) [][]byte { return [][]byte{b} }, halfWay, 0},
		"plain CoAP": {func([]byte) [][]byte { return [][]byte{[]byte(octets("70001234")), []byte(octets("60450001ff31"))} },
			noAnswer, 0},
		"truncated record":    {func([]byte) [][]byte { return [][]byte{recordOf(22, 0, 3, 0, 0, 50)[:14]} }, noAnswer, 0},
		"record of epoch 1":   {func([]byte) [][]byte { return [][]byte{octetRecord("16fefd0001000000000000000400000000")} }, halfWay, 0},
		"record of epoch 9":   {func([]byte) [][]byte { return [][]byte{octetRecord("17fefd0009000000000000000400000000")} }, noAnswer, 0},
		"handshake of type 9": {func([]byte) [][]byte { return [][]byte{recordOf(22, 0, 99, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7)} }, halfWay, 0},
		"ServerHello cut off": {func([]byte) [][]byte {
			return [][]byte{recordOf(22, 0, 2, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 0xfe, 0xfd, 0, 0)}
		}, halfWay, 0},
		"refusal": {func([]byte) [][]byte { return [][]byte{recordOf(21, 0, 2, 40)} },
			"the peer sent alert 40, handshake_failure: there is no common cipher suite, or the peer wants a certificate that was not sent", 40},
		"alert 200": {func([]byte) [][]byte { return [][]byte{recordOf(21, 0, 2, 200)} }, "the peer sent alert 200, number 200", 200},
	} {
		t.Run(name, func(t *testing.T) {
			secure(t, testCredentials(), func(s *secured) {
				s.heed(func(*transcript) {
					l, err := s.server.Network.Listen(s.ctx, "198.51.100.9:5684", &babbler{test.answer})
					must(t, err)
					defer func() { must(t, l.Close()) }()
					s.config.Servers[0].URI = "coaps://198.51.100.9"
					err = s.attempt(70 * time.Second)
					s.stop()
					if err == nil || !strings.Contains(err.Error(), "link: DTLS handshake with coaps://198.51.100.9: ") || !strings.Contains(err.Error(), test.want) {
						t.Errorf("error %v\nwant %s", err, test.want)
					}
					var alert *link.AlertError
					if isAlert := errors.As(err, &alert); isAlert != (test.alert != 0) || isAlert && alert.Number != test.alert {
						t.Errorf("alert %v", alert)
					}
				})
			})
		})
	}
}

func octetRecord(s string) []byte { return []byte(octets(s)) }

// Garbage that comes into a handshake with the right server does not keep the device from registering.
func TestGarbageWithinHandshake(t *testing.T) {
	secure(t, testCredentials(), func(s *secured) {
		s.heed(func(*transcript) {
			luck := rand.New(rand.NewPCG(3, 4))
			from := netip.MustParseAddrPort("198.51.100.1:5684")
			s.server.Network.SetFilter(func(p lwm2mtest.Packet) bool {
				if p.Direction == lwm2mtest.ToServer {
					b := make([]byte, 1+luck.IntN(100))
					for i := range b {
						b[i] = byte(luck.Uint32())
					}
					go s.server.Network.Inject(from, p.From, b)
					go s.server.Network.Inject(from, p.From, []byte(octets("70001234")))
					go s.server.Network.Inject(from, p.From, recordOf(23, 9, 1, 2, 3))
				}
				return true
			})
			s.run(true)
			s.want(s.peer.Read(s.ctx, path("/1/0/0"), server.ReadOptions{}))(model.Content, "/1/0/0=1")
			s.server.Network.SetFilter(nil)
			if got := s.history.handshakes(); got != "REGISTRATION_COMPLETE full" {
				t.Errorf("handshakes: %s; events %s", got, s.history.kinds())
			}
		})
	})
}
