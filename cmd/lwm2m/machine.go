package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/oma"
)

// machine is a device from its start to its next reboot: what is in its memory.
type machine struct {
	options deviceOptions
	device  *oma.Device
	client  *lwm2m.Client
	off     atomic.Bool  // it has no power any more
	clock   atomic.Int64 // time.Duration that the device's clock is ahead
	reboot  chan bool    // one value when a server asked for a reboot; true for a factory reset

	mu      sync.Mutex // guards what follows
	sample  int        // the last one taken
	sensors map[lwm2m.Path]*sensor
	errors  *errorCodes
}

// newMachine makes a machine and the client in it, from what was kept and the number of
// the sample that it begins with.
func newMachine(o deviceOptions, kept settings, sample int) (*machine, error) {
	m := &machine{
		options: o,
		device:  oma.NewDevice(),
		reboot:  make(chan bool, 1),
		sample:  sample,
		sensors: make(map[lwm2m.Path]*sensor),
		errors:  newErrorCodes(),
	}
	m.clock.Store(int64(kept.clock))
	m.describe(kept)
	m.addCallbacks()
	first := newSensor(0, o.seed, sample, o.say)
	m.sensors[first.Path()] = first
	var err error
	m.client, err = lwm2m.NewClient(lwm2m.Config{
		Endpoint:      o.endpoint,
		Servers:       kept.accounts(),
		FactoryData:   o.factoryData,
		BootstrapPack: o.pack,
		Objects:       []lwm2m.ObjectInstance{m.device, first},
		Factories:     []lwm2m.Factory{{Object: first.Object(), New: m.newSensor}},
		Version:       o.version,
		OnEvent:       m.event,
		Logger:        o.logger,
		Network:       o.network,
		Store:         o.store,
		QueueMode:     o.queueMode,
		AwakeTime:     o.awakeTime,
	})
	if err != nil {
		return nil, err
	}
	return m, m.client.Apply(m.deviceChanges(sample)...)
}

// describe fills in what does not change by itself.
func (m *machine) describe(kept settings) {
	d := m.device
	for r, text := range map[lwm2m.Resource[string]]string{
		d.Manufacturer:    "lwm2m-go",
		d.ModelNumber:     "Simulated Thermometer",
		d.SerialNumber:    "SIM-0001",
		d.FirmwareVersion: "1.0.0",
		d.HardwareVersion: "1.0",
		d.SoftwareVersion: buildVersion(),
		d.DeviceType:      "simulator",
		d.Timezone:        kept.timezone,
		d.UTCOffset:       kept.utcOffset,
	} {
		_ = r.Set(text) // no string is out of range
	}
	// Internal battery and USB; the same Resource Instance is the same source (Core 1.1.1 Appendix E.4).
	for r, values := range map[lwm2m.MultiResource[int64]]map[uint16]int64{
		d.AvailablePowerSources: {0: 1, 1: 5},
		d.PowerSourceVoltage:    {0: 3700, 1: 5000},
		d.PowerSourceCurrent:    {0: 12, 1: 90},
		d.ErrorCode:             m.errors.all(),
	} {
		_ = r.SetAll(values) // within the ranges
	}
	_ = d.MemoryTotal.Set(memoryTotal)
	_ = d.SupportedBindingAndModes.Set("U")
}

const memoryTotal = 64_000 // kB

// addCallbacks says what the device does when servers ask it to.
func (m *machine) addCallbacks() {
	d := m.device
	d.CurrentTime.OnRead(func(context.Context) (time.Time, error) {
		return time.Now().Add(time.Duration(m.clock.Load())), nil
	})
	d.CurrentTime.OnWrite(func(_ context.Context, t time.Time) error {
		m.clock.Store(int64(time.Until(t)))
		m.options.say("the clock is set to %s", t.Format(time.RFC3339))
		return nil
	})
	d.UTCOffset.Validate(checkUTCOffset)
	d.UTCOffset.OnWrite(func(_ context.Context, offset string) error {
		m.options.say("the UTC offset is now %s", offset)
		return nil
	})
	d.Timezone.OnWrite(func(_ context.Context, zone string) error {
		m.options.say("the timezone is now %s", zone)
		return nil
	})
	d.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { return m.askReboot(false) })
	d.FactoryReset.OnExecute(func(context.Context, lwm2m.Arguments) error { return m.askReboot(true) })
	d.ResetErrorCode.OnExecute(func(context.Context, lwm2m.Arguments) error { return m.resetErrors() })
}

// askReboot has the device reboot a moment later, so that the server gets its answer.
func (m *machine) askReboot(factory bool) error {
	select {
	case m.reboot <- factory:
	default: // it is about to reboot already
	}
	return nil
}

func (m *machine) resetErrors() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errors.reset()
	m.options.say("the error codes are reset")
	level, _ := m.device.BatteryLevel.Get()
	m.errors.set(lowBattery, level < lowLevel)
	return m.device.ErrorCode.SetAll(m.errors.all())
}

// newSensor makes a sensor that a server creates.
func (m *machine) newSensor(_ context.Context, id uint16) (lwm2m.ObjectInstance, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := newSensor(id, m.options.seed, m.sample, m.options.say)
	s.OnCreate(func(context.Context) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.sensors[s.Path()] = s
		m.options.say("sensor %v measures from now on", s.Path())
		return nil
	})
	s.OnDelete(func(context.Context) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.sensors, s.Path())
		m.options.say("sensor %v is gone", s.Path())
		return nil
	})
	return s, nil
}

// measure takes a sample with all sensors.
func (m *machine) measure(sample int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sample = sample
	_ = m.client.Apply(m.deviceChanges(sample)...)
	for _, s := range m.sensors {
		// The error tells of a sensor that is just being created or deleted.
		_ = s.measure(sample, m.client.Apply)
	}
	level, _ := m.device.BatteryLevel.Get()
	if m.errors.set(lowBattery, level < lowLevel) {
		_ = m.device.ErrorCode.SetAll(m.errors.all()) // within the range
	}
}

// deviceChanges are what changes in the Device Object with a sample.
func (m *machine) deviceChanges(sample int) []lwm2m.Change {
	level, status := batteryAt(sample)
	free := memoryTotal/2 - int64(sample%64)*100
	return []lwm2m.Change{
		m.device.BatteryLevel.To(level), m.device.BatteryStatus.To(status), m.device.MemoryFree.To(free),
	}
}

// event passes on what happens to the client, as long as there is power.
func (m *machine) event(e lwm2m.Event) {
	if m.off.Load() {
		return
	}
	lifetime, _ := m.client.Get(lwm2m.PathOf(1, 0, serverLifetime))
	m.options.onEvent(e, time.Duration(lifetime.Int())*time.Second)
}
