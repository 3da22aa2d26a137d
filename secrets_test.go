package lwm2m_test

import (
	"bytes"
	"crypto/x509"
	"log/slog"
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
	logger := log.logger()
	secure(t, nil, func(s *secured) {
		credentials := testCredentials()
		certified := lwm2m.X509{Certificate: newAuthority(s).issue(&x509.Certificate{}), Roots: x509.NewCertPool()}
		srv := lwm2mtest.NewServer(s, lwm2mtest.Options{Network: s.server.Network, Address: "198.51.100.7:5684", Config: server.Config{
			Credentials: credentials, Logger: logger, Trace: func(e server.TraceEvent) { log.note(e) }, OnEvent: func(e server.Event) { log.note(e) },
		}})
		s.config.Logger = logger
		s.config.OnEvent = func(e lwm2m.Event) { s.history.add(e); log.note(e) }
		s.server = srv
		for _, security := range []lwm2m.PSK{
			{Identity: []byte("thermo-1"), Key: append([]byte("not "), testKey...)}, {Identity: []byte("nobody"), Key: testKey}, testPSK(),
		} {
			s.config.Servers = []lwm2m.ServerAccount{{URI: srv.URI(), Security: security}}
			log.note(s.config.Servers)
			log.note(security)
			log.note(credentials)
			log.note(certified)
			log.note(&server.Credentials{Certificate: certified.Certificate, ClientCAs: certified.Roots})
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
		log.wantSecret(t, testKey, scalar(t, certified.Certificate))
	})
}
