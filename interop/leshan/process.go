package leshan

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	defaultStartTimeout = time.Minute
	// startAttempts bounds how often Start tries again with other ports after
	// another program has taken one of those it had picked.
	startAttempts = 5
	// portsNeeded: CoAP, CoAPS, HTTP; the demo server has three more.
	portsNeeded   = 6
	readyPoll     = 20 * time.Millisecond
	shownLogLines = 60
)

// process is a Leshan in Java, whichever edition.
type process struct {
	coap, coaps string // addresses
	api         string // URL
	http        *http.Client
	dir         string
	logFile     string
	cmd         *exec.Cmd
	stdin       io.Closer
	exited      chan struct{}
	close       sync.Once
}

// start runs the program on free ports until it is ready.
func (e edition) start(options Options) (*process, error) {
	ctx := context.Background()
	prog, err := e.obtain(ctx)
	if err != nil {
		return nil, err
	}
	if options.StartTimeout == 0 {
		options.StartTimeout = defaultStartTimeout
	}
	for attempt := 1; ; attempt++ {
		ports, err := freePorts(portsNeeded)
		if err != nil {
			return nil, err
		}
		p, err := launch(ctx, prog, options, ports)
		if err == nil || attempt == startAttempts || !errors.Is(err, errPortTaken) {
			return p, err
		}
	}
}

var errPortTaken = errors.New("a port was taken by another program")

