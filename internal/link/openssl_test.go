package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
)

// openssl is a running s_server or s_client.
type openssl struct {
	t     *testing.T
	input io.WriteCloser
	mu    sync.Mutex
	text  strings.Builder
	news  chan struct{}
}

// startOpenSSL runs the tool, which ends with the test.
func startOpenSSL(t *testing.T, args ...string) *openssl {
	t.Helper()
	tool, err := exec.LookPath("openssl")
	if err != nil {
		if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
			t.Fatal(err)
		}
		t.Skip("openssl is not installed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	command := exec.CommandContext(ctx, tool, args...)
	o := &openssl{t: t, news: make(chan struct{}, 1)}
	o.input, err = command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = o, o
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.input.Close()
		cancel()
		command.Wait()
	})
	return o
}

// Write takes the tool's output.
func (o *openssl) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	select {
	case o.news <- struct{}{}:
	default:
	}
	return len(b), nil
}

// waitFor gives the first match in the output.
func (o *openssl) waitFor(pattern string) []string {
	o.t.Helper()
	expression, deadline := regexp.MustCompile(pattern), time.After(15*time.Second)
	for {
		o.mu.Lock()
		text := o.text.String()
		o.mu.Unlock()
		if found := expression.FindStringSubmatch(text); found != nil {
			return found
		}
		select {
		case <-o.news:
		case <-deadline:
			o.t.Fatalf("openssl did not print %q but\n%s", pattern, text)
		}
	}
}

func (o *openssl) typeLine(line string) {
	o.t.Helper()
	if _, err := io.WriteString(o.input, line+"\n"); err != nil {
		o.t.Fatal(err)
	}
}

