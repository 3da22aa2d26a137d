package interop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
	"github.com/lwm2m-go/lwm2m/model"
)

// onExecute sets the callback of an executable Resource of the test object.
func (d *device) onExecute(resource uint16, f func(context.Context, lwm2m.Arguments) error) {
	lwm2m.ExecutableOf(d.values, resource).OnExecute(f)
}

func TestExecute(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	d := connect(t, func(d *device) {
		d.onExecute(3, func(_ context.Context, a lwm2m.Arguments) error {
			got <- a.String()
			return nil
		})
	})
	for _, arguments := range []string{"", "5", "2='10.3'", "7,0='https://a.b'", "0,1,2,3,4", "0='',1='!#$%&()*+,-./:;<=>?@[]^_`{|}~'"} {
		d.execute("2.04", "/3442/0/3", arguments)
		if a := <-got; a != arguments {
			t.Errorf("arguments %q, want %q", a, arguments)
		}
	}
}

// What a callback returns is the answer.
func TestExecuteFails(t *testing.T) {
	t.Parallel()
	answers := []error{
		lwm2m.BadRequest, lwm2m.Unauthorized, lwm2m.NotFound, lwm2m.MethodNotAllowed, lwm2m.InternalServerError,
		model.NotImplemented, lwm2m.ServiceUnavailable, errors.New("the motor is stuck"),
		fmt.Errorf("%w: the motor is stuck", lwm2m.MethodNotAllowed),
	}
	next := make(chan error, 1)
	d := connect(t, func(d *device) {
		d.onExecute(0, func(context.Context, lwm2m.Arguments) error { return <-next })
		d.onExecute(1, func(context.Context, lwm2m.Arguments) error { panic("oops") })
	})
	for _, answer := range answers {
		next <- answer
		code := lwm2m.InternalServerError
		errors.As(answer, &code)
		d.execute(code.String()[:len("4.00")], "/3442/0/0", "")
	}
	d.execute("5.00", "/3442/0/1", "")
	if e := d.history.wait(d.ctx, t, lwm2m.CallbackPanicked); e.Path != lwm2m.PathOf(3442, 0, 1) {
		t.Errorf("event %v", e)
	}
	d.execute("4.05", "/3442/0/110", "")
	d.execute("4.04", "/3442/0/2", "") // has no callback
	d.execute("4.04", "/3442/7/0", "")
	d.execute("4.04", "/3442/0/99", "")
	d.execute("4.01", "/0/0/0", "")
}

// Leshan repeats a request after 2 to 3 s without an acknowledgement.
func TestExecuteSlowly(t *testing.T) {
	t.Parallel()
	calls := make(chan struct{}, 10)
	d := connect(t, func(d *device) {
		d.onExecute(3, func(ctx context.Context, _ lwm2m.Arguments) error {
			calls <- struct{}{}
			select {
			case <-time.After(4 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	started := time.Now()
	d.execute("2.04", "/3442/0/3", "1='slow'")
	if took := time.Since(started); took < 4*time.Second || took > 8*time.Second {
		t.Errorf("answer after %v", took)
	}
	request := d.message("Execute", func(m *leshan.Message) bool { return !m.Incoming && m.Code == "0.02" })
	empty := d.message("empty ACK", func(m *leshan.Message) bool { return m.Incoming && m.Code == "0.00" })
	if empty.Type != "ACK" || empty.ID != request.ID {
		t.Errorf("empty message %s %d, want ACK %d", empty.Type, empty.ID, request.ID)
	}
	answer := d.message("separate response", func(m *leshan.Message) bool { return m.Incoming && m.Code == "2.04" })
	if answer.Type != "CON" || answer.Token != request.Token || answer.ID == request.ID {
		t.Errorf("response %s %d %s, want CON and token %s", answer.Type, answer.ID, answer.Token, request.Token)
	}
	d.message("ACK of it", func(m *leshan.Message) bool { return !m.Incoming && m.Type == "ACK" && m.ID == answer.ID })
	if n := len(calls); n != 1 {
		t.Errorf("executed %d times", n)
	}
}

// While one callback takes its time, others are served.
func TestExecuteBeside(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	d := connect(t, func(d *device) {
		d.onExecute(3, func(ctx context.Context, _ lwm2m.Arguments) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	done := make(chan error, 1)
	go func() {
		r, err := d.leshan.Execute(d.ctx, d.ep, "/3442/0/3", "")
		if err == nil && r.Code != "2.04" {
			err = errors.New(r.Status)
		}
		done <- err
	}()
	d.reads("/3/0/0", leshan.TEXT, leshan.Single(0, leshan.String, "Open Mobile Alliance"))
	d.write("2.04", "/3442/0/110", leshan.Replace, leshan.TEXT, leshan.Single(110, leshan.String, "beside"))
	close(release)
	must(t, <-done)
}
