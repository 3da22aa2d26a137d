package main

import (
	"context"
	"sync/atomic"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
)

// radio is a network connection that can lose its power: then nothing is sent and
// nothing heard any more. That is how a device that reboots looks from outside;
// it does not say goodbye.
type radio struct {
	network lwm2m.Network
	off     atomic.Bool
}

// Dial opens a link by way of the radio.
func (r *radio) Dial(ctx context.Context, t link.Target, s link.Sink) (link.Link, error) {
	l := &radioLink{radio: r, sink: s}
	inner, err := r.network.Dial(ctx, t, l)
	if err != nil {
		return nil, err
	}
	l.Link = inner
	return l, nil
}

// radioLink stands between a link and its sink.
type radioLink struct {
	link.Link
	radio *radio
	sink  link.Sink
}

// Send sends a datagram if there is power.
func (l *radioLink) Send(datagram []byte) error {
	if l.radio.off.Load() {
		return nil
	}
	return l.Link.Send(datagram)
}

// Input takes a datagram from the network.
func (l *radioLink) Input(_ link.Link, datagram []byte) {
	if !l.radio.off.Load() {
		l.sink.Input(l, datagram)
	}
}

// Down takes trouble from the network.
func (l *radioLink) Down(_ link.Link, err error) {
	if !l.radio.off.Load() {
		l.sink.Down(l, err)
	}
}
