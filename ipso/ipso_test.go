package ipso_test

import (
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/handles"
	"github.com/lwm2m-go/lwm2m/ipso"
)

func TestTemperature(t *testing.T) {
	temp := ipso.NewTemperature(4)
	if temp.Path() != lwm2m.PathOf(3303, 4) || temp.Object().Version != (lwm2m.Version{Major: 1, Minor: 1}) {
		t.Errorf("%v, version %v", temp.Path(), temp.Object().Version)
	}
	handles.Check(t, temp, temp.Object())
	if _, ok := temp.SensorValue.Get(); ok {
		t.Error("a new sensor has a value")
	}
	if err := temp.SensorValue.Set(-12.5); err != nil {
		t.Error(err)
	}
	if v, ok := temp.SensorValue.Get(); !ok || v != -12.5 {
		t.Errorf("value %v %v", v, ok)
	}
	if err := temp.SensorValue.Remove(); err == nil {
		t.Error("the mandatory value can be removed")
	}
	if err := temp.SensorUnits.Set("Cel"); err != nil {
		t.Error(err)
	}
	if err := temp.SensorUnits.Remove(); err != nil {
		t.Error(err)
	}
	if _, ok := temp.SensorUnits.Get(); ok {
		t.Error("the unit is still there")
	}
}
