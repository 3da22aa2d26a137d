package leshan

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"testing"
	"time"
)

// Options configures a server. The zero value is a server with Leshan's defaults.
type Options struct {
	// Models has further object definitions, OMA XML files named *.xml in its
	// root. Objects 0 to 7, 21, 3441 and 3442 are always known.
	Models fs.FS
	// Properties are settings of Californium, Leshan's CoAP library, for instance
	// "COAP.MAX_RESOURCE_BODY_SIZE": "1000000" (default 8192 bytes) or
	// "COAP.ACK_TIMEOUT": "200[ms]" (default 2 s).
	Properties map[string]string
	// CoAP is where to listen for clients, host:port on a loopback interface, such
	// as "[::1]:0" or the address of a server that was closed. Port 0 stands for
	// any free one. Default: "127.0.0.1:0".
	CoAP string
	// Certificate is the server's own, with its chain and a P-256 key, for clients
	// that use certificates. Default: none, only pre-shared keys are accepted.
	Certificate tls.Certificate
	// ClientAuthorities are the authorities that the chain of a client's certificate
	// has to lead to. Default: Leshan accepts every certificate in the handshake.
	ClientAuthorities []*x509.Certificate
	// AwakeTime is how long Leshan takes a client in queue mode for awake after it
	// has spoken, in whole milliseconds. Default: Leshan's, 93 s.
	AwakeTime time.Duration
	// Verbose has Leshan log each request and its content.
	Verbose bool
	// StartTimeout bounds the wait for a started server; 0 means one minute.
	StartTimeout time.Duration
}

// Server is a running Leshan.
type Server struct {
	// CoAP and CoAPS are the server's addresses for clients, host:port on the
	// loopback interface.
	CoAP, CoAPS string
	// PID is the Java process's.
	PID int

	*process
}

// Start runs a server until the test ends. Where Leshan cannot run, the test is
// skipped, or fails if CI is true in the environment (see [Require]). A failed
// test shows the end of Leshan's log.
func Start(tb testing.TB, options Options) *Server {
	tb.Helper()
	s, err := StartMain(options)
	Require(tb, err)
	s.endWith(tb)
	return s
}

// StartMain runs a server for all tests of a binary; call it in TestMain and
// Close the server after them. The error belongs to each test that needs the
// server, which hands it to [Require].
func StartMain(options Options) (*Server, error) {
	p, err := serverEdition.start(options)
	if err != nil {
		return nil, err
	}
	return &Server{CoAP: p.coap, CoAPS: p.coaps, PID: p.cmd.Process.Pid, process: p}, nil
}

// Close stops the process, waits for its end and removes its folder. Calls after
// the first do nothing; so does a call on nil.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	return s.stop()
}

// Require ends a test that cannot have its server: it is skipped if something
// that Leshan needs is missing here (an [UnavailableError]), and fails on any
// other error, or on every error if the environment says CI=true. It does
// nothing if err is nil.
func Require(tb testing.TB, err error) {
	tb.Helper()
	if err == nil {
		return
	}
	var unavailable *UnavailableError
	ci, _ := strconv.ParseBool(os.Getenv("CI"))
	if errors.As(err, &unavailable) && !ci {
		tb.Skip(err)
	}
	tb.Fatal(err)
}
