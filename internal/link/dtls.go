package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
)

// DefaultHandshakeTimeout bounds a handshake whose context has no deadline: five
// retransmissions after 1, 3, 7, 15 and 31 seconds and the time for an answer.
const DefaultHandshakeTimeout = 60 * time.Second

// dtlsOverhead is what a record adds to a datagram at most, with a connection
// ID of 16 bytes and the largest authentication tag.
const dtlsOverhead = 13 + 16 + 1 + 8 + 16

// maxRecord is the largest content of a record (RFC 6347 §4.1).
const maxRecord = 1 << 14

// PSK is a pre-shared key with the name by which the server knows it (Resources
// /0/x/3 and /0/x/5).
type PSK struct {
	Identity []byte // UTF-8, at most 128 bytes
	Key      []byte // at most 64 bytes
}

// String tells the identity and the size of the key, never the key.
func (p PSK) String() string {
	return fmt.Sprintf("PSK %q with a key of %d bytes", p.Identity, len(p.Key))
}

// GoString is String, so that no way of printing shows the key.
func (p PSK) GoString() string { return p.String() }

// DTLS carries coaps:// over DTLS 1.2 (RFC 6347): the client's side, with the
// credentials of one account. It remembers the account's sessions, so that a new
// Link to the same server needs no full handshake:
//
//   - A Link that ended by Suspend goes on with its keys, without any exchange,
//     if the server gave a connection ID (RFC 9146) or the new Link has the old
//     one's address. Target.Attempt must be 0: an owner that got no answer over
//     such a Link counts that as a failed attempt.
//   - Else the session is resumed, if the server keeps sessions (RFC 5246 §7.3).
//     Every third attempt in a row does without, as does one to a server that
//     gave a connection ID before: the library cannot resume and negotiate a
//     connection ID at once, and a new one is worth more.
//   - Else there is a full handshake.
//
// The Links it dials are Secured. The fields must not be changed once it is in
// use; PSK or Trust must be set.
type DTLS struct {
	// Base carries the records. Default: a UDP of its own with KeepPort.
	Base Network
	// PSK authenticates both sides by a common key.
	PSK *PSK
	// Trust says which server certificates are accepted. Without PSK it must be
	// set.
	Trust *credentials.Trust
	// Certificate is the client's own, with its chain and its private key. nil:
	// the server is told that there is none.
	Certificate *tls.Certificate
	// ServerName is the name that the server's certificate must be for and that
	// it is told (SNI, RFC 6066 §3; Resource /0/x/14). Default: the host of the
	// Target. An IP address is checked and not told.
	ServerName string
	// CipherSuites are the suites to offer by their number, the best first
	// (Resource /0/x/16). Those that the library does not have or that do not fit
	// the credentials are left out. Default: DefaultPSKSuites or
	// DefaultCertificateSuites.
	CipherSuites []uint16
	// NoConnectionID does not offer to use the server's connection IDs.
	NoConnectionID bool
	// NoResumption always does full handshakes.
	NoResumption bool
	// HandshakeTimeout bounds a handshake, beside the context of Dial. Default:
	// DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// Retransmission is when a flight of the handshake is first sent again; the
	// time doubles up to a minute. Default: 1 s (RFC 6347 §4.2.4.1).
	Retransmission time.Duration
	// KeyLog gets the secrets of each session, for analysis, in the format of
	// SSLKEYLOGFILE. Default: nil, nothing.
	KeyLog io.Writer

	mu       sync.Mutex
	base     Network                 // Base or its default
	sessions map[string]savedSession // by host:port
}

// HandshakeKind is how a session came about.
type HandshakeKind int

// The kinds.
const (
	// Full: new keys. The server knows nothing of an earlier Link.
	Full HandshakeKind = iota
	// Resumed: new keys from an earlier session's secret.
	Resumed
	// Kept: the keys and counters of a Link that was suspended, without an
	// exchange: whether the server still has them shows with the first answer.
	Kept
)

