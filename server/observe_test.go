package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// sensor is a rawPeer that accepts observations.
type sensor struct {
	*rawPeer
	token    coap.Token
	requests []string
}

func newSensor(t *testing.T, s *lwm2mtest.Server) (*sensor, *server.Device) {
	o := &sensor{rawPeer: dial(t, s)}
	o.answer = func(m *coap.Message) *coap.Message {
		o.requests = append(o.requests, show(m))
		r := response(coap.Content, 0, "20")
		if v, ok := m.Options.Uint(coap.Observe); ok && v == 0 {
			o.token = m.Token
			r.Options.AddUint(coap.Observe, 1)
		} else if ok && m.Token != o.token {
			t.Errorf("cancelled with token %s, observed with %s", m.Token, o.token)
		}
		return r
	}
	o.register("ep=sensor&lwm2m=1.1&lt=86400", "</3303/0>")
	device, err := s.Device("sensor")
	if err != nil {
		t.Fatal(err)
	}
	return o, device
}

// notify sends a notification; with sequence 0 one without Observe.
func (o *sensor) notify(typ coap.Type, sequence uint32, code coap.Code, payload string) {
	m := response(code, -1, payload)
	if code.IsSuccess() {
		m.Options.AddUint(coap.ContentFormat, 0)
	}
	if sequence > 0 {
		m.Options.AddUint(coap.Observe, sequence)
	}
	o.mid++
	m.Type, m.MessageID, m.Token = typ, o.mid, o.token
	o.send(m)
}

// expect checks the next message of the server against its type, for the last
// Message-ID.
func (o *sensor) expect(want coap.Type) {
	o.t.Helper()
	if m := o.receive(); m.Type != want || m.MessageID != o.mid {
		o.t.Errorf("answer to a notification: %s [%x], want %s [%x]", show(&m), m.MessageID, want, o.mid)
	}
}

func observe(t *testing.T, d *server.Device, o server.ObserveOptions) *server.Observation {
	t.Helper()
	observation, err := d.Observe(t.Context(), temperature, o)
	if err != nil {
		t.Fatal(err)
	}
	return observation
}

// next takes a notification, or gives "" if none comes.
func next(t *testing.T, o *server.Observation) string {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	n, err := o.Next(ctx)
	if err != nil {
		return ""
	}
	v, _ := n.Value(temperature)
	return fmt.Sprintf("%d: %s", n.Sequence, v)
}

func TestObserve(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		o := observe(t, device, server.ObserveOptions{Accept: server.Text, Query: []string{"pmin=1"}})
		if v, _ := o.Response.Value(temperature); v.Float() != 20 {
			t.Errorf("first answer %+v", o.Response)
		}
		p.notify(coap.Confirmable, 5, coap.Content, "21.5")
		p.expect(coap.Acknowledgement)
		p.notify(coap.NonConfirmable, 7, coap.Content, "22")
		p.notify(coap.NonConfirmable, 6, coap.Content, "0") // overtaken: older than what is known
		for _, want := range []string{"5: 21.5", "7: 22", ""} {
			if got := next(t, o); got != want {
				t.Errorf("notification %q, want %q", got, want)
			}
		}
		r, err := o.Cancel(t.Context())
		if err != nil || r.Code != model.Content {
			t.Errorf("Cancel: %+v, %v", r, err)
		}
		want := []string{
			"CON GET /3303/0/5700?pmin=1 observe=0 accept=0",
			"CON GET /3303/0/5700?pmin=1 observe=1 accept=0",
		}
		if fmt.Sprint(p.requests) != fmt.Sprint(want) {
			t.Errorf("requests %q", p.requests)
		}
		if _, err := o.Next(t.Context()); !errors.Is(err, server.ErrEnded) {
			t.Errorf("Next after Cancel: %v", err)
		}
		if _, err := o.Cancel(t.Context()); !errors.Is(err, server.ErrEnded) {
			t.Errorf("Cancel after Cancel: %v", err)
		}
		p.notify(coap.NonConfirmable, 9, coap.Content, "23")
		p.expect(coap.Reset)
	})
}

