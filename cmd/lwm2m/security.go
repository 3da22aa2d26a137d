package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/spf13/cobra"
)

// securityFlags say how the device and the server prove who they are.
type securityFlags struct {
	identity   string
	key        string
	cert       string
	private    string
	authority  string
	pinned     string
	serverName string
}

func (f *securityFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.identity, "psk-identity", "", "`name` of the pre-shared key (default: that of --endpoint)")
	flags.StringVar(&f.key, "psk-key", "", "pre-shared `key`: @FILE, or in hexadecimal, base64:… or text:…")
	flags.StringVar(&f.cert, "cert", "", "`file` with the device's certificate or chain, PEM or DER")
	flags.StringVar(&f.private, "key", "", "`file` with its private key, PEM or DER (default: that of --cert)")
	flags.StringVar(&f.authority, "ca", "", "`file` with the authorities to trust (default: those of the system)")
	flags.StringVar(&f.pinned, "pin", "", "`file` with the only certificate that the server may have")
	flags.StringVar(&f.serverName, "server-name", "", "`name` in the server's certificate (default: the host of --server)")
}

// keyed reports whether there are flags of a pre-shared key, and certified those of certificates.
func (f *securityFlags) keyed() bool { return f.key != "" || f.identity != "" }
func (f *securityFlags) certified() bool {
	return f.cert != "" || f.private != "" || f.authority != "" || f.pinned != "" || f.serverName != ""
}

// security makes sense of the flags, for the server that another flag names. found says what was recognised; never a
// secret.
func (f *securityFlags) security(flag string, target link.Target, endpoint string) (s lwm2m.Security, found string, err error) {
	keyed, certified := f.keyed(), f.certified()
	switch {
	case keyed && certified:
		return nil, "", usagef("--psk-key and --cert exclude each other: a connection has one kind of security")
	case !target.Secure() && (keyed || certified):
		return nil, "", usagef("--%s: %q is without protection, and the credentials would not be used; write coaps://", flag, target)
	case !target.Secure():
		return lwm2m.NoSec{}, "no security: whoever is on the way can read and change everything", nil
	case keyed:
		return f.preShared(endpoint)
	case f.cert != "":
		return f.certificate()
	case certified:
		return nil, "", usagef("--cert is missing; the device needs a certificate of its own")
	}
	return nil, "", usagef("--%s: %q needs credentials: --psk-key, or --cert and --key", flag, target)
}

func (f *securityFlags) preShared(endpoint string) (lwm2m.Security, string, error) {
	if f.key == "" {
		return nil, "", usagef("--psk-key is missing")
	}
	text := f.key
	if name, ok := strings.CutPrefix(text, "@"); ok {
		text = "file:" + name
	}
	key, found, err := credentials.Key(text)
	if err != nil {
		return nil, "", usagef("--psk-key: %s", plainly(err))
	}
	identity := f.identity
	if identity == "" {
		identity = endpoint
	}
	if err := credentials.CheckIdentity([]byte(identity)); err != nil {
		return nil, "", usagef("--psk-identity: %s", plainly(err))
	}
	return lwm2m.PSK{Identity: []byte(identity), Key: key}, fmt.Sprintf("PSK %q, %s", identity, found), nil
}

func (f *securityFlags) certificate() (lwm2m.Security, string, error) {
	chain, err := file("cert", f.cert)
	if err != nil {
		return nil, "", err
	}
	private := chain
	if f.private != "" {
		if private, err = file("key", f.private); err != nil {
			return nil, "", err
		}
	}
	pair, found, err := credentials.Pair(chain, private)
	if err != nil {
		return nil, "", usagef("--cert, --key: %s", plainly(err))
	}
	s := lwm2m.X509{Certificate: pair, ServerName: f.serverName}
	if f.authority != "" {
		authorities, err := certificates("ca", f.authority)
		if err != nil {
			return nil, "", err
		}
		s.Roots = x509.NewCertPool()
		for _, a := range authorities {
			s.Roots.AddCert(a)
		}
	}
	if f.pinned != "" {
		pinned, err := certificates("pin", f.pinned)
		if err != nil {
			return nil, "", err
		}
		s.Pinned = pinned[0].Raw
		if s.Roots != nil { // then both count
			s.Usage = model.ServiceCertificateConstraint
		}
	}
	return s, found, nil
}

// file reads the file that a flag names.
func file(flag, name string) ([]byte, error) {
	data, _, err := credentials.Bytes("file:" + name)
	if err != nil {
		return nil, usagef("--%s: %s", flag, plainly(err))
	}
	return data, nil
}

func certificates(flag, name string) ([]*x509.Certificate, error) {
	data, err := file(flag, name)
	if err != nil {
		return nil, err
	}
	found, _, err := credentials.Certificates(data)
	if err != nil {
		return nil, usagef("--%s: %s: %s", flag, name, plainly(err))
	}
	return found, nil
}

// plainly is an error without the name of the package.
func plainly(err error) string {
	text := err.Error()
	for _, kind := range []error{credentials.ErrFormat, credentials.ErrInvalid} {
		if errors.Is(err, kind) {
			text = strings.ReplaceAll(text, kind.Error(), strings.TrimPrefix(kind.Error(), "credentials: "))
		}
	}
	return text
}
