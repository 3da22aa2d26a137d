package main

import (
	"maps"
	"testing"
)

func TestErrorCodes(t *testing.T) {
	const gps, signal = 3, 4
	e := newErrorCodes()
	for i, step := range []struct {
		code   int64 // 0 for a reset
		exists bool
		change bool
		want   map[uint16]int64
	}{
		{lowBattery, false, false, map[uint16]int64{0: 0}},
		{lowBattery, true, true, map[uint16]int64{0: lowBattery}}, // takes the place of "no error"
		{lowBattery, true, false, map[uint16]int64{0: lowBattery}},
		{gps, true, true, map[uint16]int64{0: lowBattery, 1: gps}},
		{lowBattery, false, true, map[uint16]int64{1: gps}},
		{signal, true, true, map[uint16]int64{0: signal, 1: gps}},
		{gps, false, true, map[uint16]int64{0: signal}},
		{signal, false, true, map[uint16]int64{0: 0}}, // the last one is over
		{gps, true, true, map[uint16]int64{0: gps}},
		{signal, true, true, map[uint16]int64{0: gps, 1: signal}},
		{0, false, false, map[uint16]int64{0: 0}},
		{signal, true, true, map[uint16]int64{0: signal}}, // still so after the reset
	} {
		if step.code == 0 {
			e.reset()
		} else if got := e.set(step.code, step.exists); got != step.change {
			t.Errorf("step %d: change %v, want %v", i, got, step.change)
		}
		if !maps.Equal(e.all(), step.want) {
			t.Errorf("step %d: %v, want %v", i, e.all(), step.want)
		}
	}
}