func TestObserveForget(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		o := observe(t, device, server.ObserveOptions{})
		o.Forget()
		p.silent(time.Second)
		p.notify(coap.Confirmable, 5, coap.Content, "21")
		p.expect(coap.Reset)
		if _, err := o.Next(t.Context()); !errors.Is(err, server.ErrEnded) {
			t.Errorf("Next after Forget: %v", err)
		}
		o.Forget() // again: nothing
	})
}

func TestObserveComposite(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		o, err := device.ObserveComposite(t.Context(), []model.Path{temperature, model.PathOf(3, 0, 13)},
			server.CompositeOptions{Format: server.SenMLJSON, Accept: server.SenMLCBOR}, server.ObserveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Cancel(t.Context()); err != nil {
			t.Fatal(err)
		}
		const list = ` accept=112 format=110 "[{\"n\":\"/3303/0/5700\"},{\"n\":\"/3/0/13\"}]"`
		if got := strings.Join(p.requests, "\n"); got != "CON FETCH observe=0"+list+"\nCON FETCH observe=1"+list {
			t.Error(got)
		}
	})
}

func TestObserveRefused(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		for _, answer := range []*coap.Message{response(coap.NotFound, -1, "gone"), response(coap.Content, 0, "20")} {
			p.answer = func(*coap.Message) *coap.Message { return answer }
			o := observe(t, device, server.ObserveOptions{})
			if coap.Code(o.Response.Code) != answer.Code {
				t.Errorf("response %+v", o.Response)
			}
			if _, err := o.Next(t.Context()); !errors.Is(err, server.ErrEnded) {
				t.Errorf("Next after %s without Observe: %v", answer.Code, err)
			}
		}
		p.answer = nil
		if o, err := device.Observe(t.Context(), temperature, server.ObserveOptions{}); o != nil || !errors.Is(err, server.ErrTimeout) {
			t.Errorf("silent device: %v, %v", o, err)
		}
	})
}

// A caller who gives up waiting does not leave an observation behind.
func TestObserveAbandoned(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		p.answer = nil
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := device.Observe(ctx, temperature, server.ObserveOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		m := p.receive()
		p.token = m.Token
		p.notify(coap.Confirmable, 1, coap.Content, "20")
		p.expect(coap.Reset)
	})
}

// An error notification is the last (RFC 7641 §4.2).
func TestObserveErrorNotification(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		o := observe(t, device, server.ObserveOptions{})
		p.notify(coap.Confirmable, 0, coap.NotFound, "")
		p.expect(coap.Acknowledgement)
		if n, err := o.Next(t.Context()); err != nil || n.Code != model.NotFound {
			t.Errorf("%+v, %v", n, err)
		}
		if _, err := o.Next(t.Context()); !errors.Is(err, server.ErrEnded) {
			t.Errorf("after an error: %v", err)
		}
	})
}

// Observations end with the Registration, with its address and with the Server.
func TestObserveEnds(t *testing.T) {
	ends := map[string]func(t *testing.T, s *lwm2mtest.Server, p *sensor){
		"deregister": func(t *testing.T, s *lwm2mtest.Server, p *sensor) {
			p.do("DELETE "+s.Registrations()[0].Location(), -1, "")
		},
		"register": func(t *testing.T, s *lwm2mtest.Server, p *sensor) {
			p.register("ep=sensor&lwm2m=1.1", "</3/0>")
		},
		"forget": func(t *testing.T, s *lwm2mtest.Server, p *sensor) { s.Forget("sensor") },
		"expire": func(t *testing.T, s *lwm2mtest.Server, p *sensor) { time.Sleep(86401 * time.Second) },
		"move": func(t *testing.T, s *lwm2mtest.Server, p *sensor) {
			if _, err := s.Network.Rebind(addrPort(t, p.address()), netip.AddrPort{}); err != nil {
				t.Fatal(err)
			}
			p.do("POST "+s.Registrations()[0].Location(), -1, "")
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
				p, device := newSensor(t, s)
				o := observe(t, device, server.ObserveOptions{})
				end(t, s, p)
				if _, err := o.Next(t.Context()); !errors.Is(err, server.ErrEnded) {
					t.Errorf("Next: %v", err)
				}
				p.notify(coap.Confirmable, 5, coap.Content, "21")
				p.expect(coap.Reset)
			})
		})
	}
}

