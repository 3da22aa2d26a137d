package lwm2m_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// A burst of 100,000 changes a second takes no memory, and what is sent is what pmin allows.
func TestBurst(t *testing.T) {
	start(t, nil, func(f *fixture) {
		f.attach("/3303/0/5700?pmin=1")
		l := f.follow("/3303/0/5700")
		const seconds, perSecond = 5, 100_000
		burst := func() {
			for i := range perSecond {
				must(t, f.temp.SensorValue.Set(float64(i)))
				if i%(perSecond/100) == 0 {
					time.Sleep(10 * time.Millisecond)
				}
			}
		}
		burst()
		before := heap()
		for range seconds - 1 {
			burst()
		}
		if grown := int64(heap()) - int64(before); grown > 256<<10 {
			t.Errorf("the heap has grown by %d bytes", grown)
		}
		sleep(2 * time.Second)
		lines := strings.Split(l.take(), "; ")
		if n := len(lines); n != seconds && n != seconds+1 || !strings.HasSuffix(lines[n-1], fmt.Sprintf("=%d", perSecond-1)) {
			t.Errorf("notifications %v", lines)
		}
	})
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// One client has 10,000 observations, each of another Resource, most of which are measured
// by callbacks: more than may wait for their turn at once.
func TestManyObservations(t *testing.T) {
	const instances = manyObservations
	var measured atomic.Int64
	configure := func(config *lwm2m.Config, f *fixture) {
		config.MaxObservations = instances
		for i := range instances {
			temp := ipso.NewTemperature(uint16(i + 1))
			must(f, temp.SensorValue.Set(0))
			if i%10 != 0 {
				temp.SensorValue.OnRead(func(context.Context) (float64, error) {
					measured.Add(1)
					time.Sleep(10 * time.Millisecond) // so that more are due than may wait
					return 0, nil
				})
			}
			config.Objects = append(config.Objects, temp)
		}
	}
	start(t, configure, func(f *fixture) {
		var count atomic.Int64
		options := server.ObserveOptions{OnNotify: func(server.Notification) { count.Add(1) }}
		for i := range instances {
			o, err := f.peer.Observe(f.ctx, lwm2m.PathOf(3303, uint16(i+1), 5700), options)
			must(t, err)
			must(t, o.Response.Err())
		}
		sleep(time.Minute)
		// A change concerns one of them.
		must(t, f.client.Instances(3303)[1].Set(5700, model.FloatValue(1)))
		sleep(time.Second)
		if n := count.Swap(0); n != 1 {
			t.Errorf("%d notifications after one change", n)
		}
		// With a period for all, each is told once in it.
		measured.Store(0)
		f.attach("/3303?pmax=600")
		sleep(10*time.Minute + 30*time.Second)
		if n := count.Load(); n != instances || measured.Load() != instances/10*9 {
			t.Errorf("%d notifications in the first period, %d values measured", n, measured.Load())
		}
	})
}
