package lwm2m_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Handles of every type, on an instance that belongs to no client.
func TestHandles(t *testing.T) {
	in := lwm2m.NewInstance(testDefinition(), 0)
	roundTrip(t, in, 110, "Grüße")
	roundTrip(t, in, 120, int64(-40000))
	roundTrip(t, in, 125, uint64(1<<63))
	roundTrip(t, in, 130, 22.5)
	roundTrip(t, in, 140, true)
	roundTrip(t, in, 150, []byte{1, 2, 3})
	roundTrip(t, in, 160, time.Unix(1367491215, 0).UTC())
	roundTrip(t, in, 170, lwm2m.ObjectLink{Object: 3})
	roundTrip(t, in, 180, lwm2m.CoreLink("</3/0>"))
}

func roundTrip[T lwm2m.Type](t *testing.T, in *lwm2m.Instance, id uint16, v T) {
	t.Helper()
	var zero T
	single := lwm2m.ResourceOf[T](in, id)
	if got, ok := single.Get(); ok || fmt.Sprint(got) != fmt.Sprint(zero) {
		t.Errorf("%v before: %v %v", single.Path(), got, ok)
	}
	must(t, single.Set(v))
	if got, ok := single.Get(); !ok || fmt.Sprint(got) != fmt.Sprint(v) {
		t.Errorf("%v: %v, want %v", single.Path(), got, v)
	}
	must(t, single.Remove())
	if _, ok := single.Get(); ok {
		t.Errorf("%v is still there", single.Path())
	}
	many := lwm2m.MultiResourceOf[T](in, id+1000)
	if many.All() != nil {
		t.Errorf("%v before: %v", many.Path(), many.All())
	}
	must(t, many.Set(3, v))
	must(t, many.Set(9, v))
	many.Remove(3)
	if got, ok := many.Get(9); !ok || fmt.Sprint(got) != fmt.Sprint(v) || len(many.All()) != 1 {
		t.Errorf("%v: %v", many.Path(), many.All())
	}
	must(t, many.SetAll(map[uint16]T{}))
	if all := many.All(); all == nil || len(all) != 0 || len(in.Items(id+1000)) != 0 {
		t.Errorf("%v: %v, want no instances", many.Path(), all)
	}
	if change := many.To(4, v); change.Path != many.Path().Child(4) || change.Value.IsZero() {
		t.Errorf("change %+v", change)
	}
}

// A handle of the wrong type is a mistake of the program.
func TestWrongHandles(t *testing.T) {
	in := lwm2m.NewInstance(testDefinition(), 0)
	for name, wrong := range map[string]func(){
		"type":           func() { lwm2m.ResourceOf[string](in, 120) },
		"no Resource":    func() { lwm2m.ResourceOf[string](in, 9999) },
		"is multiple":    func() { lwm2m.ResourceOf[string](in, 1110) },
		"is single":      func() { lwm2m.MultiResourceOf[string](in, 110) },
		"executable":     func() { lwm2m.ResourceOf[string](in, 0) },
		"not executable": func() { lwm2m.ExecutableOf(in, 110) },
		"path":           func() { lwm2m.PathOf(1, 2, 3, 4, 5) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			wrong()
		}()
	}
}

// The dynamic layer refuses what handles cannot say.
func TestInstanceRefusals(t *testing.T) {
	in := lwm2m.NewInstance(testDefinition(), 0)
	for name, err := range map[string]error{
		"wrong type":       in.Set(120, model.StringValue("x")),
		"not defined":      in.Set(9999, model.StringValue("x")),
		"multiple":         in.Set(1120, model.IntegerValue(1)),
		"executable":       in.Set(0, model.StringValue("x")),
		"single as item":   in.SetItem(120, 0, model.IntegerValue(1)),
		"item of no ID":    in.SetItem(1120, 65535, model.IntegerValue(1)),
		"no value":         in.SetItem(1120, 1, lwm2m.Value{}),
		"item, wrong type": in.SetItem(1120, 1, model.FloatValue(1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, ok := in.Get(120); ok || in.Items(1120) != nil {
		t.Error("something is stored")
	}
	must(t, in.SetItem(1120, 5, model.IntegerValue(1)))
	if items := in.Items(1120); len(items) != 1 || items[5] != model.IntegerValue(1) {
		t.Errorf("items %v", items)
	}
	if _, ok := in.Get(1120); ok {
		t.Error("a multiple Resource has a single value")
	}
	must(t, in.Remove(1120))
	must(t, in.Remove(1120))
}

func TestEventString(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		event lwm2m.Event
		want  string
	}{
		{lwm2m.Event{}, "NONE"},
		{lwm2m.Event{Kind: lwm2m.Registered, Time: at, Server: 1, Next: at.Add(time.Hour)}, "REGISTRATION_COMPLETE server 1 (next in 1h0m0s)"},
		{lwm2m.Event{Kind: lwm2m.RegistrationTimeout, Server: 2, Attempt: 3, Err: lwm2m.NotFound}, "REG_TIMEOUT server 2, attempt 3: 4.04 Not Found"},
		{lwm2m.Event{Kind: lwm2m.CallbackPanicked, Path: lwm2m.PathOf(3, 0, 4), Err: lwm2m.ErrClosed}, "CALLBACK_PANIC /3/0/4: lwm2m: client is not running"},
		{lwm2m.Event{Kind: 200}, "EventKind(200)"},
	} {
		if got := c.event.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// An OnEvent that panics or is slow harms nobody.
func TestOnEvent(t *testing.T) {
	var calls int
	configure := func(config *lwm2m.Config, _ *fixture) {
		config.OnEvent = func(lwm2m.Event) {
			calls++
			if calls == 1 {
				panic("no log")
			}
			time.Sleep(time.Hour)
		}
	}
	start(t, configure, func(f *fixture) {
		f.play(exchange{post("/1/0/8", none, ""), model.Changed, none, ""})
		sleep(time.Minute)
		f.play(exchange{get("/3303/0/5700", none), model.Content, text, "22.5"})
		if calls != 2 {
			t.Errorf("OnEvent called %d times", calls)
		}
		began := time.Now()
		f.stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the end took %v", took)
		}
		sleep(24 * time.Hour) // until OnEvent has had all events
	})
}
