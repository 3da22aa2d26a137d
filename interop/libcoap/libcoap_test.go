package libcoap

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestObtain(t *testing.T) {
	found := need(t)
	for _, name := range []string{"coap-server", "coap-client", "coap-rd"} {
		for _, flavor := range []Flavor{OpenSSL, GnuTLS, NoTLS} {
			if _, err := os.Stat(filepath.Join(found.programs, name+"-"+string(flavor))); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestObtainSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("LWM2M_LIBCOAP_CACHE", t.TempDir())
	_, err := obtain()
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "apt-get install libcoap3-bin") {
		t.Errorf("error %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("LWM2M_LIBCOAP_CACHE"), "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestProgramThatEnds(t *testing.T) {
	p := Start(t, "coap-client", NoTLS, "coaps://127.0.0.1/")
	if output, err := p.Wait(); err == nil || output == "" {
		t.Errorf("ended with %v, %q", err, output)
	}
	if _, err := p.find(regexp.MustCompile("never printed")); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("error %v", err)
	}
}
