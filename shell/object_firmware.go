package shell

import (
	"context"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// States and results of the Firmware Update Object (Core 1.1.1 Appendix E.6).
const (
	firmwareIdle       = 0
	firmwareDownloaded = 2
	firmwareUpdating   = 3

	resultInitial     = 0
	resultSuccess     = 1
	resultUpdateError = 8
	resultProtocol    = 9 // of a Package URI
)

// firmware is an instance of the Firmware Update Object (5): packages are pushed by servers, and handed over.
type firmware struct {
	state  lwm2m.Resource[int64]
	result lwm2m.Resource[int64]
	crc    atomic.Uint32 // of the package
}

func (d *Device) fillFirmware(in *lwm2m.Instance) (follow, error) {
	f := &firmware{state: lwm2m.ResourceOf[int64](in, 3), result: lwm2m.ResourceOf[int64](in, 5)}
	err := values{
		1: model.StringValue(""),
		3: model.IntegerValue(firmwareIdle),
		5: model.IntegerValue(resultInitial),
		9: model.IntegerValue(1), // packages are pushed
	}.set(in)
	if err != nil {
		return nil, err
	}
	lwm2m.ResourceOf[[]byte](in, 0).OnWrite(func(ctx context.Context, pack []byte) error { return f.push(ctx, d, pack) })
	lwm2m.ResourceOf[string](in, 1).OnWrite(func(_ context.Context, uri string) error { return f.pull(uri) })
	lwm2m.ExecutableOf(in, 2).OnExecute(func(context.Context, lwm2m.Arguments) error { return f.update(d) })
	return nil, nil
}

func (f *firmware) set(state, result int64) error {
	if err := f.state.Set(state); err != nil {
		return err
	}
	return f.result.Set(result)
}

// push takes a package. An empty one, or a single zero, drops that which was taken before.
func (f *firmware) push(ctx context.Context, d *Device, pack []byte) error {
	state, _ := f.state.Get()
	switch cancel := len(pack) == 0 || len(pack) == 1 && pack[0] == 0; {
	case state == firmwareUpdating, state == firmwareDownloaded && !cancel:
		return fmt.Errorf("%w: the Update State is %d", lwm2m.MethodNotAllowed, state)
	case cancel:
		return f.set(firmwareIdle, resultInitial)
	}
	if d.config.Firmware != nil {
		if err := d.config.Firmware(ctx, pack); err != nil {
			_ = f.set(firmwareIdle, resultUpdateError)
			return fmt.Errorf("%w: %w", lwm2m.InternalServerError, err)
		}
	}
	f.crc.Store(crc32.ChecksumIEEE(pack))
	return f.set(firmwareDownloaded, resultInitial)
}

// pull refuses to fetch a package: the device has no protocol for that. The result says so, as servers expect it
// there (Core 1.1.1 Appendix E.6).
func (f *firmware) pull(uri string) error {
	state, _ := f.state.Get()
	switch {
	case state == firmwareUpdating:
		return fmt.Errorf("%w: the Update State is %d", lwm2m.MethodNotAllowed, state)
	case uri == "":
		return f.set(firmwareIdle, resultInitial)
	case state == firmwareDownloaded:
		return fmt.Errorf("%w: there is a package already", lwm2m.MethodNotAllowed)
	}
	return f.set(firmwareIdle, resultProtocol)
}

// update installs the package that was taken, which means that the device reboots.
func (f *firmware) update(d *Device) error {
	if state, _ := f.state.Get(); state != firmwareDownloaded {
		return fmt.Errorf("%w: the Update State is %d, not Downloaded", lwm2m.MethodNotAllowed, state)
	}
	if err := f.state.Set(firmwareUpdating); err != nil {
		return err
	}
	d.seed.say(levelInfo, logFirmware, "UPDATE")
	d.seed.say(levelInfo, logFirmware, fmt.Sprintf("CRC %d", f.crc.Load()))
	time.AfterFunc(rebootDelay, func() {
		_ = f.set(firmwareIdle, resultSuccess)
		if d.ctx.Err() == nil {
			_ = d.Reboot(d.ctx) // stopped meanwhile
		}
	})
	return nil
}
