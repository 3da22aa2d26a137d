package libcoap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/internal/link"
)

func TestCoAPServer(t *testing.T) {
	t.Parallel()
	s := StartServer(t, "coap-server", NoTLS, "-d", "10")
	e, err := dial(t, &link.UDP{}, "coap://"+s.CoAP)
	must(t, err)
	e.converse()
}

// clientConverses has coap-client read and write a body of several blocks at a service, and observe it; args are its
// credentials.
func (s *service) clientConverses(t *testing.T, flavor Flavor, scheme string, args ...string) {
	t.Helper()
	run := func(resource string, more ...string) string {
		t.Helper()
		uri := scheme + "://" + s.Addr().String() + resource
		output, err := Start(t, "coap-client", flavor, append(append(append([]string{"-B", "5"}, args...), more...), uri)...).Wait()
		if err != nil {
			t.Errorf("coap-client ended: %v", err)
		}
		return output
	}
	if got := run("/body"); strings.TrimSpace(got) != s.content() {
		t.Errorf("coap-client read %d bytes %.40q…, want %d", len(got), got, len(s.content()))
	}
	body := strings.Repeat("a body to write ", 400)
	file := filepath.Join(t.TempDir(), "body")
	must(t, os.WriteFile(file, []byte(body), 0o600))
	run("/body", "-m", "put", "-b", "256", "-f", file)
	if got := s.content(); got != body {
		t.Errorf("coap-client wrote %d bytes %.40q…, want %d", len(got), got, len(body))
	}
	got := run("/clock", "-s", "1")
	for _, tick := range []string{"tick 1", "tick 2", "tick 3"} {
		if !strings.Contains(got, tick) {
			t.Errorf("coap-client observed %q, which has no %q", got, tick)
		}
	}
}

func TestCoAPClient(t *testing.T) {
	t.Parallel()
	need(t)
	s := newService(t)
	var err error
	s.Listener, err = (&link.UDP{}).Listen(testContext(t), "127.0.0.1:0", s)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	s.clientConverses(t, NoTLS, "coap")
}
