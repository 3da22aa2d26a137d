// Package libcoap runs the example programs of libcoap, a CoAP implementation in C
// that nobody of this project wrote: coap-server, coap-client and coap-rd, each with
// OpenSSL, GnuTLS or no TLS.
//
// They come from Debian's package libcoap3-bin: from the PATH if it is installed,
// else it is downloaded once and unpacked into a cache folder, for which nobody
// has to be root. Where there is no Debian, tests are skipped and say so; with
// CI=true in the environment they fail instead.
//
// The environment variable LWM2M_LIBCOAP_CACHE names the cache folder (default:
// lwm2m-go/libcoap in the user's cache folder).
package libcoap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Flavor is the TLS library that a program uses.
type Flavor string

// The flavors of Debian.
const (
	OpenSSL Flavor = "openssl"
	GnuTLS  Flavor = "gnutls"
	NoTLS   Flavor = "notls"
)

// patience bounds the wait for a program to say something.
const patience = 20 * time.Second

var tools = sync.OnceValues(obtain)

// need gives the folder with the programs and the one with their libraries, which is
// empty for an installed package. Where they cannot be had the test ends.
func need(tb testing.TB) installation {
	tb.Helper()
	found, err := tools()
	if err == nil {
		return found
	}
	var unavailable *UnavailableError
	if ci, _ := strconv.ParseBool(os.Getenv("CI")); errors.As(err, &unavailable) && !ci {
		tb.Skip(err)
	}
	tb.Fatal(err)
	return found
}

// Program is a running program of libcoap's.
type Program struct {
	tb     testing.TB
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of the program's end

	mu   sync.Mutex
	text strings.Builder
	news chan struct{} // closed and replaced when text grows
}

// Start runs a program such as coap-server until the test ends, and shows what it
// printed if the test failed.
func Start(tb testing.TB, name string, flavor Flavor, args ...string) *Program {
	tb.Helper()
	found := need(tb)
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, filepath.Join(found.programs, name+"-"+string(flavor)), args...)
	if found.libraries != "" {
		command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+found.libraries)
	}
	p := &Program{tb: tb, cancel: cancel, ended: make(chan struct{}), news: make(chan struct{})}
	command.Stdout, command.Stderr = p, p
	if err := command.Start(); err != nil {
		cancel()
		tb.Fatal(err)
	}
	go func() {
		p.err = command.Wait()
		close(p.ended)
	}()
	tb.Cleanup(func() {
		p.Stop()
		if tb.Failed() {
			tb.Logf("%s-%s printed:\n%s", name, flavor, p.Output())
		}
	})
	return p
}

// Stop kills the program and returns when it has ended.
func (p *Program) Stop() {
	p.cancel()
	<-p.ended
}

// Wait returns when the program has ended by itself, with all that it printed.
func (p *Program) Wait() (output string, err error) {
	p.tb.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.tb.Fatalf("the program has not ended; it printed:\n%s", p.Output())
	}
	return p.Output(), p.err
}

// Write takes the program's output.
func (p *Program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.Write(b)
	close(p.news)
	p.news = make(chan struct{})
	return len(b), nil
}

// Output is what the program has printed so far.
func (p *Program) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// WaitFor returns the first match in the output, with its groups.
func (p *Program) WaitFor(pattern string) []string {
	p.tb.Helper()
	match, err := p.find(regexp.MustCompile(pattern))
	if err != nil {
		p.tb.Fatal(err)
	}
	return match
}

func (p *Program) find(expression *regexp.Regexp) ([]string, error) {
	deadline := time.After(patience)
	ended := p.ended
	for {
		p.mu.Lock()
		text, news := p.text.String(), p.news
		p.mu.Unlock()
		if found := expression.FindStringSubmatch(text); found != nil {
			return found, nil
		}
		if ended == nil {
			return nil, fmt.Errorf("libcoap: the program ended (%v) without %q; it printed:\n%s", p.err, expression, text)
		}
		select {
		case <-news:
		case <-p.ended:
			ended = nil // look once more: the last words may have come meanwhile
		case <-deadline:
			return nil, fmt.Errorf("libcoap: the program did not print %q but:\n%s", expression, text)
		}
	}
}

// Server is a running coap-server or coap-rd.
type Server struct {
	*Program
	// CoAP and CoAPS are its addresses, host:port on the loopback interface; CoAPS is
	// empty without TLS.
	CoAP, CoAPS string
}

// serverAttempts bounds how often another port is tried after one that was taken.
const serverAttempts = 5

// StartServer runs a server on a free port, and returns when it listens. It logs
// messages.
func StartServer(tb testing.TB, name string, flavor Flavor, args ...string) *Server {
	tb.Helper()
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			tb.Fatal(err)
		}
		listen := []string{"-A", "127.0.0.1", "-p", strconv.Itoa(port), "-v", "7"}
		s := &Server{Program: Start(tb, name, flavor, append(listen, args...)...)}
		s.CoAP = fmt.Sprintf("127.0.0.1:%d", port)
		last := `created UDP +endpoint ` + regexp.QuoteMeta(s.CoAP)
		if flavor != NoTLS {
			s.CoAPS = fmt.Sprintf("127.0.0.1:%d", port+1)
			last = `created DTLS endpoint ` + regexp.QuoteMeta(s.CoAPS)
		}
		if _, err = s.find(regexp.MustCompile(last)); err == nil {
			return s
		}
		s.Stop()
		if attempt == serverAttempts {
			tb.Fatal(err)
		}
	}
}
