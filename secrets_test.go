package lwm2m_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

// transcript is a buffer that several write to.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// No secret gets into a log at any level, nor into what is printed.
func TestSecretsStaySecret(t *testing.T) {
	var log transcript
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 100}))
	secure(t, nil, func(s *secured) {
		note := func(v any) {
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
				fmt.Fprintf(&log, format+"\n", v)
			}
		}
		credentials := testCredentials()
		certified := lwm2m.X509{Certificate: newAuthority(s).issue(&x509.Certificate{}), Roots: x509.NewCertPool()}
		scalar, err := certified.Certificate.PrivateKey.(*ecdsa.PrivateKey).Bytes()
		must(s, err)
		srv := lwm2mtest.NewServer(s, lwm2mtest.Options{Network: s.server.Network, Address: "198.51.100.7:5684", Config: server.Config{
			Credentials: credentials, Logger: logger, Trace: func(e server.TraceEvent) { note(e) }, OnEvent: func(e server.Event) { note(e) },
		}})
		s.config.Logger = logger
		s.config.OnEvent = func(e lwm2m.Event) { s.history.add(e); note(e) }
		s.server = srv
		for _, security := range []lwm2m.PSK{
			{Identity: []byte("thermo-1"), Key: append([]byte("not "), testKey...)}, {Identity: []byte("nobody"), Key: testKey}, testPSK(),
		} {
			s.config.Servers = []lwm2m.ServerAccount{{URI: srv.URI(), Security: security}}
			note(s.config.Servers)
			note(security)
			note(credentials)
			note(certified)
			note(&server.Credentials{Certificate: certified.Certificate, ClientCAs: certified.Roots})
			logger.Info("an application logs its configuration", "servers", s.config.Servers, "security", security, "X.509", certified)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("as JSON", "servers", s.config.Servers, "security", security, "X.509", certified)
			s.run(false)
			sleep(70 * time.Second)
			s.stop()
		}
		if len(srv.Registrations()) != 0 || !strings.Contains(s.history.kinds(), "REGISTRATION_COMPLETE") {
			t.Errorf("events: %s", s.history.kinds())
		}
		text := log.String()
		if !strings.Contains(text, "message <-") || !strings.Contains(text, "key of 17 bytes") {
			t.Error("the log lacks what it should have")
		}
		decimal := strings.Trim(fmt.Sprint(testKey), "[]")
		for name, secret := range map[string]string{
			"as it is": string(testKey[2:]), "hex": hex.EncodeToString(testKey), "HEX": strings.ToUpper(hex.EncodeToString(testKey)),
			"base64": base64.RawStdEncoding.EncodeToString(testKey)[:20], "URL base64": base64.RawURLEncoding.EncodeToString(testKey)[:20],
			"decimal": decimal, "of a certificate in hex": hex.EncodeToString(scalar),
			"of a certificate in decimal": new(big.Int).SetBytes(scalar).String(),
			"of a certificate":            strings.Trim(fmt.Sprint(scalar), "[]"), "quoted": strings.Trim(fmt.Sprintf("%q", testKey), `"`), "Go": strings.ReplaceAll(decimal, " ", ", "),
		} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("the key %s stands in the log: %s", name, text[max(i-100, 0):min(i+100, len(text))])
			}
		}
	})
}
