package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// sentSamples is how many of its last temperatures the device sends.
const sentSamples = 3

// send has the device send its last temperatures, each with the time when it was measured.
func (m *machine) send(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	m.mu.Lock()
	last := m.sample
	curve := m.sensors[lwm2m.PathOf(3303, 0)].curve
	m.mu.Unlock()
	now := time.Now().Truncate(time.Millisecond)
	var samples []lwm2m.Sample
	for i := sentSamples - 1; i >= 0; i-- {
		samples = append(samples, lwm2m.Sample{
			Path: sensorValue, Time: now.Add(-time.Duration(i) * m.options.interval), Value: model.FloatValue(curve.at(last - i)),
		})
	}
	if err := m.client.SendSamples(ctx, samples); err != nil {
		m.options.say("could not send: %v", err)
	}
}

// awaitSend has the device send, and waits until that has arrived.
func (d *demo) awaitSend(ctx context.Context) error {
	select {
	case d.send <- struct{}{}:
	default: // it was told already
	}
	select {
	case <-d.sent:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("nothing sent within %v", stepTimeout)
	}
}

// sent tells what a device has sent by itself.
func (c *conversation) sent(e server.Event) {
	c.line(green, fromDevice+"Send, %s, %d bytes of %s", counted(len(e.Data.Nodes), "value"), len(e.Data.Payload), formatName(e.Data.Format))
	for _, n := range e.Data.Nodes {
		at := ""
		if !n.Time.IsZero() {
			at = "  " + n.At(e.Time).Format("15:04:05.000")
		}
		c.line(green, "%s", strings.TrimRight(fmt.Sprintf(indent+"%-36s = %s%s", named(n.Path), valued(n.Path, n.Value), at), " "))
	}
	c.line(cyan, toDevice+"2.04 Changed")
}
