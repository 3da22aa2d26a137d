package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

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