func launch(ctx context.Context, prog program, options Options, ports []string) (*process, error) {
	dir, err := os.MkdirTemp("", "leshan-")
	if err != nil {
		return nil, fmt.Errorf("leshan: %w", err)
	}
	s := &process{dir: dir, logFile: filepath.Join(dir, "leshan.log"), exited: make(chan struct{})}
	err = s.run(prog, options, ports)
	if err == nil {
		err = s.waitReady(ctx, options.StartTimeout)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *process) run(prog program, options Options, ports []string) error {
	args, err := s.arguments(prog, options, ports)
	if err != nil {
		return err
	}
	log, err := os.Create(s.logFile)
	if err != nil {
		return fmt.Errorf("leshan: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(prog.java, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	ownGroup(cmd)
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return fmt.Errorf("leshan: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("leshan: start java: %w", err)
	}
	s.cmd = cmd
	s.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	go func() {
		_ = cmd.Wait() // how a killed process ends says nothing
		close(s.exited)
	}()
	return nil
}

// arguments prepares the working folder and returns Java's command line.
func (s *process) arguments(prog program, options Options, ports []string) ([]string, error) {
	level := "info"
	if options.Verbose {
		level = "debug"
	}
	args := []string{
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", // quick to start, small
		"-Dsun.net.httpserver.nodelay=true", // else each answer waits 40 ms for an ACK
		"-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
		"-Dorg.slf4j.simpleLogger.log.org.eclipse.leshan=" + level,
		"-cp", prog.classpath, prog.main,
	}
	host, port, err := coapAddress(options.CoAP, ports[0])
	if err != nil {
		return nil, err
	}
	s.coap, s.coaps, s.api = net.JoinHostPort(host, port), hostPort(ports[1]), "http://"+hostPort(ports[2])+"/api"
	args = append(args, "-lh", host, "-lp", port)
	for i, name := range []string{"sl", "w"} {
		args = append(args, "-"+name+"h", "127.0.0.1", "-"+name+"p", ports[i+1])
	}
	if prog.isDemo() {
		// The demo's TLS endpoint takes the TCP port if it is given a host.
		args = append(args, "-jh", "127.0.0.1", "-jp", ports[3], "-th", "127.0.0.1", "-tp", ports[4], "-tsp", ports[5])
		if options.Verbose {
			args = append(args, "-vv")
		}
	}
	if options.AwakeTime != 0 && !prog.isDemo() {
		args = append(args, "-awake", strconv.FormatInt(options.AwakeTime.Milliseconds(), 10))
	}
	if len(options.Certificate.Certificate) > 0 {
		files, err := s.writeIdentity(options)
		if err != nil {
			return nil, err
		}
		args = append(args, files...)
	}
	if options.Models != nil {
		folder := filepath.Join(s.dir, "models")
		if err := copyModels(folder, options.Models); err != nil {
			return nil, err
		}
		args = append(args, "-m", folder)
	}
	return args, writeProperties(s.dir, options.Properties)
}

// coapAddress takes Options.CoAP apart; free is a free port.
func coapAddress(address, free string) (host, port string, err error) {
	if address == "" {
		return "127.0.0.1", free, nil
	}
	if host, port, err = net.SplitHostPort(address); err != nil {
		return "", "", fmt.Errorf("leshan: Options.CoAP: %w", err)
	}
	if port == "0" {
		port = free
	}
	return host, port, nil
}

func copyModels(folder string, from fs.FS) error {
	names, err := fs.Glob(from, "*.xml")
	if err != nil {
		return fmt.Errorf("leshan: models: %w", err)
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return fmt.Errorf("leshan: models: %w", err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return fmt.Errorf("leshan: models: %w", err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return fmt.Errorf("leshan: models: %w", err)
		}
	}
	return nil
}

func writeProperties(dir string, properties map[string]string) error {
	if len(properties) == 0 {
		return nil
	}
	var text strings.Builder
	for name, value := range properties {
		fmt.Fprintf(&text, "%s=%s\n", name, value)
	}
	if err := os.WriteFile(filepath.Join(dir, "Californium3.server.properties"), []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("leshan: properties: %w", err)
	}
	return nil
}

// writeIdentity makes files of the server's certificate and key, and of the
// authorities of clients, and returns the options that name them.
func (s *process) writeIdentity(options Options) ([]string, error) {
	key, err := x509.MarshalPKCS8PrivateKey(options.Certificate.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("leshan: Options.Certificate: %w", err)
	}
	var chain []byte
	for _, der := range options.Certificate.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	folder := filepath.Join(s.dir, "authorities")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, fmt.Errorf("leshan: %w", err)
	}
	files := map[string][]byte{"server.pem": chain, "server.key": key}
	for i, authority := range options.ClientAuthorities {
		files[filepath.Join("authorities", fmt.Sprintf("%d.der", i))] = authority.Raw
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return nil, fmt.Errorf("leshan: %w", err)
		}
	}
	return []string{"-xcert", filepath.Join(s.dir, "server.pem"), "-xprik", filepath.Join(s.dir, "server.key"), "-ts", folder}, nil
}

// freePorts returns ports that are free for UDP and TCP at this moment.
func freePorts(n int) ([]string, error) {
	ports := make([]string, 0, n)
	for tries := 0; len(ports) < n && tries < 20*n; tries++ {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("leshan: find a free port: %w", err)
		}
		defer listener.Close() // held until all are found, so that they differ
		packets, err := net.ListenPacket("udp4", listener.Addr().String())
		if err != nil {
			continue
		}
		defer packets.Close()
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	if len(ports) < n {
		return nil, errors.New("leshan: find free ports: too many are taken")
	}
	return ports, nil
}

func hostPort(port string) string { return net.JoinHostPort("127.0.0.1", port) }

func (s *process) waitReady(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for {
		// The log tells this server from another one that may have the port.
		if bytes.Contains(s.log(0), []byte("Web server started")) {
			if _, err := s.Endpoints(ctx); err == nil {
				return nil
			}
		}
		select {
		case <-poll.C:
		case <-s.exited:
			log := s.log(0)
			if bytes.Contains(log, []byte("BindException")) {
				return errPortTaken
			}
			return fmt.Errorf("leshan: the server ended while starting:\n%s", lastLines(log, shownLogLines))
		case <-ctx.Done():
			return fmt.Errorf("leshan: the server is not ready after %v:\n%s", limit, lastLines(s.log(0), shownLogLines))
		}
	}
}

// stop ends the process, waits for it and removes its folder.
func (s *process) stop() error {
	var err error
	s.close.Do(func() {
		if s.cmd != nil {
			select {
			case <-s.exited:
			default:
				err = killGroup(s.cmd)
				<-s.exited
			}
			s.stdin.Close()
			s.http.CloseIdleConnections()
		}
		err = errors.Join(err, os.RemoveAll(s.dir))
	})
	return err
}

// endWith stops the process with a test, which shows the end of the log if it failed.
func (s *process) endWith(tb testing.TB) {
	tb.Cleanup(func() {
		if err := s.stop(); err != nil {
			tb.Errorf("leshan: stop: %v", err)
		}
	})
	s.LogTo(tb)
}

// LogTo shows, if the test fails, what Leshan logs from now on. [Start] does so
// by itself; tests that share a server call it first thing.
func (s *process) LogTo(tb testing.TB) {
	from := len(s.log(0))
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("end of Leshan's log:\n%s", lastLines(s.log(from), shownLogLines))
		}
	})
}

func (s *process) log(from int) []byte {
	text, err := os.ReadFile(s.logFile)
	if err != nil {
		return []byte(err.Error())
	}
	return text[min(from, len(text)):]
}

func lastLines(text []byte, n int) []byte {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(slices.Clone(lines[max(0, len(lines)-n):]), []byte("\n"))
}
