package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// conversation writes what passes between a server and its devices. Its methods may be called from
// any goroutine.
type conversation struct {
	*terminal
	turn sync.Mutex // held by who speaks, so that a request and its answer stand together
}

// Where lines begin.
const (
	toDevice   = "server → device  "
	fromDevice = "device → server  "
	byDevice   = "         device  "
	indent     = "                   "
)

// note tells what goes on.
func (c *conversation) note(format string, args ...any) {
	c.line(grey, "· "+format, args...)
}

// device tells what the device does, also while it answers a request.
func (c *conversation) device(format string, args ...any) {
	c.line(noColour, byDevice+format, args...)
}

// request tells what the server asks for, runs it, and tells the answer.
func (c *conversation) request(what string, do func() (*server.Response, error)) (*server.Response, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.line(cyan, toDevice+"%s", what)
	response, err := do()
	if err != nil {
		c.line(red, "device → server  no answer: %v", err)
		return nil, err
	}
	c.answer(fromDevice, "", response)
	return response, response.Err()
}

// answer tells what a device answered or notified; the line begins with from.
func (c *conversation) answer(from, prefix string, r *server.Response) {
	if !r.Code.IsSuccess() {
		c.line(red, from+"%s%v %s", prefix, r.Code, r.Payload)
		return
	}
	head := prefix + r.Code.String()
	switch {
	case r.DecodeErr != nil:
		c.line(red, from+"%s, %s that makes no sense: %v", head, formatName(r.Format), r.DecodeErr)
	case r.Location != "":
		c.line(green, from+"%s at %s", head, r.Location)
	case len(r.Nodes) == 1:
		n := r.Nodes[0]
		c.line(green, from+"%s  %s = %s", head, named(n.Path), valued(n.Path, n.Value))
	case len(r.Nodes) > 1:
		c.line(green, from+"%s, %s, %d bytes of %s", head, counted(len(r.Nodes), "value"), len(r.Payload), formatName(r.Format))
		for _, n := range r.Nodes {
			c.line(green, indent+"%-36s = %s", named(n.Path), valued(n.Path, n.Value))
		}
	case len(r.Links) > 0:
		c.line(green, from+"%s, %s", head, counted(len(r.Links), "link"))
		for _, l := range r.Links {
			c.line(green, "%s", strings.TrimRight(fmt.Sprintf(indent+"%-36s %s", named(l.Path), attributesOf(l)), " "))
		}
	default:
		c.line(green, from+"%s", head)
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func attributesOf(l server.Link) string {
	var all []string
	for _, a := range l.Attributes {
		if a.Value == "" {
			all = append(all, a.Name)
		} else {
			all = append(all, a.Name+"="+a.Value)
		}
	}
	return strings.Join(all, " ")
}

// notification tells a value that came by itself.
func (c *conversation) notification(n server.Notification) {
	c.turn.Lock()
	defer c.turn.Unlock()
	if n.Err != nil {
		c.line(red, fromDevice+"Notify, but the rest of it could not be fetched: %v", n.Err)
		return
	}
	c.answer(fromDevice, "Notify ", &n.Response)
}

// event tells what a device did by itself.
func (c *conversation) event(e server.Event) {
	c.turn.Lock()
	defer c.turn.Unlock()
	r := &e.Registration
	switch e.Kind {
	case server.Registered:
		c.line(green, fromDevice+"Register as %s, LwM2M %v, lifetime %v", e.Endpoint, r.Version, r.Lifetime)
		c.line(green, indent+"with %s", inventory(r.Inventory))
		c.line(cyan, toDevice+"2.01 Created, the registration is %s", r.Location())
	case server.Updated:
		c.line(green, fromDevice+"Update of %s: %s", e.Endpoint, inventory(r.Inventory))
		c.line(cyan, toDevice+"2.04 Changed")
	case server.Deregistered:
		c.line(green, fromDevice+"De-register of %s", e.Endpoint)
		c.line(cyan, toDevice+"2.02 Deleted")
	case server.Sent:
		c.sent(e)
	case server.Refused:
		c.line(red, fromDevice+"a request that the server refuses")
		c.line(red, toDevice+"%v", e.Err)
	default:
		c.note("%v", e)
	}
}

// inventory is what a device has, such as "Server /1/0, Device /3/0".
func inventory(inv model.Inventory) string {
	var all []string
	for _, o := range inv.Objects {
		name := "Object"
		if def, _ := definitions(lwm2m.PathOf(o.ID)); def != nil {
			name = def.Name
		}
		paths := []string{}
		for _, id := range o.Instances {
			paths = append(paths, lwm2m.PathOf(o.ID, id).String())
		}
		if len(paths) == 0 {
			paths = append(paths, lwm2m.PathOf(o.ID).String())
		}
		all = append(all, name+" "+strings.Join(paths, " "))
	}
	return strings.Join(all, ", ")
}
