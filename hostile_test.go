package lwm2m_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
)

// verbs are the ways in which a program may print a value.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"}

// note writes a value in every way in which a program may print it.
func (b *transcript) note(v any) {
	for _, verb := range verbs {
		fmt.Fprintf(b, verb+"\n", v)
	}
}

// logger writes at every level.
func (b *transcript) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug - 100}))
}

// spellings are the ways in which a secret could stand in a text.
func spellings(secret []byte) map[string]string {
	decimal := strings.Trim(fmt.Sprint(secret), "[]")
	return map[string]string{
		"as it is": string(secret), "from its middle": string(secret[2:]), "quoted": strings.Trim(fmt.Sprintf("%q", secret), `"`),
		"hex": hex.EncodeToString(secret), "HEX": strings.ToUpper(hex.EncodeToString(secret)),
		"base64": base64.RawStdEncoding.EncodeToString(secret)[:20], "URL base64": base64.RawURLEncoding.EncodeToString(secret)[:20],
		"decimal": decimal, "Go": strings.ReplaceAll(decimal, " ", ", "), "a number": new(big.Int).SetBytes(secret).String(),
		"Go hex": strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret), "[]byte{"), "}"),
	}
}

// found tells where the transcript has a secret.
func (b *transcript) found(secret []byte) (places []string) {
	text := b.String()
	for name, spelled := range spellings(secret) {
		if i := strings.Index(text, spelled); i >= 0 {
			places = append(places, fmt.Sprintf("%s: %s", name, text[max(i-100, 0):min(i+100, len(text))]))
		}
	}
	return places
}

// wantSecret reports each secret that stands in the transcript.
func (b *transcript) wantSecret(t testing.TB, secrets ...[]byte) {
	t.Helper()
	for _, secret := range secrets {
		for _, place := range b.found(secret) {
			t.Errorf("a secret stands in the log, %s", place)
		}
	}
}

// The search finds a key however it was printed.
func TestSecretsAreFound(t *testing.T) {
	type account struct{ Key []byte }
	for _, verb := range verbs {
		for _, v := range []any{testKey, account{testKey}, string(testKey)} {
			if _, isText := v.(string); isText && verb == "%d" {
				continue // prints the type
			}
			var log transcript
			fmt.Fprintf(&log, verb, v)
			if len(log.found(testKey)) == 0 {
				t.Errorf("%s of %T: not found in %s", verb, v, log.String())
			}
		}
	}
}

// scalar is the secret of a certificate's key.
func scalar(t testing.TB, c tls.Certificate) []byte {
	t.Helper()
	b, err := c.PrivateKey.(*ecdsa.PrivateKey).Bytes()
	must(t, err)
	return b
}

// heed has everything that is logged, told and answered written down, and at the end looks for secrets in it.
func (s *secured) heed(test func(log *transcript), secrets ...[]byte) {
	s.Helper()
	log := &transcript{}
	s.config.Logger = log.logger()
	s.config.OnEvent = func(e lwm2m.Event) { s.history.add(e); log.note(e); log.note(e.Err) }
	test(log)
	s.stop()
	if !strings.Contains(log.String(), "level=") {
		s.Error("nothing was logged")
	}
	log.wantSecret(s, append(secrets, testKey)...)
}

// data is all that a client has, in words, but for the alert that a server may leave in 1/x/11.
func data(c *lwm2m.Client) string {
	var b strings.Builder
	for _, object := range []uint16{0, 1, 2, 3, 16, 3303} {
		for _, in := range c.Instances(object) {
			for _, r := range in.Object().Resources {
				v, ok := in.Get(r.ID)
				if items := in.Items(r.ID); items != nil {
					fmt.Fprintln(&b, in.Path().Child(r.ID), items)
				} else if ok && (object != 1 || r.ID != 11) {
					fmt.Fprintln(&b, in.Path().Child(r.ID), v)
				}
			}
		}
	}
	return b.String()
}

// attempt runs a device that shall not get to register, tells the error of its first failure, and makes sure that nothing has
// changed on either side.
func (s *secured) attempt(d time.Duration) error {
	s.Helper()
	s.run(false)
	before := data(s.client)
	sleep(d)
	if after := data(s.client); after != before {
		s.Errorf("the data have changed\nbefore %s\nafter %s", before, after)
	}
	if all := s.server.Registrations(); len(all) != 0 {
		s.Errorf("registered: %v", all)
	}
	if strings.Contains(s.history.kinds(), "REGISTRATION_COMPLETE") {
		s.Errorf("events %s", s.history.kinds())
	}
	err := s.history.err(lwm2m.NetworkError)
	if err == nil {
		s.Errorf("no error; events %s", s.history.kinds())
	}
	return err
}

// besieged is a device that is registered over DTLS, with all that was on the wire.
type besieged struct {
	*secured
	log    *transcript
	device netip.AddrPort
	server netip.AddrPort
	mu     sync.Mutex
	seen   []lwm2mtest.Packet
}

// besiege runs harm against a registered device, which must not change anything: neither data nor registration, and no
// event comes.
func besiege(t *testing.T, harm func(b *besieged)) {
	t.Helper()
	besiegeWith(t, func(b *besieged) {
		r, err := b.peer.Registration()
		must(t, err)
		before, events := data(b.client), b.history.kinds()
		harm(b)
		sleep(time.Minute)
		if after := data(b.client); after != before {
			t.Errorf("the data have changed\nbefore %s\nafter %s", before, after)
		}
		if after := b.history.kinds(); after != events {
			t.Errorf("events %s", strings.TrimPrefix(after, events))
		}
		now, err := b.peer.Registration()
		must(t, err)
		if now.ID != r.ID || now.Address != r.Address || now.Updates != r.Updates {
			t.Errorf("registration %+v\nwas %+v", now, r)
		}
		b.play(exchange{get("/3442/0/110", text), model.Content, text, "before"})
	})
}

// besiegeWith runs a test with a device that is registered and has spoken with its server.
func besiegeWith(t *testing.T, test func(b *besieged)) {
	t.Helper()
	secure(t, testCredentials(), func(s *secured) {
		s.heed(func(log *transcript) {
			b := &besieged{secured: s, log: log, server: netip.MustParseAddrPort("198.51.100.1:5684")}
			withTestObject(&s.config, s.fixture)
			s.server.Network.SetFilter(func(p lwm2mtest.Packet) bool {
				p.Data = bytes.Clone(p.Data)
				b.mu.Lock()
				defer b.mu.Unlock()
				b.seen = append(b.seen, p)
				return true
			})
			s.run(true)
			s.play(exchange{put("/3442/0/110", text, "before"), model.Changed, none, ""}, exchange{get("/3442/0/110", text), model.Content, text, "before"})
			s.server.Network.SetFilter(nil)
			r, err := s.peer.Registration()
			must(t, err)
			b.device = netip.MustParseAddrPort(r.Address)
			test(b)
			synctest.Wait()
		})
	})
}
