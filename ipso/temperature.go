// Package ipso has typed objects for the sensors and actuators that IPSO defines.
package ipso

import (
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Temperature is an instance of the Temperature Object (3303), version 1.1: a temperature sensor.
type Temperature struct {
	*lwm2m.Instance

	SensorValue                 lwm2m.Resource[float64]   // /3303/x/5700, in SensorUnits; mandatory
	SensorUnits                 lwm2m.Resource[string]    // /3303/x/5701: such as Cel
	MinMeasuredValue            lwm2m.Resource[float64]   // /3303/x/5601: since power-up or the last reset
	MaxMeasuredValue            lwm2m.Resource[float64]   // /3303/x/5602: since power-up or the last reset
	MinRangeValue               lwm2m.Resource[float64]   // /3303/x/5603: what the sensor can measure
	MaxRangeValue               lwm2m.Resource[float64]   // /3303/x/5604: what the sensor can measure
	ResetMinMaxMeasured         lwm2m.Executable          // /3303/x/5605
	ApplicationType             lwm2m.Resource[string]    // /3303/x/5750: what the sensor is for; writable
	Timestamp                   lwm2m.Resource[time.Time] // /3303/x/5518: when SensorValue was measured
	FractionalTimestamp         lwm2m.Resource[float64]   // /3303/x/6050: the part of a second that belongs to Timestamp, 0 to 1
	MeasurementQualityIndicator lwm2m.Resource[int64]     // /3303/x/6042: 0 to 23
	MeasurementQualityLevel     lwm2m.Resource[int64]     // /3303/x/6049, in percent: 0 to 100
}

// NewTemperature returns the instance /3303/id without values.
func NewTemperature(id uint16) *Temperature {
	in := lwm2m.NewInstance(definition(3303, model.Version{Major: 1, Minor: 1}), id)
	return &Temperature{
		Instance:                    in,
		SensorValue:                 lwm2m.ResourceOf[float64](in, 5700),
		SensorUnits:                 lwm2m.ResourceOf[string](in, 5701),
		MinMeasuredValue:            lwm2m.ResourceOf[float64](in, 5601),
		MaxMeasuredValue:            lwm2m.ResourceOf[float64](in, 5602),
		MinRangeValue:               lwm2m.ResourceOf[float64](in, 5603),
		MaxRangeValue:               lwm2m.ResourceOf[float64](in, 5604),
		ResetMinMaxMeasured:         lwm2m.ExecutableOf(in, 5605),
		ApplicationType:             lwm2m.ResourceOf[string](in, 5750),
		Timestamp:                   lwm2m.ResourceOf[time.Time](in, 5518),
		FractionalTimestamp:         lwm2m.ResourceOf[float64](in, 6050),
		MeasurementQualityIndicator: lwm2m.ResourceOf[int64](in, 6042),
		MeasurementQualityLevel:     lwm2m.ResourceOf[int64](in, 6049),
	}
}

// definition finds an embedded definition; a test makes sure that those asked for are there.
func definition(object uint16, version lwm2m.Version) *model.Object {
	def, _ := model.Embedded().Object(object, version)
	return def
}
