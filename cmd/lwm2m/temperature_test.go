package main

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestCurve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, id := rapid.Uint64().Draw(t, "seed"), rapid.Uint16().Draw(t, "sensor")
		sample := rapid.IntRange(0, 1_000_000).Draw(t, "sample")
		here, there := newCurve(seed, id).at(sample), newCurve(seed, id).at(sample+1)
		if here != newCurve(seed, id).at(sample) {
			t.Fatal("the same seed gives another temperature")
		}
		if math.Abs(here-meanTemperature) > 5.31 {
			t.Fatalf("%v is far from %v", here, meanTemperature)
		}
		if math.Abs(here-there) > 1 {
			t.Fatalf("the temperature jumps from %v to %v", here, there)
		}
	})
	if newCurve(1, 0) == newCurve(1, 1) || newCurve(1, 0) == newCurve(2, 0) {
		t.Error("two sensors, or two seeds, measure the same")
	}
}

func TestSensorMinMax(t *testing.T) {
	s := newSensor(0, 1, 0, func(string, ...any) {})
	first, _ := s.SensorValue.Get()
	lowest, highest := first, first
	check := func(when string) {
		t.Helper()
		low, _ := s.MinMeasuredValue.Get()
		high, _ := s.MaxMeasuredValue.Get()
		if low != lowest || high != highest {
			t.Errorf("%s: minimum %v, maximum %v; want %v, %v", when, low, high, lowest, highest)
		}
	}
	check("at the start")
	for sample := range 100 {
		if err := s.measure(sample, s.set); err != nil {
			t.Fatal(err)
		}
		v, _ := s.SensorValue.Get()
		lowest, highest = min(lowest, v), max(highest, v)
	}
	check("after 100 samples")
	if lowest == highest {
		t.Error("the temperature does not change")
	}
	v, err := s.restart()
	if err != nil {
		t.Fatal(err)
	}
	lowest, highest = v, v
	check("after the reset")
}

func TestBattery(t *testing.T) {
	before, charged := int64(full), false
	for sample := range 10_000 {
		level, status := batteryAt(sample)
		if level < almostEmpty || level > full || level-before > 1 || before-level > 1 {
			t.Fatalf("sample %d: %d %% after %d %%", sample, level, before)
		}
		if status == batteryNormal && level > before && level != full {
			t.Fatalf("sample %d: from %d %% to %d %% without being charged", sample, before, level)
		}
		charged = charged || status == batteryCharging
		before = level
	}
	if !charged {
		t.Error("the battery is never charged")
	}
}
