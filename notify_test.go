package lwm2m_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// Notifications are non-confirmable but for one a day (RFC 7641 §4.5), or as con and the
// Default Notification Mode say.
func TestConfirmable(t *testing.T) {
	const temp = "/3303/0/5700"
	for _, c := range []struct {
		name, attach string
		mode         string // of Resource 1/0/26, written after the first change; "" for none
		want         string
	}{
		{"by default", "", "", "1 T=30; 3 T=31"},
		{"con of 1", "T?con=1", "", "1 CON T=30; 3 CON T=31"},
		{"con of the Object", "/3303?con=1", "", "1 CON T=30; 3 CON T=31"},
		{"mode", "", "1", "1 T=30; 3 CON T=31"},
		{"con of 0 and mode", "T?con=0", "1", "1 T=30; 3 T=31"},
		{"daily", "T?pmax=43200", "", "1 T=30; 3 T=31; 43203 T=31; 86403 CON T=31; 129603 T=31; 172803 CON T=31; 216003 T=31"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start(t, exact12, func(f *fixture) {
				f.attach(strings.ReplaceAll(c.attach, "T", temp))
				l := f.follow(temp)
				l.marks = true
				f.perform("1 "+temp+"=30", 2*time.Second)
				if c.mode != "" {
					f.play(exchange{put("/1/0/26", text, c.mode), model.Changed, none, ""})
				}
				f.perform("1 "+temp+"=31", 61*time.Hour)
				if got := strings.ReplaceAll(l.take(), temp, "T"); got != c.want {
					t.Errorf("notifications %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

// The defaults of the account stand in for attributes that are not there, and act at once when written.
func TestDefaultPeriods(t *testing.T) {
	configure := func(config *lwm2m.Config, _ *fixture) {
		config.Servers[0].DefaultMinPeriod, config.Servers[0].DefaultMaxPeriod = 10*time.Second, time.Minute
	}
	start(t, configure, func(f *fixture) {
		l := f.follow("/3303/0/5700")
		f.perform("3 /3303/0/5700=30", 75*time.Second)
		if got, want := l.take(), "10 /3303/0/5700=30; 70 /3303/0/5700=30"; got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
		f.play(exchange{put("/1/0/2", text, "0"), model.Changed, none, ""}, exchange{put("/1/0/3", text, "20"), model.Changed, none, ""})
		f.perform("1 /3303/0/5700=31", 30*time.Second)
		if got, want := l.take(), "76 /3303/0/5700=31; 96 /3303/0/5700=31"; got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
		f.attach("/3303/0/5700?pmin=2&pmax=0") // what is attached comes first
		f.perform("1 /3303/0/5700=32", time.Hour)
		if got, want := l.take(), "106 /3303/0/5700=32"; got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
	})
}

// Attributes in the Observe itself take the place of those that are attached (LwM2M 1.2).
func TestObserveWithAttributes(t *testing.T) {
	start(t, exact12, func(f *fixture) {
		f.attach("/3303/0/5700?pmin=100&gt=90")
		single := f.follow("/3303/0/5700", "pmin=5", "st=2")
		both := f.follow("/3303/0/5700 /3303/0/5701", "pmin=7")
		f.perform("1 /3303/0/5700=23; 2 /3303/0/5700=25", time.Hour)
		if got, want := single.take(), "5 /3303/0/5700=25"; got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
		if got, want := both.take(), "7 /3303/0/5700=25 /3303/0/5701=Cel"; got != want {
			t.Errorf("composite %s\nwant %s", got, want)
		}
		f.play(discovered("/3303/0/5700", `</3303/0/5700>;pmin=100;gt=90`)) // does not show them
		for _, query := range []string{"pmin=x", "colour=1", "gt=1&lt=2", "edge=1"} {
			o, err := f.peer.Observe(f.ctx, path("/3303/0/5700"), server.ObserveOptions{Query: strings.Split(query, "&")})
			must(t, err)
			if o.Response.Code != model.BadRequest {
				t.Errorf("%s: %v", query, o.Response.Code)
			}
		}
		paths := []lwm2m.Path{path("/3/0/0"), path("/3303")}
		o, err := f.peer.ObserveComposite(f.ctx, paths, server.CompositeOptions{}, server.ObserveOptions{Query: []string{"gt=1"}})
		must(t, err)
		if o.Response.Code != model.BadRequest || !strings.Contains(string(o.Response.Payload), "gt") {
			t.Errorf("gt of an Observe-Composite: %v %q", o.Response.Code, o.Response.Payload)
		}
	})
}

func TestObserveWithAttributesBefore12(t *testing.T) {
	start(t, nil, func(f *fixture) {
		o, err := f.peer.Observe(f.ctx, path("/3303/0/5700"), server.ObserveOptions{Query: []string{"pmin=5"}})
		must(t, err)
		if o.Response.Code != model.BadRequest || !strings.Contains(string(o.Response.Payload), "1.2") {
			t.Errorf("answer %v %q", o.Response.Code, o.Response.Payload)
		}
	})
}

// Each server has its own attributes and defaults; what is attached by one does not act for the other.
func TestServersReportIndependently(t *testing.T) {
	var second *lwm2mtest.Server
	configure := func(config *lwm2m.Config, f *fixture) {
		withSecond(&second)(config, f)
		config.Servers[1].DefaultMinPeriod = 20 * time.Second
	}
	start(t, configure, func(f *fixture) {
		other := second.WaitRegistered("thermo-1")
		synctest.Wait()
		f.attach("/3303/0/5700?pmin=5")
		f.attachTo(other, "/3303/0/5700?gt=25")
		mine, theirs := f.follow("/3303/0/5700"), f.followFrom(other, "/3303/0/5700", server.ObserveOptions{})
		f.perform("1 /3303/0/5700=24; 30 /3303/0/5700=26", time.Hour)
		if got, want := mine.take(), "5 /3303/0/5700=24; 30 /3303/0/5700=26"; got != want {
			t.Errorf("first server %s\nwant %s", got, want)
		}
		if got, want := theirs.take(), "30 /3303/0/5700=26"; got != want {
			t.Errorf("second server %s\nwant %s", got, want)
		}
	})
}

// Values that callbacks measure are looked at every epmax, and told by the thresholds.
func TestSampling(t *testing.T) {
	start(t, nil, func(f *fixture) {
		began := time.Now()
		var calls atomic.Int64
		f.temp.SensorValue.OnRead(func(context.Context) (float64, error) { // rises by one each second
			calls.Add(1)
			time.Sleep(10 * time.Millisecond)
			return time.Since(began).Truncate(time.Second).Seconds(), nil
		})
		f.attach("/3303/0/5700?epmax=10&st=15")
		l := f.follow("/3303/0/5700")
		calls.Store(0)
		f.perform("", 65*time.Second)
		if got, want := l.take(), "20.03 /3303/0/5700=20; 40.05 /3303/0/5700=40; 60.07 /3303/0/5700=60"; got != want {
			t.Errorf("notifications %s\nwant %s", got, want)
		}
		if n := calls.Load(); n != 6 {
			t.Errorf("measured %d times, want 6", n)
		}
	})
}

// A notification that is longer than a block is fetched in blocks.
func TestNotifyBlockwise(t *testing.T) {
	start(t, nil, func(f *fixture) {
		must(t, f.device.Timezone.Set("UTC"))
		o := f.observe("/3/0/15", server.ObserveOptions{Accept: server.SenMLCBOR})
		for _, size := range []int{5000, 20_000, 10} {
			long := strings.Repeat("x", size)
			must(t, f.device.Timezone.Set(long))
			f.next(o, "/3/0/15="+long)
		}
	})
}

func TestExplain(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.attach("/3303?pmin=20 /3303/0/5700?gt=25&pmax=60")
		if got := f.client.Explain(lwm2m.Path{}); len(got) != 0 {
			t.Errorf("nothing is observed, but %v", got)
		}
		f.follow("/3303/0/5700")
		f.follow("/3/0/0 /3303/0")
		began := time.Now()
		f.perform("5 /3303/0/5700=24", 8*time.Second)
		got := f.client.Explain(path("/3303/0/5700"))
		if len(got) != 2 || len(f.client.Explain(path("/3/0/0"))) != 1 || len(f.client.Explain(lwm2m.Path{})) != 2 {
			t.Fatalf("%d explanations", len(got))
		}
		e := got[0]
		if e.Server != 1 || len(e.Paths) != 1 || e.Paths[0] != path("/3303/0/5700") || !e.LastSent.Equal(began) ||
			!e.Earliest.Equal(began.Add(20*time.Second)) || !e.Latest.Equal(began.Add(time.Minute)) || e.Stored != 0 {
			t.Errorf("explanation %+v", e)
		}
		for _, part := range []string{"pmin=20 (/3303)", "gt=25 (/3303/0/5700)", "22.5", "24", "12s", "52s"} {
			if !strings.Contains(e.String(), part) {
				t.Errorf("%q is not in:\n%v", part, e)
			}
		}
	})
}
