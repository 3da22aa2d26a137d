package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// deviceTest is a device and its server, in virtual time.
type deviceTest struct {
	*testing.T
	server *lwm2mtest.Server
	device *server.Device
	stop   func()
	watch  registrationWatch

	mu   sync.Mutex
	said []string
}

func testDevice(t *testing.T, test func(*deviceTest)) {
	synctest.Test(t, func(t *testing.T) {
		d := &deviceTest{T: t, server: lwm2mtest.NewServer(t, lwm2mtest.Options{Timeout: time.Hour})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- runDevice(ctx, deviceOptions{
				endpoint: "thermo-1", server: d.server.URI(), security: lwm2m.NoSec{}, lifetime: 10 * time.Minute, version: lwm2m.Version11,
				interval: time.Second, seed: 1, logger: slog.New(slog.DiscardHandler), network: d.server.Network,
				onEvent: func(e lwm2m.Event, _ time.Duration) { d.watch.event(e) }, say: d.say,
			})
		}()
		d.stop = sync.OnceFunc(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("the device ended: %v", err)
			}
		})
		defer d.stop()
		d.device = d.server.WaitRegistered("thermo-1")
		synctest.Wait() // the device has to hear of it, too
		test(d)
	})
}

func (d *deviceTest) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = append(d.said, fmt.Sprintf(format, args...))
}

func (d *deviceTest) must(r *server.Response, err error) *server.Response {
	d.Helper()
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		d.Fatal(err)
	}
	return r
}

func (d *deviceTest) value(ids ...uint16) model.Value {
	d.Helper()
	p := model.PathOf(ids...)
	v, _ := d.must(d.device.Read(d.Context(), p, server.ReadOptions{})).Value(p)
	return v
}

func (d *deviceTest) write(v model.Value, ids ...uint16) {
	d.Helper()
	d.must(d.device.Write(d.Context(), model.PathOf(ids...), v, server.WriteOptions{}))
}

func (d *deviceTest) execute(ids ...uint16) {
	d.Helper()
	d.must(d.device.Execute(d.Context(), model.PathOf(ids...), ""))
}

func TestRebootKeepsSettings(t *testing.T) {
	testDevice(t, func(d *deviceTest) {
		d.write(model.StringValue("Asia/Tokyo"), 3, 0, 15)
		d.write(model.StringValue("+09:00"), 3, 0, 14)
		d.write(model.IntegerValue(1200), 1, 0, 1)
		d.write(model.TimeValue(time.Now().Add(time.Hour)), 3, 0, 13)
		d.execute(3, 0, 4)
		d.server.WaitEvent(server.Replaced, "thermo-1") // it came back without a De-register
		e := d.server.WaitEvent(server.Registered, "thermo-1")
		if e.Registration.Lifetime != 20*time.Minute {
			t.Errorf("lifetime %v after the reboot", e.Registration.Lifetime)
		}
		if v := d.value(3, 0, 15).Text(); v != "Asia/Tokyo" {
			t.Errorf("timezone %q after the reboot", v)
		}
		if ahead := time.Until(d.value(3, 0, 13).Time()).Round(time.Minute); ahead != time.Hour {
			t.Errorf("the clock is ahead by %v after the reboot", ahead)
		}
		if !slices.Equal(d.said[len(d.said)-2:], []string{"reboots", "starts again"}) {
			t.Errorf("the device says %q", d.said)
		}
	})
}

func TestFactoryReset(t *testing.T) {
	testDevice(t, func(d *deviceTest) {
		d.write(model.StringValue("Asia/Tokyo"), 3, 0, 15)
		d.write(model.IntegerValue(1200), 1, 0, 1)
		d.execute(3, 0, 5)
		d.server.WaitEvent(server.Replaced, "thermo-1")
		e := d.server.WaitEvent(server.Registered, "thermo-1")
		if v := d.value(3, 0, 15).Text(); v != "Etc/UTC" || e.Registration.Lifetime != 10*time.Minute {
			t.Errorf("timezone %q, lifetime %v after the factory reset", v, e.Registration.Lifetime)
		}
	})
}

func TestLowBattery(t *testing.T) {
	testDevice(t, func(d *deviceTest) {
		errorCode := func() int64 { return d.value(3, 0, 11, 0).Int() }
		if errorCode() != noError {
			t.Fatal("a new device has an error")
		}
		time.Sleep((full-lowLevel+1)*samplesPerPercent*time.Second + time.Second/2) // between two samples
		if level := d.value(3, 0, 9).Int(); level >= lowLevel || errorCode() != lowBattery {
			t.Fatalf("%d %% and error code %d", level, errorCode())
		}
		d.execute(3, 0, 12)
		if errorCode() != lowBattery {
			t.Error("the error is gone though the battery is still low")
		}
		time.Sleep((lowLevel - almostEmpty) * samplesPerPercent * time.Second)
		if level := d.value(3, 0, 9).Int(); level < lowLevel || errorCode() != noError {
			t.Errorf("charged to %d %%, but error code %d", level, errorCode())
		}
	})
}

func TestSecondSensor(t *testing.T) {
	testDevice(t, func(d *deviceTest) {
		path := model.PathOf(3303, 7)
		units := []server.Node{{Path: path.Child(5701), Value: model.StringValue("Cel")}}
		d.must(d.device.Create(d.Context(), path, units, server.CreateOptions{}))
		first := d.value(3303, 7, 5700).Float()
		time.Sleep(10 * time.Second)
		if now := d.value(3303, 7, 5700).Float(); now == first {
			t.Errorf("the sensor measures %v again after 10 s", now)
		}
		d.must(d.device.Delete(d.Context(), path))
		r, err := d.device.Read(d.Context(), path, server.ReadOptions{})
		if err != nil || r.Code != model.NotFound {
			t.Errorf("after the Delete: %v, %v", r, err)
		}
	})
}

func TestUTCOffsetIsChecked(t *testing.T) {
	testDevice(t, func(d *deviceTest) {
		r, err := d.device.Write(d.Context(), model.PathOf(3, 0, 14), model.StringValue("two hours"), server.WriteOptions{})
		if err != nil || r.Code != model.BadRequest {
			t.Errorf("%v, %v", r, err)
		}
	})
}

func TestDeregistersAtTheEnd(t *testing.T) {
	testDevice(t, func(d *deviceTest) {
		d.stop()
		d.server.WaitEvent(server.Deregistered, "thermo-1")
		if err := d.watch.result(true, "coap://s"); err != nil {
			t.Error(err)
		}
	})
}

func TestServerIsGoneAtTheEnd(t *testing.T) {
	testDevice(t, func(d *deviceTest) {
		d.server.Network.SetState(netip.MustParseAddrPort(lwm2mtest.DefaultAddress), lwm2mtest.Silent)
		start := time.Now()
		d.stop()
		if waited := time.Since(start); waited > 5*time.Second {
			t.Errorf("the device ended after %v", waited)
		}
		err := d.watch.result(false, "coap://s")
		if err == nil || err.Error() != "coap://s did not take the De-register: no answer in time" {
			t.Errorf("the command ends with %v", err)
		}
	})
}

func TestEndsDuringReboot(t *testing.T) {
	testDevice(t, func(d *deviceTest) {
		d.execute(3, 0, 4)
		d.stop() // before the reboot delay is over
		d.server.WaitEvent(server.Deregistered, "thermo-1")
	})
}
