package shell

import (
	"context"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// Resources that IPSO Objects share.
const (
	minMeasured = 5601
	maxMeasured = 5602
	resetMinMax = 5605
	sensorValue = 5700
)

// fillTemperature makes a Temperature (3303) that remembers the lowest and highest value.
func fillTemperature(in *lwm2m.Instance) (follow, error) {
	err := values{sensorValue: model.FloatValue(0), 5701: model.StringValue("Cel")}.set(in)
	if err != nil {
		return nil, err
	}
	lwm2m.ExecutableOf(in, resetMinMax).OnExecute(func(context.Context, lwm2m.Arguments) error {
		now, _ := in.Get(sensorValue)
		return values{minMeasured: now, maxMeasured: now}.set(in)
	})
	return func(c lwm2m.Change) []lwm2m.Change { return extremes(in, c) }, nil
}

// extremes keeps the lowest and highest value.
func extremes(in *lwm2m.Instance, c lwm2m.Change) (changes []lwm2m.Change) {
	measured, ok := c.Value.Number()
	if !ok || c.Path.Resource() != sensorValue {
		return nil
	}
	if least, ok := number(in, minMeasured); !ok || measured < least {
		changes = append(changes, lwm2m.Change{Path: in.Path().Child(minMeasured), Value: c.Value})
	}
	if most, ok := number(in, maxMeasured); !ok || measured > most {
		changes = append(changes, lwm2m.Change{Path: in.Path().Child(maxMeasured), Value: c.Value})
	}
	return changes
}
