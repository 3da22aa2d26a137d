package leshan

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lwm2m-go/lwm2m/interop/authority"
)

func TestLeshanStarts(t *testing.T) {
	server := Start(t, Options{Properties: map[string]string{"COAP.MAX_RESOURCE_BODY_SIZE": "1234567"}})
	ctx := testContext(t)
	clients, err := server.Clients(ctx)
	if err != nil || len(clients) != 0 {
		t.Errorf("Clients() = %v, %v, want none", clients, err)
	}
	endpoints, err := server.Endpoints(ctx)
	want := []string{"coap://" + server.CoAP, "coaps://" + server.CoAPS}
	if err != nil || !slices.Equal(endpoints, want) {
		t.Errorf("Endpoints() = %v, %v, want %v", endpoints, err, want)
	}
	if !bytes.Contains(server.log(0), []byte("MAX_RESOURCE_BODY_SIZE=1234567")) {
		t.Errorf("the property is not in force:\n%s", server.log(0))
	}
}

func TestCloseStopsWhatWasStarted(t *testing.T) {
	Require(t, errOfShared)
	server, err := StartMain(Options{})
	Require(t, err)
	coap, api, dir := server.CoAP, server.api, server.dir
	if err := errors.Join(server.Close(), server.Close()); err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp4", coap)
	if err != nil {
		t.Fatalf("the CoAP port is still taken: %v", err)
	}
	packets.Close()
	if _, err := server.Clients(testContext(t)); err == nil {
		t.Errorf("%s still answers", api)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the working folder is still there: %v", err)
	}
}

func TestStartSaysWhyItFailed(t *testing.T) {
	Require(t, errOfShared)
	_, err := StartMain(Options{StartTimeout: time.Nanosecond})
	if err == nil || !strings.Contains(err.Error(), "not ready after 1ns") {
		t.Errorf("no time: %v", err)
	}
	if _, err = StartMain(Options{CoAP: "localhost"}); err == nil || !strings.Contains(err.Error(), "Options.CoAP") {
		t.Errorf("address without a port: %v", err)
	}
	missing := program{java: "no-such-java", main: "Gateway"}
	ports, err := freePorts(portsNeeded)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := launch(testContext(t), missing, Options{}, ports); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no program: %v", err)
	}
}

