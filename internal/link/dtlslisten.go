package link

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
)

// Defaults of DTLSServer's fields.
const (
	// DefaultConnectionID is long enough that strangers do not guess one of a
	// client.
	DefaultConnectionID = 8
	// DefaultMaxHandshakes bounds the handshakes under way, some 50 KB each.
	DefaultMaxHandshakes = 1024
	// DefaultMaxSessions bounds a server's sessions to some 500 MB.
	DefaultMaxSessions = 10000
)

// DTLSServer is the server's side of DTLS: coaps:// over UDP or another base. Its
// Links are Secured; they appear in Sink.Input once the handshake is done.
type DTLSServer struct {
	// Base carries the records. Default: a UDP of its own.
	Base interface {
		Listen(ctx context.Context, address string, s Sink) (Listener, error)
	}
	// Key gives the pre-shared key for an identity, false if it is unknown. It is
	// called on goroutines of handshakes. nil: no pre-shared keys.
	Key func(identity []byte) (key []byte, ok bool)
	// Certificate is the server's own, with its chain and private key. nil: no
	// certificates.
	Certificate *tls.Certificate
	// ClientTrust says which certificates of clients are accepted. It must be set
	// with Certificate: every client has to show one.
	ClientTrust *credentials.Trust
	// CipherSuites are the suites to accept. Default: DefaultPSKSuites with Key
	// and DefaultCertificateSuites with Certificate. The client's order counts.
	CipherSuites []uint16
	// ConnectionID is the length in bytes of the connection IDs for clients that
	// offer to use one. Default: DefaultConnectionID; at most 16.
	ConnectionID int
	// NoConnectionID gives none.
	NoConnectionID bool
	// NoResumption keeps no sessions. Those of clients with certificates are
	// never kept.
	NoResumption bool
	// MaxHandshakes bounds the handshakes under way; beyond it new ones are
	// ignored, and clients try again. Default: DefaultMaxHandshakes.
	MaxHandshakes int
	// MaxSessions bounds the sessions; beyond it, the one from which nothing came
	// for the longest time is closed with ErrPeerLimit. Default:
	// DefaultMaxSessions.
	MaxSessions int
	// HandshakeTimeout bounds each. Default: DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// Failed is told of handshakes that failed. It is called on their goroutines
	// and must not wait. Default: nil, nobody is told.
	Failed func(remote net.Addr, err error)
	// KeyLog gets the secrets of each session, in the format of SSLKEYLOGFILE.
	// Default: nil, nothing.
	KeyLog io.Writer
}

