package shell

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

const currentTime = 13

// fillDevice makes the Device Object (3), which can be rebooted and has a clock that servers can set.
func (d *Device) fillDevice(in *lwm2m.Instance) (follow, error) {
	err := values{
		0:  model.StringValue("lwm2m-go"),
		1:  model.StringValue("lwm2m shell"),
		2:  model.StringValue("345000123"),
		3:  model.StringValue("1.0.0"),
		14: model.StringValue(""), // UTC Offset
		15: model.StringValue(""), // Timezone
		16: model.StringValue("U"),
		17: model.StringValue("OMA-LWM2M Client"),
		18: model.StringValue("1.0.0"),
		19: model.StringValue("1.0.0"),
	}.set(in)
	for resource, value := range map[uint16]int64{6: 1, 7: 3800, 8: 125, 11: 0} { // a battery, and no error
		if err == nil {
			err = in.SetItem(resource, 0, model.IntegerValue(value))
		}
	}
	if err != nil {
		return nil, err
	}
	lwm2m.ExecutableOf(in, 4).OnExecute(func(context.Context, lwm2m.Arguments) error {
		d.rebootSoon()
		return nil
	})
	errorCode := lwm2m.MultiResourceOf[int64](in, 11)
	lwm2m.ExecutableOf(in, 12).OnExecute(func(context.Context, lwm2m.Arguments) error {
		return errorCode.SetAll(map[uint16]int64{0: 0})
	})
	clock := newClock(lwm2m.ResourceOf[time.Time](in, currentTime))
	go clock.run(d.ctx)
	return func(c lwm2m.Change) []lwm2m.Change {
		if c.Path.Resource() == currentTime {
			clock.offset.Store(int64(time.Until(c.Value.Time())))
		}
		return nil
	}, nil
}

// clock is that of the device: the time of the computer, plus what servers have set it off.
type clock struct {
	current lwm2m.Resource[time.Time]
	offset  atomic.Int64
}

// clockPeriod is how often observers are told the time.
const clockPeriod = 10 * time.Second

func newClock(current lwm2m.Resource[time.Time]) *clock {
	c := &clock{current: current}
	current.OnRead(func(context.Context) (time.Time, error) { return c.now(), nil })
	current.OnWrite(func(_ context.Context, t time.Time) error {
		c.offset.Store(int64(time.Until(t)))
		return nil
	})
	return c
}

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// run has the time change for those who observe it, until ctx ends.
func (c *clock) run(ctx context.Context) {
	tick := time.NewTicker(clockPeriod)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = c.current.Set(c.now()) // of the right type
		case <-ctx.Done():
			return
		}
	}
}
