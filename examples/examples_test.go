// Package examples tests the example programs.
package examples

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// TestPrograms runs the programs against a server, which manages what they are about.
func TestPrograms(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "./...").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, test := range []struct {
		program string
		try     func(*testing.T, *server.Device)
		output  string // a regular expression
	}{
		{"thermometer", tryThermometer, `REGISTRATION_COMPLETE[^\n]*\n(.*\n)*.*DISCONNECT`},
		{"actuator", tryActuator, `the relay is switched to true\n(.*\n)*.*boost for 10 minutes`},
		{"datalogger", tryDatalogger, `sent [1-9][0-9]* samples, 0 were dropped so far`},
		{"customobject", tryCustomObject, `bin 1 was set up at Park Lane\n(.*\n)*.*bin 1 was taken away`},
	} {
		t.Run(test.program, func(t *testing.T) {
			t.Parallel()
			srv := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
			output := start(t, filepath.Join(bin, test.program), "-server", srv.URI(), "-endpoint", "example", "-for", "2s")
			test.try(t, srv.WaitRegistered("example"))
			srv.WaitEvent(server.Deregistered, "example")
			if text := output(); !regexp.MustCompile(test.output).MatchString(text) {
				t.Errorf("the output does not match %s:\n%s", test.output, text)
			}
		})
	}
	t.Run("bootstrap", func(t *testing.T) {
		t.Parallel()
		want := `begins to write\n(.*\n)*.*in force\n(.*\n)*.*registered with server 1\n(.*\n)*.*DISCONNECT`
		text := start(t, filepath.Join(bin, "bootstrap"), "-for", "2s")()
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the output does not match %s:\n%s", want, text)
		}
	})
	t.Run("bootstrap/restart", func(t *testing.T) {
		t.Parallel()
		testBootstrapRestart(t, filepath.Join(bin, "bootstrap"))
	})
	t.Run("manyclients", func(t *testing.T) {
		t.Parallel()
		want := `1000 clients have registered in .*\n.*1000 have told their temperature, .*\n.*0 clients are still registered`
		text := start(t, filepath.Join(bin, "manyclients"), "-for", "2s")()
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the output does not match %s:\n%s", want, text)
		}
	})
	t.Run("manyclients/UDP", func(t *testing.T) {
		t.Parallel()
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
		text := start(t, filepath.Join(bin, "manyclients"), "-clients", "50", "-server", srv.URI(), "-for", "1s")()
		want := `50 clients have registered in`
		if !regexp.MustCompile(want).MatchString(text) || len(srv.Registrations()) != 0 {
			t.Errorf("%d are registered, the output does not match %s:\n%s", len(srv.Registrations()), want, text)
		}
	})
}

// testBootstrapRestart runs the program twice: what it was told the first time, it knows the second time.
func testBootstrapRestart(t *testing.T, program string) {
	srv := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
	account := server.ServerAccount{URI: srv.URI(), Security: server.NoSec{}}
	bs := lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{UDP: true, Config: server.Config{Bootstrap: &server.Bootstrap{
		Endpoints: map[string]server.BootstrapConfig{"example": {Servers: []server.ServerAccount{account}}},
	}}})
	state := filepath.Join(t.TempDir(), "state")
	for i, bootstrapped := range []bool{true, false} {
		output := start(t, program, "-server", bs.URI(), "-endpoint", "example", "-state", state, "-for", "3s")
		srv.WaitEvent(server.Deregistered, "example")
		if text := output(); strings.Contains(text, "begins to write") != bootstrapped {
			t.Errorf("run %d:\n%s", i, text)
		}
	}
}

// start starts a program. The function that it returns waits for its end and returns its output.
func start(t *testing.T, name string, args ...string) func() string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if it runs yet
	return func() string {
		t.Helper()
		if err := <-ended; err != nil {
			t.Errorf("%v\n%s", err, output.String())
		}
		return output.String()
	}
}

// answered checks the code of an answer.
func answered(t *testing.T, want model.Code) func(*server.Response, error) *server.Response {
	return func(r *server.Response, err error) *server.Response {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if r.Code != want {
			t.Fatalf("%v %s, want %v", r.Code, r.Payload, want)
		}
		return r
	}
}

func tryThermometer(t *testing.T, d *server.Device) {
	temperature := model.PathOf(3303, 0, 5700)
	observation, err := d.Observe(t.Context(), temperature, server.ObserveOptions{})
	if err != nil || observation.Response.Err() != nil {
		t.Fatal(observation, err)
	}
	n, err := observation.Next(t.Context())
	if v, _ := n.Value(temperature); err != nil || v.Float() < 20 || v.Float() > 22 {
		t.Errorf("%v, %v", n, err)
	}
	answered(t, model.Changed)(d.Execute(t.Context(), model.PathOf(3, 0, 4), ""))
}

func tryDatalogger(t *testing.T, d *server.Device) {
	r := answered(t, model.Content)(d.Read(t.Context(), model.PathOf(3303, 0, 5700), server.ReadOptions{Accept: server.SenMLCBOR}))
	if len(r.Nodes) != 1 || !r.Nodes[0].Time.IsZero() {
		t.Errorf("read %+v", r.Nodes)
	}
}

func tryActuator(t *testing.T, d *server.Device) {
	setpoint, on, boost := model.PathOf(33400, 0, 1), model.PathOf(33400, 0, 2), model.PathOf(33400, 0, 3)
	write := func(p model.Path, v model.Value, want model.Code) {
		t.Helper()
		answered(t, want)(d.Write(t.Context(), p, v, server.WriteOptions{}))
	}
	write(setpoint, model.FloatValue(50), model.BadRequest)
	write(setpoint, model.FloatValue(8), model.Changed)
	write(on, model.BooleanValue(true), model.MethodNotAllowed)
	write(setpoint, model.FloatValue(22), model.Changed)
	write(on, model.BooleanValue(true), model.Changed)
	answered(t, model.BadRequest)(d.Execute(t.Context(), boost, "0='soon'"))
	answered(t, model.Changed)(d.Execute(t.Context(), boost, "0='10'"))
}

func tryCustomObject(t *testing.T, d *server.Device) {
	create := func(id uint16, want model.Code) {
		t.Helper()
		bin := model.PathOf(33401, id)
		nodes := []server.Node{{Path: bin.Child(0), Value: model.StringValue("Park Lane")}}
		answered(t, want)(d.Create(t.Context(), bin, nodes, server.CreateOptions{}))
	}
	for id := range uint16(3) {
		create(id+1, model.Created)
	}
	create(4, model.BadRequest) // too many
	answered(t, model.Deleted)(d.Delete(t.Context(), model.PathOf(33401, 1)))
	answered(t, model.MethodNotAllowed)(d.Delete(t.Context(), model.PathOf(33401, 0)))
}
