package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lwm2m": main, "testserver": testServer})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: golden.Updating(),
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "reach": reach},
	})
}

// await FILE REGEXP [VARIABLE] waits until the file has a line that matches, and sets the variable
// to what the first group matched.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: await FILE REGEXP [VARIABLE]")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for {
		text, _ := os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		if match := pattern.FindSubmatch(text); match != nil {
			if len(args) == 3 {
				ts.Setenv(args[2], string(match[1]))
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("no line of %s matches %s:\n%s", args[0], args[1], text)
		}
	}
}

// reach HOST:PORT waits until a CoAP server answers a ping there (RFC 7252 §4.3).
func reach(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: reach HOST:PORT")
	}
	conn, err := net.Dial("udp", args[0])
	ts.Check(err)
	defer conn.Close()
	ping, buf := []byte{0x40, 0, 0, 1}, make([]byte, 64)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		_, _ = conn.Write(ping) // refused while nobody is there
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if n, err := conn.Read(buf); err == nil && n == 4 {
			return
		}
	}
	ts.Fatalf("no CoAP server at %s", args[0])
}

// testServer is the command testserver of the scripts: a server that writes to a file where it
// listens and what devices do, until it is interrupted.
func testServer() {
	log := flag.String("log", "", "file to write to")
	execute := flag.String("execute", "", "path to execute once a device has registered")
	observe := flag.String("observe", "", "path to observe once a device has registered")
	refuse := flag.Bool("refuse", false, "refuse each registration")
	factory := flag.String("factory", "", "file to write an account of this server to, as factory data")
	psk := flag.String("psk", "", "speak DTLS with the key of this text for the identity thermo-1")
	pki := flag.String("pki", "", "speak DTLS with certificates, and write those of an authority and a device to this folder")
	flag.Parse()
	credentials, err := credentialsOf(*psk, *pki)
	if err == nil {
		err = serve(testServerOptions{*log, *execute, *observe, *refuse, *factory, *psk, credentials})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type testServerOptions struct {
	log, execute string
	observe      string
	refuse       bool
	factory, psk string
	credentials  *server.Credentials
}

// account is that of the server, which is a Bootstrap-Server too and tells of itself.
func (o *testServerOptions) account(uri string) server.ServerAccount {
	a := server.ServerAccount{URI: uri, Security: server.NoSec{}, Lifetime: 70 * time.Second}
	if o.psk != "" {
		a.Security = server.PSK{Identity: []byte("thermo-1"), Key: []byte(o.psk)}
	}
	return a
}

// writeFactoryData writes the account of a server without security.
func (o *testServerOptions) writeFactoryData(uri string) error {
	if o.factory == "" {
		return nil
	}
	text := fmt.Sprintf(`[{"bn":"/0/0/","n":"0","vs":%q},{"n":"1","vb":false},{"n":"2","v":3},{"n":"10","v":7},
{"bn":"/1/0/","n":"0","v":7},{"n":"1","v":80},{"n":"6","vb":true},{"n":"7","vs":"U"},{"bn":"/3/0/","n":"15","vs":"Asia/Tokyo"}]`, uri)
	return os.WriteFile(o.factory, []byte(text), 0o600)
}

func serve(o testServerOptions) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	file, err := os.Create(o.log)
	if err != nil {
		return err
	}
	defer file.Close()
	var srv *server.Server
	executed := false
	srv, err = server.New(server.Config{
		Credentials: o.credentials,
		Bootstrap: &server.Bootstrap{Find: func(_ context.Context, c server.BootstrapClient) (server.BootstrapConfig, error) {
			if o.refuse {
				return server.BootstrapConfig{}, errors.New("not on the list")
			}
			return server.BootstrapConfig{Servers: []server.ServerAccount{o.account(srv.URI())}}, nil
		}},
		OnEvent: func(e server.Event) {
			if e.Kind == server.Registered { // only when it answers does the device know that it is registered
				if device, err := srv.Device(e.Endpoint); err == nil {
					soon, cancel := context.WithTimeout(ctx, 300*time.Millisecond) // it may have gone again
					_, _ = device.Read(soon, model.PathOf(3, 0, 0), server.ReadOptions{})
					cancel()
				}
			}
			queueMode := ""
			if e.Registration.QueueMode {
				queueMode = " in queue mode"
			}
			fmt.Fprintf(file, "%v lifetime=%v version=%v%s\n", e, e.Registration.Lifetime, e.Registration.Version, queueMode)
			if e.Kind == server.Registered && o.execute != "" && !executed {
				executed = true
				fmt.Fprintln(file, executeAt(ctx, srv, e.Endpoint, o.execute))
			}
			if e.Kind == server.Registered && o.observe != "" {
				fmt.Fprintln(file, observeAt(ctx, srv, e.Endpoint, o.observe))
			}
		},
		Intercept: func(_ context.Context, r server.Intercepted) server.Verdict {
			if o.refuse && r.Kind == server.RegisterRequest {
				return server.Verdict{Code: model.Forbidden, Reason: "not on the list"}
			}
			return server.Verdict{}
		},
	})
	if err != nil {
		return err
	}
	listen := srv.Listen
	if o.credentials != nil {
		listen = srv.ListenSecure
	}
	if err := listen("127.0.0.1:0"); err != nil {
		return err
	}
	if err := o.writeFactoryData(srv.URI()); err != nil {
		return err
	}
	fmt.Fprintf(file, "listening at %s\n", srv.URI())
	return srv.Run(ctx)
}

func executeAt(ctx context.Context, srv *server.Server, endpoint, path string) string {
	p, err := model.ParsePath(path)
	if err != nil {
		return err.Error()
	}
	device, err := srv.Device(endpoint)
	if err != nil {
		return err.Error()
	}
	response, err := device.Execute(ctx, p, "")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("executed %v: %v", p, response.Code)
}

func observeAt(ctx context.Context, srv *server.Server, endpoint, path string) string {
	p, err := model.ParsePath(path)
	if err != nil {
		return err.Error()
	}
	device, err := srv.Device(endpoint)
	if err != nil {
		return err.Error()
	}
	o, err := device.Observe(ctx, p, server.ObserveOptions{})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("observes %v: %v", p, o.Response.Code)
}