// Listen serves coaps:// on address, "host:port" or ":port".
func (d *DTLSServer) Listen(ctx context.Context, address string, s Sink) (Listener, error) {
	l := &dtlsListener{
		config: *d, sink: s, cid: min(orDefault(d.ConnectionID, DefaultConnectionID), 16),
		byBase: make(map[Link]*association), byCID: make(map[string]*dtlsLink), sessions: newSessionTable(),
	}
	if d.NoConnectionID {
		l.cid = 0
	}
	if err := l.prepare(); err != nil {
		return nil, fmt.Errorf("link: DTLS server: %w", err)
	}
	l.handshakes, l.cancel = context.WithCancel(context.Background())
	base := d.Base
	if base == nil {
		base = &UDP{}
	}
	under, err := base.Listen(ctx, address, l)
	if err != nil {
		l.cancel()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base = under
	return l, nil
}

// dtlsListener finds the session that each datagram belongs to.
type dtlsListener struct {
	config     DTLSServer
	sink       Sink
	cid        int // bytes; 0 for none
	suites     []dtls.CipherSuiteID
	sessions   *sessionTable
	handshakes context.Context
	cancel     context.CancelFunc

	mu      sync.Mutex
	base    Listener
	ended   bool
	byBase  map[Link]*association
	byCID   map[string]*dtlsLink
	pending int
	inputs  uint64 // counts datagrams, as the clock of dtlsLink.used
}

// prepare checks the fields.
func (l *dtlsListener) prepare() error {
	d := &l.config
	possible, otherwise := []dtls.CipherSuiteID(nil), []uint16(nil)
	if d.Key != nil {
		possible, otherwise = append(possible, pskSuites[:]...), append(otherwise, DefaultPSKSuites()...)
	}
	if d.Certificate != nil {
		if d.ClientTrust == nil {
			return fmt.Errorf("%w: with a certificate, ClientTrust must say which clients are accepted", credentials.ErrInvalid)
		}
		if err := d.ClientTrust.Check(); err != nil {
			return err
		}
		possible, otherwise = append(possible, certificateSuites[:]...), append(otherwise, DefaultCertificateSuites()...)
	}
	if len(possible) == 0 {
		return fmt.Errorf("%w: there are no credentials: Key or Certificate is needed", credentials.ErrInvalid)
	}
	var err error
	if l.suites, err = chooseSuites(d.CipherSuites, possible, otherwise); err != nil {
		return err
	}
	trial := &dtlsLink{records: newRecords(true, l.cid)}
	if _, err := dtls.ServerWithOptions(trial.records, linkAddr{}, l.options(trial)...); err != nil {
		return fmt.Errorf("%w: %w", credentials.ErrInvalid, err)
	}
	return nil
}

// Addr is the local address.
func (l *dtlsListener) Addr() net.Addr { return l.base.Addr() }

// Peer gives the Link of the session with the client at remote. A server cannot
// begin one.
func (l *dtlsListener) Peer(remote net.Addr) (Link, error) {
	base, err := l.base.Peer(remote)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.byBase[base]; a != nil && a.current != nil {
		return a.current, nil
	} else if a == nil {
		base.Close()
	}
	return nil, fmt.Errorf("%w: there is no DTLS session with %s, and only the client can begin one", ErrClosed, remote)
}

// Close ends the sessions, tells the clients, and closes the socket.
func (l *dtlsListener) Close() error {
	for _, link := range l.all(true) {
		link.Close()
	}
	l.cancel()
	return l.base.Close()
}

// Forget drops all sessions without telling anybody, as a server that crashes.
func (l *dtlsListener) Forget() {
	for _, link := range l.all(false) {
		link.Suspend()
	}
	l.sessions.clear()
}

// all gives the established Links.
func (l *dtlsListener) all(end bool) []*dtlsLink {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = l.ended || end
	var links []*dtlsLink
	for _, a := range l.byBase {
		if a.current != nil {
			links = append(links, a.current)
		}
	}
	return links
}

// begin starts a handshake; l.mu is held. It gives nil if there are too many.
func (l *dtlsListener) begin(base Link) *dtlsLink {
	if l.pending >= orDefault(l.config.MaxHandshakes, DefaultMaxHandshakes) {
		return nil
	}
	link := &dtlsLink{records: newRecords(true, l.cid), base: base, sink: l.sink, listener: l}
	link.offered.table = l.sessions
	if l.cid > 0 {
		id := make([]byte, l.cid)
		rand.Read(id) // never fails
		link.key = string(id)
	}
	conn, err := dtls.ServerWithOptions(link.records, linkAddr{base}, l.options(link)...)
	if err != nil {
		return nil // prepare has tried the same
	}
	link.conn = conn
	a := l.byBase[base]
	if a == nil {
		a = &association{}
		l.byBase[base] = a
	}
	a.pending = link
	if l.cid > 0 {
		l.byCID[link.key] = link
	}
	l.pending++
	go l.shake(link)
	return link
}

// options are the library's for one handshake.
func (l *dtlsListener) options(link *dtlsLink) []dtls.ServerOption {
	d, records := &l.config, link.records
	options := []dtls.ServerOption{
		dtls.WithLoggerFactory(&records.alert),
		dtls.WithCipherSuites(l.suites...),
		dtls.WithEllipticCurves(elliptic.P256, elliptic.X25519, elliptic.P384),
	}
	if d.Key != nil {
		options = append(options, dtls.WithPSK(func(identity []byte) ([]byte, error) {
			key, ok := d.Key(identity)
			if !ok {
				records.refuse(AlertUnknownPSKIdentity)
				return nil, fmt.Errorf("%w: %q", ErrUnknownIdentity, identity)
			}
			return key, credentials.CheckKey(key)
		}))
	}
	if d.Certificate != nil {
		options = append(options, dtls.WithCertificates(*d.Certificate),
			dtls.WithClientAuth(dtls.RequestClientCert),
			dtls.WithVerifyPeerCertificate(func(presented [][]byte, _ [][]*x509.Certificate) error {
				return refuseWith(records, d.ClientTrust.Verify(presented, "", time.Now(), true))
			}),
			dtls.WithVerifyConnection(func(s *dtls.State) error {
				if len(s.PeerCertificates) > 0 || usesKey(s.CipherSuiteID) {
					return nil
				}
				return refuseWith(records, d.ClientTrust.Verify(nil, "", time.Now(), true))
			}))
	}
	if !d.NoResumption {
		options = append(options, dtls.WithSessionStore(&link.offered))
	}
	if l.cid > 0 {
		options = append(options, dtls.WithConnectionIDGenerator(func() []byte { return []byte(link.key) }))
	}
	if d.KeyLog != nil {
		options = append(options, dtls.WithKeyLogWriter(d.KeyLog))
	}
	return options
}

// ErrUnknownIdentity says that a client has a PSK identity that the server does
// not know.
var ErrUnknownIdentity = errors.New("link: unknown PSK identity")

// refuseWith passes an error on, and has the peer told its number.
func refuseWith(r *records, err error) error {
	var refused *credentials.CertificateError
	if errors.As(err, &refused) {
		r.refuse(refused.Alert)
	}
	return err
}

// shake does a handshake, and installs the session.
func (l *dtlsListener) shake(link *dtlsLink) {
	timeout := l.config.HandshakeTimeout
	if timeout <= 0 {
		timeout = DefaultHandshakeTimeout
	}
	ctx, cancel := context.WithTimeout(l.handshakes, timeout)
	defer cancel()
	err := link.conn.HandshakeContext(ctx)
	if err == nil {
		link.handshake = handshakeOf(link.conn, Full)
		if state, ok := link.conn.ConnectionState(); ok && link.offered.resumed(state.SessionID) {
			link.handshake.Kind = Resumed
		}
		if l.install(link) {
			link.start()
			return
		}
		err = ErrClosed
	}
	if ended := ctx.Err(); ended != nil {
		err = ended
	}
	link.conn.Close()
	link.records.Close()
	remote := link.base
	l.forget(link)
	l.failed(remote, explainServer(err, link.records))
}

// explainServer says why a server's handshake failed.
func explainServer(err error, r *records) error {
	if a, ok := alertIn(err); ok {
		return a
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the client went away, or its pre-shared key differs: %w", err)
	}
	return err
}

func (l *dtlsListener) failed(base Link, err error) {
	if l.config.Failed != nil {
		l.config.Failed(base.Remote(), err)
	}
}
