package observe

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// script plays inputs, of which the first word is the time in seconds, the second the
// verb:
//
//	0 observe SERVER TOKEN [ATTRIBUTE=VALUE...] PATH...  several paths: Observe-Composite
//	0 cancel SERVER [TOKEN]
//	0 set PATH=VALUE...         "-" is no value
//	0 measure PATH=VALUE...     values that change without telling
//	0 tell PATH...              changes without values
//	0 remove PATH               an Object Instance or so, with its attributes
//	0 write SERVER PATH ATTRIBUTE[=VALUE]...
//	0 account SERVER [ATTRIBUTE=VALUE...] [storing]      the defaults
//	0 forget SERVER             the account is gone
//	0 offline|online|asleep SERVER
//	0 reading SECONDS           how long it takes from now on
//	0 acks SECONDS|never        when they come
//	0 ack|lost SERVER TOKEN
//	0 timeless                  records cannot be told apart
//	0 explain PATH
//	0 run                       lets the time pass until then
type script struct {
	t *testing.T
	w *world
}

func newScript(t *testing.T) *script { return &script{t, newWorld()} }

// play performs one input, and what is due then.
func (s *script) play(line string) {
	s.perform(line)
	s.w.step()
}

// perform performs one input; what is due at the same time comes later.
func (s *script) perform(line string) {
	fields := strings.Fields(line)
	when, err := strconv.ParseFloat(fields[0], 64)
	if err != nil || len(fields) < 2 {
		s.t.Fatalf("%q: no time or no verb", line)
	}
	s.w.runUntil(at(when))
	s.input(fields[1], fields[2:])
}

func (s *script) input(verb string, args []string) {
	w, e := s.w, &s.w.engine
	switch verb {
	case "observe":
		s.observe(args)
	case "cancel":
		if len(args) == 1 {
			s.note("ended " + strconv.Itoa(len(e.CancelServer(s.server(args)))))
		} else if !e.Cancel(s.server(args), args[1]) {
			s.note("none")
		}
	case "set":
		w.set(s.values(args))
	case "measure":
		w.setSilently(s.values(args))
	case "tell":
		e.Changed(w.now, paths(s.t, args...))
	case "remove":
		for _, o := range w.remove(path(s.t, args[0])) {
			s.note("4.04 for " + o.Token)
		}
	case "write":
		if err := e.WriteAttributes(s.server(args), path(s.t, args[1]), updateOf(s.t, args[2:]...)); err != nil {
			s.note(err.Error())
		}
	case "account":
		e.SetDefaults(s.server(args), s.defaults(args[1:]))
	case "forget":
		s.note("ended " + strconv.Itoa(len(e.RemoveServer(s.server(args)))))
	default:
		s.network(verb, args)
	}
}

// network performs inputs about the network.
func (s *script) network(verb string, args []string) {
	w, e := s.w, &s.w.engine
	switch verb {
	case "offline", "online":
		e.SetAsleep(s.server(args), false)
		e.SetReachable(s.server(args), verb == "online")
	case "asleep":
		e.SetReachable(s.server(args), false)
		e.SetAsleep(s.server(args), true)
	case "reading":
		w.reading = s.duration(args[0])
	case "acks":
		w.ackIn = -1
		if args[0] != "never" {
			w.ackIn = s.duration(args[0])
		}
	case "ack":
		e.Acknowledged(w.now, s.find(args))
	case "lost":
		e.Unacknowledged(w.now, s.find(args))
	case "explain":
		for _, x := range e.ExplainPath(w.now, path(s.t, args[0]), nil) {
			w.log = append(w.log, strings.Split(x.String(), "\n")...)
		}
	case "timeless":
		w.timeless = true
	case "run":
	default:
		s.t.Fatalf("unknown input %q", verb)
	}
}

func (s *script) observe(args []string) {
	r := Request[string]{Server: s.server(args), Token: args[1]}
	var own []string
	for _, arg := range args[2:] {
		if arg[0] == '/' {
			r.Paths = append(r.Paths, path(s.t, arg))
		} else {
			own = append(own, arg)
		}
	}
	r.Composite = len(r.Paths) > 1
	r.HasOwn, r.Attributes = len(own) > 0, attributesOf(s.t, strings.Join(own, " "))
	s.w.observe(r)
	s.note("observations: " + strconv.Itoa(s.w.engine.Len()))
}

func (s *script) note(text string) { s.w.log = append(s.w.log, seconds(s.w.now)+" ("+text+")") }

func (s *script) values(args []string) map[model.Path]model.Value {
	values := map[model.Path]model.Value{}
	for _, arg := range args {
		p, v, _ := strings.Cut(arg, "=")
		values[path(s.t, p)] = valueOf(v)
	}
	return values
}

func (s *script) defaults(args []string) (d Defaults) {
	for _, arg := range args {
		switch name, v, _ := strings.Cut(arg, "="); name {
		case "pmin":
			d.MinPeriod = s.duration(v)
		case "pmax":
			d.MaxPeriod = s.duration(v)
		case "con":
			d.Confirmable = v == "1"
		case "storing":
			d.Storing = true
		}
	}
	return d
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text + "s")
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func (s *script) server(args []string) uint16 {
	n, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil {
		s.t.Fatal(err)
	}
	return uint16(n)
}

func (s *script) find(args []string) *Observation[string] {
	o := s.w.engine.Find(s.server(args), args[1])
	if o == nil {
		s.t.Fatalf("no observation %v", args)
	}
	return o
}
