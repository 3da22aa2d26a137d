package main

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
)

// curve is a smooth course of temperatures: waves of different lengths, which the
// seed shifts against each other. The same seed gives the same temperatures.
type curve struct {
	shifts [3]float64
}

// What the simulated sensor measures, in degrees Celsius.
const (
	meanTemperature = 21.0
	minRange        = -40.0
	maxRange        = 85.0
)

func newCurve(seed uint64, sensor uint16) curve {
	random := rand.New(rand.NewPCG(seed, uint64(sensor)))
	var c curve
	for i := range c.shifts {
		c.shifts[i] = random.Float64() * 2 * math.Pi
	}
	return c
}

// at is the temperature of a sample, to a hundredth of a degree.
func (c curve) at(sample int) float64 {
	x := 2 * math.Pi * float64(sample)
	t := meanTemperature +
		4*math.Sin(x/60+c.shifts[0]) +
		1*math.Sin(x/23+c.shifts[1]) +
		0.3*math.Sin(x/7+c.shifts[2])
	return math.Round(t*100) / 100
}

// sensor is a simulated temperature sensor.
type sensor struct {
	*ipso.Temperature
	curve curve

	mu                 sync.Mutex // so that a measurement and a reset do not mix
	value, lowest, top float64
}

// newSensor makes a sensor that has taken the given sample.
func newSensor(id uint16, seed uint64, sample int, say func(string, ...any)) *sensor {
	s := &sensor{Temperature: ipso.NewTemperature(id), curve: newCurve(seed, id)}
	s.lowest, s.top = math.Inf(1), math.Inf(-1)
	_ = s.measure(sample, s.set) // no temperature is out of range
	_ = s.MinRangeValue.Set(minRange)
	_ = s.MaxRangeValue.Set(maxRange)
	_ = s.SensorUnits.Set("Cel")
	s.ResetMinMaxMeasured.OnExecute(func(context.Context, lwm2m.Arguments) error {
		v, err := s.restart()
		say("minimum and maximum of %v start anew at %.2f Cel", s.Path(), v)
		return err
	})
	return s
}

// measure takes a sample and applies what changes by it.
func (s *sensor) measure(sample int, apply func(...lwm2m.Change) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = s.curve.at(sample)
	s.lowest, s.top = min(s.lowest, s.value), max(s.top, s.value)
	return apply(s.SensorValue.To(s.value), s.MinMeasuredValue.To(s.lowest), s.MaxMeasuredValue.To(s.top))
}

// set makes changes while the sensor belongs to no client.
func (s *sensor) set(changes ...lwm2m.Change) error {
	for _, change := range changes {
		if err := s.Set(change.Path.Resource(), change.Value); err != nil {
			return err
		}
	}
	return nil
}

// restart forgets the lowest and highest values so far.
func (s *sensor) restart() (float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lowest, s.top = s.value, s.value
	if err := s.MinMeasuredValue.Set(s.value); err != nil {
		return s.value, err
	}
	return s.value, s.MaxMeasuredValue.Set(s.value)
}
