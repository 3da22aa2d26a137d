package shell

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

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
	runClock(lwm2m.ResourceOf[time.Time](in, 13))
	return nil, nil
}

// runClock has Current Time be the time of the computer, plus what servers have set it off.
func runClock(clock lwm2m.Resource[time.Time]) {
	var offset atomic.Int64
	clock.OnRead(func(context.Context) (time.Time, error) { return time.Now().Add(time.Duration(offset.Load())), nil })
	clock.OnWrite(func(_ context.Context, t time.Time) error {
		offset.Store(int64(time.Until(t)))
		return nil
	})
}
