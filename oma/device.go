// Package oma has typed objects for the Objects that OMA itself defines.
package oma

import (
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Device is an instance of the Device Object (3), version 1.1: what the device is, how it is
// powered, and how to reboot it. It has the one instance /3/0.
type Device struct {
	*lwm2m.Instance

	Manufacturer             lwm2m.Resource[string]                // /3/0/0: name of the manufacturer
	ModelNumber              lwm2m.Resource[string]                // /3/0/1: model identifier, as the manufacturer writes it
	SerialNumber             lwm2m.Resource[string]                // /3/0/2
	FirmwareVersion          lwm2m.Resource[string]                // /3/0/3: current version of the firmware
	Reboot                   lwm2m.Executable                      // /3/0/4
	FactoryReset             lwm2m.Executable                      // /3/0/5
	AvailablePowerSources    lwm2m.MultiResource[int64]            // /3/0/6: 0 to 7
	PowerSourceVoltage       lwm2m.MultiResource[int64]            // /3/0/7, in mV
	PowerSourceCurrent       lwm2m.MultiResource[int64]            // /3/0/8, in mA
	BatteryLevel             lwm2m.Resource[int64]                 // /3/0/9, in percent: 0 to 100
	MemoryFree               lwm2m.Resource[int64]                 // /3/0/10, in kB
	ErrorCode                lwm2m.MultiResource[int64]            // /3/0/11: 0 to 8; mandatory
	ResetErrorCode           lwm2m.Executable                      // /3/0/12
	CurrentTime              lwm2m.Resource[time.Time]             // /3/0/13: writable
	UTCOffset                lwm2m.Resource[string]                // /3/0/14: such as +02:00; writable
	Timezone                 lwm2m.Resource[string]                // /3/0/15: such as Europe/Paris; writable
	SupportedBindingAndModes lwm2m.Resource[string]                // /3/0/16: such as U; mandatory
	DeviceType               lwm2m.Resource[string]                // /3/0/17
	HardwareVersion          lwm2m.Resource[string]                // /3/0/18
	SoftwareVersion          lwm2m.Resource[string]                // /3/0/19
	BatteryStatus            lwm2m.Resource[int64]                 // /3/0/20: 0 to 6
	MemoryTotal              lwm2m.Resource[int64]                 // /3/0/21, in kB
	ExtDevInfo               lwm2m.MultiResource[lwm2m.ObjectLink] // /3/0/22
}

// NewDevice returns the instance /3/0 without values. The client adds the mandatory ones.
func NewDevice() *Device {
	in := lwm2m.NewInstance(definition(3, model.Version{Major: 1, Minor: 1}), 0)
	return &Device{
		Instance:                 in,
		Manufacturer:             lwm2m.ResourceOf[string](in, 0),
		ModelNumber:              lwm2m.ResourceOf[string](in, 1),
		SerialNumber:             lwm2m.ResourceOf[string](in, 2),
		FirmwareVersion:          lwm2m.ResourceOf[string](in, 3),
		Reboot:                   lwm2m.ExecutableOf(in, 4),
		FactoryReset:             lwm2m.ExecutableOf(in, 5),
		AvailablePowerSources:    lwm2m.MultiResourceOf[int64](in, 6),
		PowerSourceVoltage:       lwm2m.MultiResourceOf[int64](in, 7),
		PowerSourceCurrent:       lwm2m.MultiResourceOf[int64](in, 8),
		BatteryLevel:             lwm2m.ResourceOf[int64](in, 9),
		MemoryFree:               lwm2m.ResourceOf[int64](in, 10),
		ErrorCode:                lwm2m.MultiResourceOf[int64](in, 11),
		ResetErrorCode:           lwm2m.ExecutableOf(in, 12),
		CurrentTime:              lwm2m.ResourceOf[time.Time](in, 13),
		UTCOffset:                lwm2m.ResourceOf[string](in, 14),
		Timezone:                 lwm2m.ResourceOf[string](in, 15),
		SupportedBindingAndModes: lwm2m.ResourceOf[string](in, 16),
		DeviceType:               lwm2m.ResourceOf[string](in, 17),
		HardwareVersion:          lwm2m.ResourceOf[string](in, 18),
		SoftwareVersion:          lwm2m.ResourceOf[string](in, 19),
		BatteryStatus:            lwm2m.ResourceOf[int64](in, 20),
		MemoryTotal:              lwm2m.ResourceOf[int64](in, 21),
		ExtDevInfo:               lwm2m.MultiResourceOf[lwm2m.ObjectLink](in, 22),
	}
}

// definition finds an embedded definition; a test makes sure that those asked for are there.
func definition(object uint16, version lwm2m.Version) *model.Object {
	def, _ := model.Embedded().Object(object, version)
	return def
}
