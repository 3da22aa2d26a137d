package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// URI schemes of Resource /0/x/0 (RFC 7252 §6, RFC 8323 §8).
const (
	SchemeUDP  = "coap"
	SchemeDTLS = "coaps"
	SchemeTCP  = "coap+tcp"
	SchemeTLS  = "coaps+tcp"
)

// Default ports (RFC 7252 §12.8, RFC 8323 §11.2).
const (
	PortPlain  = 5683 // coap and coap+tcp
	PortSecure = 5684 // coaps and coaps+tcp
)

// ErrURI is wrapped by every error of ParseURI.
var ErrURI = errors.New("link: invalid server URI")

// Target says where a server is. It is comparable.
type Target struct {
	Scheme string // one of the Scheme constants, in lower case
	Host   string // DNS name in lower case, or IP address without brackets
	Port   uint16 // never 0 in a Target from ParseURI

	// Attempt is the number of attempts that failed just before this one. A
	// name with several addresses is tried from that address on, going round,
	// so that an address which is reachable but silent does not hide the
	// others. Default: 0, the resolver's first choice.
	Attempt uint
}

// Secure reports whether the scheme asks for DTLS or TLS.
func (t Target) Secure() bool { return t.Scheme == SchemeDTLS || t.Scheme == SchemeTLS }

// HostPort gives host:port, with brackets around an IPv6 address.
func (t Target) HostPort() string {
	return net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port)))
}

// String gives the URI; the port is left out where it is the default.
func (t Target) String() string {
	if t.Port == defaultPort(t.Scheme) {
		if strings.Contains(t.Host, ":") {
			return t.Scheme + "://[" + strings.Replace(t.Host, "%", "%25", 1) + "]"
		}
		return t.Scheme + "://" + t.Host
	}
	return t.Scheme + "://" + strings.Replace(t.HostPort(), "%", "%25", 1)
}

// defaultPort gives the port of a scheme, 0 for a scheme that is not CoAP's.
func defaultPort(scheme string) uint16 {
	switch scheme {
	case SchemeUDP, SchemeTCP:
		return PortPlain
	case SchemeDTLS, SchemeTLS:
		return PortSecure
	}
	return 0
}

// ParseURI reads a server URI (Core 1.1.1 §E.1, Resource /0/x/0): scheme, host
// and an optional port. IPv6 addresses stand in brackets, with a zone as
// %25eth0. A path is accepted and ignored: operations of LwM2M have paths of
// their own. User information, query and fragment are refused. Errors wrap
// ErrURI.
func ParseURI(uri string) (Target, error) {
	fail := func(format string, args ...any) (Target, error) {
		return Target{}, fmt.Errorf("%w %q: %s", ErrURI, uri, fmt.Sprintf(format, args...))
	}
	u, err := url.Parse(uri)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // without the URI, which fail gives already
		}
		return fail("%v", err)
	}
	t := Target{Scheme: u.Scheme, Host: strings.ToLower(u.Hostname()), Port: defaultPort(u.Scheme)}
	switch {
	case t.Port == 0 && u.Host == "":
		return fail("want coap://HOST[:PORT] or coaps://HOST[:PORT]")
	case t.Port == 0:
		return fail("unknown scheme %q, want coap, coaps, coap+tcp or coaps+tcp", u.Scheme)
	case u.User != nil:
		return fail("user information is not allowed in a CoAP URI")
	case u.RawQuery != "" || u.ForceQuery:
		return fail("a query is not allowed in a server URI")
	case strings.Contains(uri, "#"):
		return fail("a fragment is not allowed in a CoAP URI")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return fail("port %s is not between 1 and 65535", p)
		}
		t.Port = uint16(n)
	}
	if err := checkHost(t.Host, strings.HasPrefix(u.Host, "[")); err != nil {
		return fail("%v", err)
	}
	return t, nil
}

// checkHost refuses hosts that no resolver could make sense of.
func checkHost(host string, bracketed bool) error {
	if host == "" {
		return errors.New("the host is missing")
	}
	if bracketed {
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return fmt.Errorf("%q in brackets is not an IPv6 address", host)
		}
		return nil
	}
	if strings.Contains(host, ":") {
		return errors.New("an IPv6 address needs brackets, as in coap://[2001:db8::1]")
	}
	if len(host) > 253 {
		return errors.New("the host is longer than 253 bytes, the limit of a DNS name")
	}
	if i := strings.IndexFunc(host, notInName); i >= 0 {
		return fmt.Errorf("the host contains %q", host[i:i+1])
	}
	return nil
}

// notInName reports what appears in no host name: only printable ASCII without
// delimiters is let through. Underscores do occur in the names of local
// networks.
func notInName(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"%/\<>[]{}^|,;`+"`", r)
}