func TestObserveOnNotify(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		var got []string
		o := observe(t, device, server.ObserveOptions{OnNotify: func(n server.Notification) {
			v, _ := n.Value(temperature)
			got = append(got, v.String())
			if v.Float() == 2 {
				panic("this must do no harm")
			}
			// A callback may use the device.
			if r, err := device.Read(context.Background(), temperature, server.ReadOptions{}); err != nil || r.Code != model.Content {
				t.Errorf("Read within OnNotify: %v, %v", r, err)
			}
		}})
		for i := range uint32(20) {
			p.notify(coap.NonConfirmable, 10+i, coap.Content, fmt.Sprint(i))
		}
		synctest.Wait()
		if want := "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"; strings.Join(got, " ") != want {
			t.Errorf("notified of %v", got)
		}
		o.Forget()
	})
}

// Notifications that nobody takes are bounded, and their loss is told.
func TestObserveLost(t *testing.T) {
	bubble(t, server.Config{MaxWaiting: 3}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		o := observe(t, device, server.ObserveOptions{})
		for i := range uint32(5) {
			p.notify(coap.NonConfirmable, 10+i, coap.Content, fmt.Sprint(i))
		}
		synctest.Wait()
		o.Forget()
		var got []string
		for n, err := range o.All(t.Context()) {
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			v, _ := n.Value(temperature)
			got = append(got, v.String())
		}
		if want := []string{server.ErrLost.Error(), "2", "3", "4"}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// The rest of a long notification is fetched (RFC 7959 §3.4); if that fails,
// the notification says so and the observation stands.
func TestObserveBlockwise(t *testing.T) {
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		p, device := newSensor(t, s)
		o := observe(t, device, server.ObserveOptions{})
		first := func(sequence uint32) {
			m := response(coap.Content, 0, "21.500000000000000"[:16])
			m.Options.AddUint(coap.Observe, sequence)
			m.Options.AddBlock(coap.Block2, coap.Block{More: true})
			p.mid++
			m.Type, m.MessageID, m.Token = coap.Confirmable, p.mid, p.token
			p.send(m)
			p.expect(coap.Acknowledgement)
		}
		p.answer = func(m *coap.Message) *coap.Message {
			if b, ok := m.Options.Block(coap.Block2); !ok || b.Number != 1 || m.Options.Has(coap.Observe) {
				t.Errorf("the rest is asked for by %s", show(m))
			}
			r := response(coap.Content, 0, "00")
			r.Options.AddBlock(coap.Block2, coap.Block{Number: 1})
			return r
		}
		first(5)
		if got := next(t, o); got != "0: 21.5" {
			t.Errorf("long notification: %q", got)
		}
		p.answer = func(m *coap.Message) *coap.Message { return &coap.Message{Type: coap.Reset, MessageID: m.MessageID} }
		first(6)
		if n, err := o.Next(t.Context()); err != nil || !errors.Is(n.Err, server.ErrReset) {
			t.Errorf("notification without its rest: %+v, %v", n, err)
		}
		p.notify(coap.NonConfirmable, 7, coap.Content, "22")
		if got := next(t, o); got != "7: 22" {
			t.Errorf("next notification: %q", got)
		}
	})
}
