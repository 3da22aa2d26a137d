package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/cmd/lwm2m/internal/devicefile"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/shell"
)

// describe makes the device of a text.
func describe(t *testing.T, text string, config shell.DeviceConfig) (*describedDevice, error) {
	t.Helper()
	file, err := devicefile.Parse("device.yaml", t.TempDir(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDescribed(file, config, newTerminal(io.Discard))
	return d, err
}

// Values that change by themselves reach the history, over a stop and a start, until servers have them.
func TestSimulatedHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		d, err := describe(t, `
endpoint: thermo-1
servers: [{uri: "`+srv.URI()+`", security: none}]
objects:
  Temperature:
    0:
      Sensor Value: {ramp: {from: 0, to: 100, in: 100s}, every: 1s, history: 5}
    1:
      Sensor Value: {constant: 7, every: 1s}
`, shell.DeviceConfig{Client: lwm2m.Config{Network: srv.Network}})
		if err != nil {
			t.Fatal(err)
		}
		d.simulate(t.Context())
		value := lwm2m.PathOf(3303, 0, 5700)
		if err := d.Start("thermo-1", false); err != nil {
			t.Fatal(err)
		}
		srv.WaitRegistered("thermo-1")
		time.Sleep(3500 * time.Millisecond)
		if err := d.Delete(lwm2m.PathOf(3303, 1)); err != nil { // its course goes on in vain
			t.Error(err)
		}
		if err := d.Stop(t.Context(), true); err != nil {
			t.Error(err)
		}
		time.Sleep(3 * time.Second)
		var kept []string
		for _, in := range d.Instances() {
			if in.Path() == value.Prefix(2) {
				samples, _ := in.History(value)
				for _, s := range samples {
					kept = append(kept, s.Value.String())
				}
			}
		}
		if got := strings.Join(kept, " "); got != "2 3 4 5 6" {
			t.Errorf("kept: %s", got)
		}
		if err := d.Start("thermo-1", false); err != nil {
			t.Fatal(err)
		}
		srv.WaitRegistered("thermo-1")
		synctest.Wait()
		if err := d.Send(t.Context(), value); err != nil {
			t.Error(err)
		}
		if sent := srv.WaitEvent(server.Sent, "thermo-1"); len(sent.Data.Nodes) != 5 {
			t.Errorf("sent: %v", sent.Data.Nodes)
		}
		for _, in := range d.Instances() {
			if samples, _ := in.History(value); in.Path() == value.Prefix(2) && len(samples) > 0 {
				t.Errorf("still kept: %v", samples)
			}
		}
		d.end(context.Background()) // within the bubble
	})
}

// The example registers with the server of the demonstration.
func TestThermometerFile(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free.LocalAddr().(*net.UDPAddr).Port)
	free.Close()
	example, err := os.ReadFile("../../examples/thermometer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const uri = "uri: coap://localhost"
	if !strings.Contains(string(example), uri+"\n") || !strings.Contains(string(example), "lwm2m demo --port 5683") {
		t.Fatal("the example is not for the demonstration")
	}
	name := filepath.Join(t.TempDir(), "thermometer.yaml")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(example), uri, uri+":"+port)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var demo buffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"demo", "--port", port}, strings.NewReader(""), &demo, &demo) }()
	for !strings.Contains(demo.String(), "Register as thermo-1") && ctx.Err() == nil {
		<-time.After(10 * time.Millisecond)
	}
	var stdout, stderr bytes.Buffer
	commands := "wait REGISTRATION_COMPLETE 20; read temperature/1/sensor-units -s; read 3303/0/5700 -f; read device/0/model-number -s"
	if code := run(ctx, []string{"shell", "-f", name, "-c", commands}, strings.NewReader(""), &stdout, &stderr); code != exitOK {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	cancel()
	<-ended
	for _, want := range []string{"REGISTRATION_COMPLETE", "\nCel\n", "\n2", "Thermometer\n"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
	for _, want := range []string{"Register as thermometer-1", "De-register of thermometer-1"} {
		if !strings.Contains(demo.String(), want) {
			t.Errorf("the demonstration has no %q:\n%s", want, demo.String())
		}
	}
}