// writePEM makes files of a certificate with its chain, and of its key.
func writePEM(t *testing.T, name string, pair tls.Certificate) (certificate, key string) {
	t.Helper()
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	var text []byte
	for _, der := range pair.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{
		certificate: text, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// opensslServer starts s_server on a free port and gives the URI.
func opensslServer(t *testing.T, args ...string) (*openssl, string) {
	t.Helper()
	o := startOpenSSL(t, append([]string{"s_server", "-dtls1_2", "-listen", "-accept", "127.0.0.1:0"}, args...)...)
	return o, "coaps://" + o.waitFor(`ACCEPT (127\.0\.0\.1:\d+)`)[1]
}

// converse sends both ways.
func (o *openssl) converse(l Link, news <-chan note) {
	o.t.Helper()
	send(o.t, l, "from the client\n")
	o.waitFor("from the client")
	o.typeLine("from the server")
	select {
	case n := <-news:
		if n.data != "from the server\n" {
			o.t.Errorf("received %q, %v", n.data, n.err)
		}
	case <-time.After(15 * time.Second):
		o.t.Error("nothing was received")
	}
}

func pskArguments(suite string) []string {
	return []string{"-nocert", "-psk", hex.EncodeToString(sharedKey), "-psk_identity", string(identity), "-cipher", suite + ":@SECLEVEL=0"}
}

func realContext(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestOpenSSLServerWithKey(t *testing.T) {
	for suite, number := range map[string]uint16{
		"PSK-AES128-CCM8": 0xC0A8, "PSK-AES128-CCM": 0xC0A4, "PSK-AES128-GCM-SHA256": 0x00A8, "PSK-AES128-CBC-SHA256": 0x00AE,
	} {
		t.Run(suite, func(t *testing.T) {
			o, uri := opensslServer(t, pskArguments(suite)...)
			n := &notebook{news: make(chan note, 10)}
			l, err := (&DTLS{PSK: rightKey()}).Dial(realContext(t, 15*time.Second), target(t, uri), n)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if h := l.(Secured).Handshake(); h.CipherSuite != number || h.ConnectionID || h.Kind != Full {
				t.Errorf("session %+v", h)
			}
			o.converse(l, n.news)
		})
	}
}

func TestOpenSSLServerResumes(t *testing.T) {
	o, uri := opensslServer(t, pskArguments("PSK-AES128-CCM8")...)
	d := &DTLS{PSK: rightKey()}
	for _, want := range []HandshakeKind{Full, Resumed} {
		n := &notebook{news: make(chan note, 10)}
		l, err := d.Dial(realContext(t, 15*time.Second), target(t, uri), n)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.(Secured).Handshake().Kind; got != want {
			t.Errorf("handshake %v, want %v", got, want)
		}
		if want == Resumed {
			o.waitFor("Reused session-id|Reused, ")
		}
		o.converse(l, n.news)
		l.Close()
	}
}

func TestOpenSSLServerRefuses(t *testing.T) {
	t.Run("wrong key", func(t *testing.T) {
		_, uri := opensslServer(t, pskArguments("PSK-AES128-CCM8")...)
		d := &DTLS{PSK: &PSK{Identity: identity, Key: []byte("not the right one")}}
		_, err := d.Dial(realContext(t, 2*time.Second), target(t, uri), &notebook{})
		var alert *AlertError
		if !errors.As(err, &alert) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("suites", func(t *testing.T) {
		_, uri := opensslServer(t, pskArguments("PSK-AES128-GCM-SHA256")...)
		d := &DTLS{PSK: rightKey(), CipherSuites: []uint16{0xC0A8}}
		_, err := d.Dial(realContext(t, 15*time.Second), target(t, uri), &notebook{})
		wantAlert(t, err, AlertHandshakeFailure)
	})
}

func TestOpenSSLServerWithCertificates(t *testing.T) {
	e, other := newEstate(t), newEstate(t)
	certificate, key := writePEM(t, "server", e.server)
	authorities, _ := writePEM(t, "ca", tls.Certificate{Certificate: [][]byte{e.ca.certificate.Raw}, PrivateKey: e.ca.key})
	args := []string{"-cert", certificate, "-cert_chain", authorities, "-key", key, "-CAfile", authorities,
		"-Verify", "2", "-verify_return_error", "-cipher", "ALL:@SECLEVEL=0"}
	trust := &credentials.Trust{Reference: e.ca.certificate.Raw, Usage: credentials.TrustAnchor}
	t.Run("accepted", func(t *testing.T) {
		for _, suite := range []uint16{0xC0AE, 0xC0AC, 0xC02B} {
			o, uri := opensslServer(t, args...)
			n := &notebook{news: make(chan note, 10)}
			d := &DTLS{Certificate: &e.device, Trust: trust, ServerName: "server.example", CipherSuites: []uint16{suite}}
			l, err := d.Dial(realContext(t, 15*time.Second), target(t, uri), n)
			if err != nil {
				t.Fatal(err)
			}
			if h := l.(Secured).Handshake(); h.CipherSuite != suite || !h.Certificates[0].Equal(e.server.Leaf) {
				t.Errorf("session %+v", h)
			}
			o.converse(l, n.news)
			l.Close()
		}
	})
	t.Run("wrong host", func(t *testing.T) {
		o, uri := opensslServer(t, args...)
		d := &DTLS{Certificate: &e.device, Trust: trust, ServerName: "other.example"}
		_, err := d.Dial(realContext(t, 15*time.Second), target(t, uri), &notebook{})
		wantRefusal(t, err, 42)
		o.waitFor("alert bad certificate")
	})
	t.Run("wrong authority", func(t *testing.T) {
		o, uri := opensslServer(t, args...)
		d := &DTLS{Certificate: &e.device, Trust: &credentials.Trust{Roots: other.ca.pool()}, ServerName: "server.example"}
		_, err := d.Dial(realContext(t, 15*time.Second), target(t, uri), &notebook{})
		wantRefusal(t, err, 48)
		o.waitFor("alert unknown ca")
	})
	t.Run("strange client", func(t *testing.T) {
		_, uri := opensslServer(t, args...)
		d := &DTLS{Certificate: &other.device, Trust: trust, ServerName: "server.example"}
		_, err := d.Dial(realContext(t, 15*time.Second), target(t, uri), &notebook{})
		var alert *AlertError
		if !errors.As(err, &alert) {
			t.Errorf("error %v, want an alert", err)
		}
	})
	t.Run("client without certificate", func(t *testing.T) {
		_, uri := opensslServer(t, args...)
		d := &DTLS{Trust: trust, ServerName: "server.example"}
		_, err := d.Dial(realContext(t, 15*time.Second), target(t, uri), &notebook{})
		var alert *AlertError
		if !errors.As(err, &alert) {
			t.Errorf("error %v, want an alert", err)
		}
	})
}

// listenReal serves on a free port of the loopback.
func listenReal(t *testing.T, server *DTLSServer, n *notebook) Listener {
	t.Helper()
	l, err := server.Listen(context.Background(), "127.0.0.1:0", n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestOpenSSLClient(t *testing.T) {
	e := newEstate(t)
	server := e.listener()
	server.Key = keys
	n := &notebook{reply: true, news: make(chan note, 10)}
	l := listenReal(t, server, n)
	certificate, key := writePEM(t, "device", e.device)
	for name, args := range map[string][]string{
		"key":         {"-psk", hex.EncodeToString(sharedKey), "-psk_identity", string(identity), "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"},
		"certificate": {"-cert", certificate, "-key", key, "-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"},
	} {
		t.Run(name, func(t *testing.T) {
			o := startOpenSSL(t, append([]string{"s_client", "-dtls1_2", "-connect", l.Addr().String()}, args...)...)
			o.waitFor(`Verify return code`)
			o.typeLine("hello there")
			got := <-n.news
			if strings.TrimSpace(got.data) != "hello there" || got.link.(Secured).Handshake().Kind != Full {
				t.Errorf("the server received %q, %v", got.data, got.err)
			}
			o.waitFor("(?s)hello there")
			o.typeLine("Q")
			if got := <-n.news; !errors.Is(got.err, ErrClosed) {
				t.Errorf("the server heard %q, %v at the end", got.data, got.err)
			}
		})
	}
}

func TestDTLSOverUDP(t *testing.T) {
	n := &notebook{reply: true, news: make(chan note, 10)}
	l := listenReal(t, &DTLSServer{Key: keys}, n)
	d := &DTLS{PSK: rightKey()}
	var port string
	for i, want := range []HandshakeKind{Full, Kept, Kept} {
		client := &notebook{news: make(chan note, 10)}
		link, err := d.Dial(realContext(t, 15*time.Second), target(t, "coaps://"+l.Addr().String()), client)
		if err != nil {
			t.Fatal(err)
		}
		if got := link.(Secured).Handshake(); got.Kind != want || !got.ConnectionID {
			t.Errorf("dial %d: session %+v", i, got)
		}
		if local := link.Local().String(); port != "" && local != port {
			t.Errorf("dial %d: from %s, before from %s", i, local, port)
		} else {
			port = local
		}
		send(t, link, "a")
		for _, news := range []chan note{n.news, client.news} {
			if got := <-news; got.data != "a" {
				t.Errorf("dial %d: received %q, %v", i, got.data, got.err)
			}
		}
		if i < 2 {
			link.(Secured).Suspend()
		} else {
			link.Close()
		}
	}
	if got := <-n.news; !errors.Is(got.err, ErrClosed) {
		t.Errorf("the server heard %q, %v at the end", got.data, got.err)
	}
}
