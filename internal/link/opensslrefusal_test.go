package link

import (
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
)

func TestOpenSSLServerExpired(t *testing.T) {
	e := newEstate(t)
	expired := e.ca.issue(t, issued{name: "server.example", to: time.Now().Add(-time.Hour)})
	certificate, key := writePEM(t, "server", expired)
	o, uri := opensslServer(t, "-cert", certificate, "-key", key, "-cipher", "ALL:@SECLEVEL=0")
	d := &DTLS{Certificate: &e.device, Trust: &credentials.Trust{Roots: e.ca.pool()}, ServerName: "server.example"}
	_, err := d.Dial(realContext(t, 15*time.Second), target(t, uri), &notebook{})
	wantRefusal(t, err, 45)
	o.waitFor("alert certificate expired")
}

// Clients that must not get in. Both OpenSSL and the server say so.
func TestOpenSSLClientRefused(t *testing.T) {
	e, other := newEstate(t), newEstate(t)
	own, ownKey := writePEM(t, "device", e.device)
	strange, strangeKey := writePEM(t, "stranger", other.device)
	old, oldKey := writePEM(t, "old", e.ca.issue(t, issued{commonName: "device", to: time.Now().Add(-time.Hour)}))
	wrong, _ := writePEM(t, "ca", tls.Certificate{Certificate: [][]byte{other.ca.certificate.Raw}, PrivateKey: other.ca.key})
	const ecdsa = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
	psk := func(id, key string) []string {
		return []string{"-psk", hex.EncodeToString([]byte(key)), "-psk_identity", id, "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"}
	}
	for name, test := range map[string]struct {
		args []string
		says string // of OpenSSL; "" if it waits in vain
	}{
		"wrong key":         {psk(string(identity), "not the right one"), ""},
		"unknown identity":  {psk("nobody", string(sharedKey)), "alert"},
		"no certificate":    {[]string{"-cipher", ecdsa}, "alert"},
		"strange authority": {[]string{"-cert", strange, "-key", strangeKey, "-cipher", ecdsa}, "alert unknown ca"},
		"expired":           {[]string{"-cert", old, "-key", oldKey, "-cipher", ecdsa}, "alert certificate expired"},
		"no common suite":   {[]string{"-cert", own, "-key", ownKey, "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"}, "alert"},
		"server unknown": {[]string{"-cert", own, "-key", ownKey, "-cipher", ecdsa, "-CAfile", wrong, "-verify_return_error"},
			"certificate verify failed"},
	} {
		t.Run(name, func(t *testing.T) {
			server, failed := e.listener(), make(chan error, 4)
			server.Key, server.HandshakeTimeout = keys, 2*time.Second
			server.Failed = func(_ net.Addr, err error) { failed <- err }
			n := &notebook{}
			l := listenReal(t, server, n)
			o := startOpenSSL(t, append([]string{"s_client", "-dtls1_2", "-connect", l.Addr().String()}, test.args...)...)
			if test.says != "" {
				o.waitFor(test.says)
			}
			select {
			case err := <-failed:
				if err == nil || errors.Is(err, ErrClosed) {
					t.Errorf("the handshake failed with %v", err)
				}
			case <-time.After(15 * time.Second):
				t.Error("nobody is told of the failure")
			}
			if got := n.take(); len(got) != 0 {
				t.Errorf("the sink was told %v", got)
			}
		})
	}
}