// Leshan goes without an endpoint whose certificate it does not like; the tests are not to.
func TestCertificateThatLeshanRefuses(t *testing.T) {
	Require(t, errOfShared)
	of, err := authority.New("Authority")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := of.Issue(x509.Certificate{
		DNSNames: []string{"server.example.com"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, // and not for clients
	})
	if err != nil {
		t.Fatal(err)
	}
	server, err := StartMain(Options{Certificate: pair})
	if err == nil || !strings.Contains(err.Error(), "an endpoint could not be made") {
		t.Errorf("started with %v", err)
	}
	server.Close()
}

func TestBrokenModelIsLogged(t *testing.T) {
	Require(t, errOfShared)
	server := Start(t, Options{Models: fstest.MapFS{"broken.xml": {Data: []byte("<LWM2M><Object>")}}})
	if !bytes.Contains(server.log(0), []byte("broken.xml")) {
		t.Errorf("no word on the broken definition:\n%s", server.log(0))
	}
}

// Each of the ports may be lost to another program between choice and use.
func TestTakenPort(t *testing.T) {
	Require(t, errOfShared)
	prog, err := serverEdition.obtain(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"CoAP", "CoAPS", "HTTP"} {
		t.Run(name, func(t *testing.T) {
			ports, err := freePorts(portsNeeded)
			if err != nil {
				t.Fatal(err)
			}
			packets, err := net.ListenPacket("udp4", hostPort(ports[i]))
			if err != nil {
				t.Fatal(err)
			}
			defer packets.Close()
			stream, err := net.Listen("tcp4", hostPort(ports[i]))
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			server, err := launch(testContext(t), prog, Options{StartTimeout: 15 * time.Second}, ports)
			if !errors.Is(err, errPortTaken) {
				t.Errorf("launch: %v, want %v", err, errPortTaken)
			}
			if err == nil {
				server.stop()
			}
		})
	}
}

// The Register and De-register datagrams are written out, so that the test
// stands without this project's codec.
func TestRegistrationByHand(t *testing.T) {
	server, ctx := sharedServer(t)
	const ep = "urn:dev:os:0023C7-000001"
	everything, mine := server.MustEvents(t, ""), server.MustEvents(t, ep)
	p := newPeer(t, server.CoAP)
	register := unhex(t, "420212340102b272641128396c776d326d3d312e310d0e65703d75726e3a6465763a6f733a3030323343372d303030303031066c743d33303003623d55ff3c2f312f303e2c3c2f332f303e")
	p.send(register)
	answer := p.receive()
	if answer.kind != ack || answer.code != created || !bytes.HasPrefix(answer.rest, []byte{0x82, 'r', 'd'}) {
		t.Fatalf("Register: %+v, want 2.01 with a location", answer)
	}

	event, err := mine.Wait(ctx, Registered, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := server.Client(ctx, ep)
	if err != nil || got == nil {
		t.Fatalf("Client() = %v, %v", got, err)
	}
	if !reflect.DeepEqual(got, event.Registration) {
		t.Errorf("Client() = %+v, event has %+v", got, event.Registration)
	}
	want := &Registration{
		Endpoint: ep, ID: got.ID, Registered: got.Registered, LastUpdate: got.LastUpdate,
		Address: p.conn.LocalAddr().String(), Version: "1.1", Lifetime: 300 * time.Second, Binding: "U", RootPath: "/",
		ObjectLinks: []Link{{"/1/0", map[string]string{}}, {"/3/0", map[string]string{}}},
		Attributes:  map[string]string{}, Instances: map[int][]int{1: {0}, 3: {0}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("registration\n got %+v\nwant %+v", got, want)
	}
	all, err := server.Clients(ctx)
	if err != nil || !slices.ContainsFunc(all, func(r Registration) bool { return r.Endpoint == ep }) {
		t.Errorf("Clients() = %+v, %v", all, err)
	}
	logged, err := everything.Wait(ctx, CoAPLog, func(e Event) bool { return e.CoAP.Code == "0.02" && e.CoAP.Address == want.Address })
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(logged.CoAP.Raw, register) || string(logged.CoAP.Payload) != "</1/0>,</3/0>" || !logged.CoAP.Incoming {
		t.Errorf("logged %+v, want the Register request", logged.CoAP)
	}

	p.path = append([]byte{0xb2}, answer.rest[1:]...)
	p.deregister()
	if event, err = mine.Wait(ctx, Deregistered, nil); err != nil {
		t.Fatal(err)
	}
	if event.Registration.ID != got.ID || event.Registration.Expired || event.Registration.Replaced {
		t.Errorf("deregistered %+v, want a plain end of %s", event.Registration, got.ID)
	}
	if gone, err := server.Client(ctx, ep); gone != nil || err != nil {
		t.Errorf("Client() = %v, %v after De-register, want nil", gone, err)
	}
}

// How Leshan judges a registration; the project's tests against it rest on this.
func TestRegistrationsThatLeshanRefuses(t *testing.T) {
	server, _ := sharedServer(t)
	const links = "</1/0>,</3/0>"
	for _, test := range []struct {
		name string
		kind byte
		rest []byte
		code byte
	}{
		{"non-confirmable", non, registerRest("lwm2m=1.1", "ep=bad", links), 0x80},
		{"no version", con, registerRest("ep=bad", links), 0x80},
		{"malformed version", con, registerRest("lwm2m=1", "ep=bad", links), 0x80},
		{"version 1.2", con, registerRest("lwm2m=1.2", "ep=bad", links), 0x8c},
		{"version 0.9", con, registerRest("lwm2m=0.9", "ep=bad", links), 0x8c},
		{"no payload", con, registerRest("lwm2m=1.1", "ep=bad", ""), 0x80},
		{"broken links", con, registerRest("lwm2m=1.1", "ep=bad", "</1/0>,</3"), 0x80},
		{"queue binding in 1.1", con, registerRest("lwm2m=1.1", "ep=bad", "b=UQ", links), 0x80},
		{"queue parameter in 1.0", con, registerRest("lwm2m=1.0", "ep=bad", "Q", links), 0x80},
		{"no endpoint", con, registerRest("lwm2m=1.1", links), 0x83},
		{"lifetime not a number", con, registerRest("lwm2m=1.1", "ep=bad", "lt=soon", links), 0xa0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPeer(t, server.CoAP)
			answer := p.ask(test.kind, post, 7, test.rest)
			if answer.code != test.code {
				t.Errorf("answer %d.%02d %q, want %d.%02d", answer.code>>5, answer.code&31, answer.rest, test.code>>5, test.code&31)
			}
		})
	}
}

func TestQueueModeWaitsForTheClient(t *testing.T) {
	server, ctx := sharedServer(t)
	const ep = "sleeper"
	events := server.MustEvents(t, ep)
	wait := func(kind EventKind) Event {
		t.Helper()
		event, err := events.Wait(ctx, kind, nil)
		if err != nil {
			t.Fatal(err)
		}
		return event
	}
	p := newPeer(t, server.CoAP)
	answer := p.ask(con, post, 1, registerRest("lwm2m=1.1", "ep="+ep, "Q", "</3/0>"))
	if answer.code != created {
		t.Fatalf("Register: %x %q", answer.code, answer.rest)
	}
	wait(Awake)
	if r := wait(Registered).Registration; !r.QueueMode {
		t.Errorf("registered %+v, want queue mode", r)
	}

	read := func(ctx context.Context) (*Result, error) { return server.Read(ctx, ep, "/3/0/0", TEXT) }
	short, cancel := context.WithTimeout(ctx, 1900*time.Millisecond)
	defer cancel()
	if _, err := during(short, read, func() { p.receive() }); err == nil {
		t.Fatal("a Read without an answer succeeded")
	}
	wait(Sleeping) // who does not answer is asleep
	if r, err := server.Client(ctx, ep); err != nil || !r.Sleeping {
		t.Errorf("Client() = %+v, %v, want asleep", r, err)
	}

	result, err := during(ctx, read, func() {
		update := append([]byte{0xb2}, answer.rest[1:]...)
		if got := p.ask(con, post, 2, update); got.code != changed {
			t.Errorf("Update: %x %q", got.code, got.rest)
		}
		p.answer(content, []byte("\xc0\xffAcme"))
	})
	if err != nil || result.Content.Value != "Acme" {
		t.Errorf("Read() = %+v, %v", result, err)
	}
	wait(Awake)
	if u := wait(Updated); u.Update.RegistrationID != u.Registration.ID || u.Update.Lifetime != nil {
		t.Errorf("update %+v, want an empty one", u.Update)
	}
}

func TestCredentials(t *testing.T) {
	server, ctx := sharedServer(t)
	psk := Credentials{PSK: &PSK{Identity: "me", Key: []byte{1, 2, 3, 4}}}
	if err := server.SetCredentials(ctx, "secured", psk); err != nil {
		t.Fatal(err)
	}
	var refused *HTTPError
	if err := server.SetCredentials(ctx, "other", psk); !errors.As(err, &refused) || refused.Status != 400 {
		t.Errorf("an identity of another endpoint: %v, want HTTP 400", err)
	}
	if err := server.SetCredentials(ctx, "other", Credentials{}); err == nil {
		t.Error("empty credentials are taken")
	}
	if err := server.SetCredentials(ctx, "certified", Credentials{X509: true}); err != nil {
		t.Error(err)
	}
	p := newPeer(t, server.CoAP)
	rest := registerRest("lwm2m=1.1", "ep=secured", "</3/0>")
	if answer := p.ask(con, post, 1, rest); answer.code != 0x83 {
		t.Errorf("Register without DTLS: %x %q, want 4.03", answer.code, answer.rest)
	}
	if err := server.DeleteCredentials(ctx, "secured"); err != nil {
		t.Fatal(err)
	}
	if answer := p.ask(con, post, 2, rest); answer.code != created {
		t.Errorf("Register after the credentials are gone: %x %q, want 2.01", answer.code, answer.rest)
	}
}

func TestModelsGiveTypes(t *testing.T) {
	Require(t, errOfShared)
	definition, err := os.ReadFile(filepath.Join("testdata", "33000.xml"))
	if err != nil {
		t.Fatal(err)
	}
	server := Start(t, Options{Models: fstest.MapFS{"33000.xml": {Data: definition}}})
	p := newPeer(t, server.CoAP)
	p.register("typed", "</33000>;ver=1.0,</33000/0>")
	read := func(ctx context.Context) (*Result, error) { return server.Read(ctx, "typed", "/33000/0", TLV) }
	result, err := during(testContext(t), read, func() {
		// /0 is an Integer of one byte, /1 a multiple-instance Boolean.
		p.answer(content, []byte("\xc2\x2d\x16\xff\xc1\x00\x2a\x86\x01\x41\x00\x01\x41\x05\x00"))
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Instance(0, Single(0, Integer, int64(42)), Multi(1, Boolean, map[int]any{0: true, 5: false}))
	if !reflect.DeepEqual(result.Content, want) {
		t.Errorf("content %+v, want %+v", result.Content, want)
	}
}