// String gives the kind in lower case.
func (k HandshakeKind) String() string {
	switch k {
	case Full:
		return "full"
	case Resumed:
		return "resumed"
	case Kept:
		return "kept"
	}
	return fmt.Sprintf("handshake %d", int(k))
}

// Handshake tells about the session of a Secured Link.
type Handshake struct {
	Kind HandshakeKind
	// ConnectionID tells that the client's records carry a connection ID, so
	// that the session survives a change of its address.
	ConnectionID bool
	// CipherSuite is the number of the suite in use.
	CipherSuite uint16
	// Identity is the PSK identity of the client; nil with certificates.
	Identity []byte
	// Certificates are the peer's, its own first; nil without.
	Certificates []*x509.Certificate
}

// Secured is a Link with DTLS.
type Secured interface {
	Link
	// Handshake tells about the session.
	Handshake() Handshake
	// Suspend closes the Link without telling the peer, as Close does, and keeps
	// the session for the next Dial to the same Target, or for Export. On a
	// server's Link it is Close without telling the peer.
	Suspend() error
}

// Dial opens a Link to t, whose scheme must be coaps, and does a handshake if
// one is needed. Errors wrap an *AlertError, a *credentials.CertificateError or
// the context's error, and say how far it got.
func (d *DTLS) Dial(ctx context.Context, t Target, s Sink) (Link, error) {
	if t.Scheme != SchemeDTLS {
		return nil, fmt.Errorf("%w: %s over DTLS", ErrScheme, t)
	}
	config, err := d.settings(t)
	if err != nil {
		return nil, fmt.Errorf("link: DTLS to %s: %w", t, err)
	}
	base := t
	base.Scheme = SchemeUDP
	records := newRecords(false, 0)
	under, err := d.network().Dial(ctx, base, records)
	if err != nil {
		return nil, err
	}
	config.records = records
	config.options = append(config.options, dtls.WithLoggerFactory(&records.alert))
	l := &dtlsLink{records: records, base: under, sink: s, owner: d, key: t.HostPort()}
	if err := d.establish(ctx, l, t, config); err != nil {
		under.Close()
		return nil, fmt.Errorf("link: DTLS handshake with %s: %w", t, err)
	}
	l.start()
	return l, nil
}

// network gives Base or its default.
func (d *DTLS) network() Network {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.base == nil {
		d.base = d.Base
	}
	if d.base == nil {
		d.base = &UDP{KeepPort: true}
	}
	return d.base
}

// establish goes on with a kept session or does a handshake.
func (d *DTLS) establish(ctx context.Context, l *dtlsLink, t Target, config *clientSettings) error {
	saved := d.take(l.key)
	if t.Attempt == 0 && saved.fits(l.base) {
		if l.restore(saved, config.options) == nil {
			l.handshake.Identity = d.identity()
			d.put(l.key, savedSession{session: saved.session, connectionID: saved.connectionID})
			return nil
		}
	}
	saved.state = nil
	session := &oneSession{}
	if !d.NoResumption && t.Attempt%3 != 2 && (d.NoConnectionID || !saved.connectionID) {
		session.offered = saved.session
	}
	if !d.NoResumption {
		config.options = append(config.options, dtls.WithSessionStore(session))
	}
	conn, err := dtls.ClientWithOptions(l.records, linkAddr{l.base}, config.client()...)
	if err != nil {
		d.put(l.key, saved)
		return fmt.Errorf("%w: %w", credentials.ErrInvalid, err)
	}
	if err := d.shake(ctx, conn, l.records); err != nil {
		if !session.dead {
			d.put(l.key, saved) // not its fault
		}
		return explain(err, l.records, config.refusal(), d.PSK != nil)
	}
	l.conn = conn
	l.handshake = handshakeOf(conn, session.kind())
	l.handshake.Identity = d.identity()
	d.put(l.key, savedSession{session: session.result(), connectionID: l.handshake.ConnectionID})
	return nil
}

func (d *DTLS) identity() []byte {
	if d.PSK == nil {
		return nil
	}
	return d.PSK.Identity
}

