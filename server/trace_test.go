package server_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/server"
)

// A session on the wire, with the time of each message.
func TestTranscript(t *testing.T) {
	var transcript bytes.Buffer
	var start time.Time
	config := server.Config{
		Rand: new(counter),
		Trace: func(e server.TraceEvent) {
			fmt.Fprintf(&transcript, "%8.3f %s\n", e.Time.Sub(start).Seconds(), e)
		},
	}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		start = time.Now()
		p, device := newSensor(t, s)
		section := func(title string) { fmt.Fprintf(&transcript, "\n# %s\n", title) }

		section("read, observe, notify, cancel")
		o := observe(t, device, server.ObserveOptions{Accept: server.Text})
		p.notify(coap.Confirmable, 5, coap.Content, "21.5")
		p.expect(coap.Acknowledgement)
		if _, err := o.Cancel(t.Context()); err != nil {
			t.Fatal(err)
		}
		section("a lost acknowledgement")
		location := s.Registrations()[0].Location()
		m := p.request("POST "+location+"?lt=300", -1, "")
		p.send(m)
		p.receive()
		time.Sleep(2 * time.Second)
		p.send(m)
		p.receive()

		section("a device that does not answer")
		p.answer = nil
		if _, err := device.Read(t.Context(), temperature, server.ReadOptions{}); err == nil {
			t.Error("a silent device was read")
		}
		section("malformed")
		if err := p.link.Send([]byte("\x49\x01\x12\x34")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 2)
		for len(p.inbox) > 0 {
			<-p.inbox
		}
		section("refusals, de-register")
		p.do("POST /rd?ep=b&lwm2m=3.0", 40, "</3/0>")
		p.do("DELETE "+location, -1, "")
		p.do("DELETE "+location, -1, "")
	})
	golden.Compare(t, "testdata/transcript.txt", transcript.Bytes())
}

func TestTraceEvents(t *testing.T) {
	var events []server.TraceEvent
	config := server.Config{Trace: func(e server.TraceEvent) {
		events = append(events, e)
		if len(events) == 1 {
			panic("this must do no harm")
		}
	}}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		p.register("ep=a&lwm2m=1.1", "</3/0>")
		if err := p.link.Send([]byte{1}); err != nil {
			t.Fatal(err)
		}
		p.silent(time.Second)
		if len(events) != 3 {
			t.Fatalf("%d events", len(events))
		}
		in, out, bad := events[0], events[1], events[2]
		if in.Direction != server.Incoming || in.Endpoint != "" || in.Address != p.address() || in.Message.Type != "CON" || in.Message.Code != "POST" ||
			in.Message.Path != "/rd" || in.Message.Query != "ep=a&lwm2m=1.1" || in.Message.Format != server.LinkFormat ||
			string(in.Message.Payload) != "</3/0>" || in.Message.Observe != -1 || len(in.Message.Options) != 4 || in.Size == 0 {
			t.Errorf("incoming %+v", in)
		}
		if out.Direction != server.Outgoing || out.Endpoint != "a" || out.Message.Type != "ACK" || out.Message.Code != "2.01" ||
			out.Message.MessageID != in.Message.MessageID || out.Message.Token != in.Message.Token || !strings.HasPrefix(out.Message.Path, "/rd/") {
			t.Errorf("outgoing %+v", out)
		}
		if bad.Err == nil || !strings.Contains(bad.String(), "4-byte header") {
			t.Errorf("malformed %+v", bad)
		}
	})
}