// shake does the handshake within the bounds and leaves nothing behind if it
// fails.
func (d *DTLS) shake(ctx context.Context, conn *dtls.Conn, records *records) error {
	timeout := d.HandshakeTimeout
	if timeout <= 0 {
		timeout = DefaultHandshakeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := conn.HandshakeContext(ctx)
	if err != nil {
		if ended := ctx.Err(); ended != nil {
			err = ended
		}
		conn.Close()
		records.Close()
	}
	return err
}

// clientSettings are the options of a handshake and what its callbacks noted.
type clientSettings struct {
	options []dtls.Option
	records *records
	mu      sync.Mutex
	refused error
}

func (c *clientSettings) client() []dtls.ClientOption {
	all := make([]dtls.ClientOption, len(c.options))
	for i, o := range c.options {
		all[i] = o
	}
	return all
}

// refuse notes why the server's certificate is not accepted, if it is not.
func (c *clientSettings) refuse(err error) error {
	var refused *credentials.CertificateError
	if errors.As(err, &refused) {
		c.records.refuse(refused.Alert)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = err
	return err
}

func (c *clientSettings) refusal() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// errNoCredentials is a DTLS without PSK and Trust.
var errNoCredentials = errors.New("there are no credentials: a pre-shared key, or what to trust of certificates, is needed")

// settings checks the fields and makes options of them.
func (d *DTLS) settings(t Target) (*clientSettings, error) {
	c := &clientSettings{}
	var err error
	switch {
	case d.PSK != nil:
		err = d.keySettings(c)
	case d.Trust != nil:
		err = d.certificateSettings(c, t)
	default:
		err = fmt.Errorf("%w: %w", credentials.ErrInvalid, errNoCredentials)
	}
	if err != nil {
		return nil, err
	}
	if d.Retransmission > 0 {
		c.options = append(c.options, dtls.WithFlightInterval(d.Retransmission))
	}
	if !d.NoConnectionID {
		c.options = append(c.options, dtls.WithConnectionIDGenerator(dtls.OnlySendCIDGenerator()))
	}
	if d.KeyLog != nil {
		c.options = append(c.options, dtls.WithKeyLogWriter(d.KeyLog))
	}
	return c, nil
}

func (d *DTLS) keySettings(c *clientSettings) error {
	if err := credentials.CheckIdentity(d.PSK.Identity); err != nil {
		return err
	}
	if err := credentials.CheckKey(d.PSK.Key); err != nil {
		return err
	}
	suites, err := chooseSuites(d.CipherSuites, pskSuites[:], DefaultPSKSuites())
	if err != nil {
		return err
	}
	key := d.PSK.Key
	c.options = []dtls.Option{
		dtls.WithCipherSuites(suites...),
		dtls.WithPSK(func([]byte) ([]byte, error) { return key, nil }),
		dtls.WithPSKIdentityHint(d.PSK.Identity),
	}
	return nil
}

// certificateSettings leaves the library's own verification out: it knows one of
// the usages only.
func (d *DTLS) certificateSettings(c *clientSettings, t Target) error {
	if err := d.Trust.Check(); err != nil {
		return fmt.Errorf("the server's certificate (Resource 4): %w", err)
	}
	suites, err := chooseSuites(d.CipherSuites, certificateSuites[:], DefaultCertificateSuites())
	if err != nil {
		return err
	}
	name := d.ServerName
	if name == "" {
		name = t.Host
	}
	c.options = []dtls.Option{
		dtls.WithCipherSuites(suites...),
		dtls.WithServerName(name),
		dtls.WithEllipticCurves(elliptic.P256, elliptic.X25519, elliptic.P384),
		dtls.WithInsecureSkipVerify(true),
		dtls.WithVerifyPeerCertificate(func(presented [][]byte, _ [][]*x509.Certificate) error {
			return c.refuse(d.Trust.Verify(presented, name, time.Now(), false))
		}),
	}
	if d.Certificate != nil {
		c.options = append(c.options, dtls.WithCertificates(*d.Certificate))
	}
	return nil
}
