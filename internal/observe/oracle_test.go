package observe

import (
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// oracle says what is notified when, by looking at everything in each moment of time. It
// takes the same inputs as a script, knows nothing of the Engine, and has neither
// deadlines nor digests: a value is a text.
type oracle struct {
	tick       int // milliseconds between moments
	now        int // milliseconds
	crossing   Crossing
	maxBacklog int
	ackIn      int // milliseconds
	loseNth    int
	values     map[string]string
	attached   map[string]map[string]float64 // by server and path, such as "1 /3303"
	accounts   map[string]map[string]float64 // defaults, as attributes; "storing" is one of them
	offline    map[string]bool
	watches    []*watch
	log        []string
}

// watch is an observation.
type watch struct {
	id, server    string
	own           map[string]float64 // nil: none
	items         []*watched
	composite     bool
	sentAt        int
	confirmedAt   int // of the last acknowledgement
	lost, stalled bool
	busyUntil     int // -1: free
	busyLost      bool
	cons          int
	backlog       []string // values with the time before
	inFlight      bool     // the first of the backlog is under way
}

// watched is one path of an observation.
type watched struct {
	path string
	in   map[string]float64 // the attributes in force
	pmin, pmax,
	epmin, epmax int // of these, milliseconds
	sent, seen string // values
	evaluated  int
	touched    bool
}

func newOracle(tick int) *oracle {
	return &oracle{
		tick: tick, maxBacklog: 100, values: map[string]string{}, attached: map[string]map[string]float64{},
		accounts: map[string]map[string]float64{}, offline: map[string]bool{},
	}
}

// run plays the inputs, which are sorted by time, and lets time pass until the end.
func (o *oracle) run(inputs []string, end int) {
	for o.now = 0; o.now < end; o.now += o.tick {
		for len(inputs) > 0 && milliseconds(inputs[0]) <= o.now {
			o.input(strings.Fields(inputs[0])[1:])
			inputs = inputs[1:]
		}
		for _, w := range o.watches {
			o.answers(w)
		}
		for _, w := range o.watches {
			for o.replay(w) {
			}
			if w.busyUntil < 0 {
				o.look(w)
			}
		}
	}
}

func milliseconds(input string) int {
	f, _ := strconv.ParseFloat(strings.Fields(input)[0], 64)
	return int(f*1000 + 0.5)
}

func (o *oracle) input(f []string) {
	switch verb, args := f[0], f[1:]; verb {
	case "set", "measure":
		for _, arg := range args {
			p, v, _ := strings.Cut(arg, "=")
			o.values[p] = v
			if v == "-" {
				delete(o.values, p)
			}
			if verb == "set" {
				o.touch(p)
			}
		}
	case "remove":
		o.remove(args[0])
	case "write":
		change(o.attached, args[0]+" "+args[1], args[2:])
		o.recompute()
	case "account":
		delete(o.accounts, args[0])
		change(o.accounts, args[0], args[1:])
		o.recompute()
	case "offline", "online":
		o.offline[args[0]] = verb == "offline"
		for _, w := range o.watches {
			if w.server == args[0] && verb == "online" {
				w.stalled = false
			}
		}
	case "observe":
		o.observe(args)
	default:
		panic(verb)
	}
}

func change(sets map[string]map[string]float64, at string, changes []string) {
	if sets[at] == nil {
		sets[at] = map[string]float64{}
	}
	for _, c := range changes {
		name, text, given := strings.Cut(c, "=")
		if !given && name != "storing" {
			delete(sets[at], name)
			continue
		}
		sets[at][name], _ = strconv.ParseFloat(text, 64)
	}
}

func below(p, q string) bool { return p == q || p == "/" || strings.HasPrefix(q, p+"/") }

func (o *oracle) touch(p string) {
	for _, w := range o.watches {
		for _, x := range w.items {
			x.touched = x.touched || below(p, x.path) || below(x.path, p)
		}
	}
}

func (o *oracle) remove(p string) {
	for q := range o.values {
		if below(p, q) {
			delete(o.values, q)
		}
	}
	for at := range o.attached {
		if _, q, _ := strings.Cut(at, " "); below(p, q) {
			delete(o.attached, at)
		}
	}
	o.recompute()
	o.touch(p)
	o.watches = slices.DeleteFunc(o.watches, func(w *watch) bool { return !w.composite && below(p, w.items[0].path) })
}

func (o *oracle) observe(args []string) {
	w := &watch{id: args[0] + "#" + args[1], server: args[0], sentAt: o.now, confirmedAt: o.now, busyUntil: -1}
	for _, arg := range args[2:] {
		if name, v, ok := strings.Cut(arg, "="); ok {
			if w.own == nil {
				w.own = map[string]float64{}
			}
			w.own[name], _ = strconv.ParseFloat(v, 64)
			continue
		}
		now := o.at(arg)
		w.items = append(w.items, &watched{path: arg, sent: now, seen: now, evaluated: o.now})
	}
	w.composite = len(w.items) > 1
	o.watches = append(o.watches, w)
	o.recompute()
	for _, x := range w.items {
		x.touched = false
	}
}

// recompute finds the attributes in force everywhere.
func (o *oracle) recompute() {
	for _, w := range o.watches {
		for _, x := range w.items {
			in := map[string]float64{}
			levels := []map[string]float64{o.accounts[w.server]}
			if w.own != nil {
				levels = append(levels, w.own)
			} else {
				for i := 1; i <= len(x.path); i++ {
					if i == len(x.path) || x.path[i] == '/' {
						levels = append(levels, o.attached[w.server+" "+x.path[:i]])
					}
				}
			}
			for _, level := range levels {
				for name, v := range level {
					if name != "storing" {
						in[name] = v
					}
				}
			}
			if fmt.Sprint(in) != fmt.Sprint(x.in) && x.seen != x.sent {
				x.touched = true
			}
			x.in = in
			x.pmin, x.pmax = 1000*int(in["pmin"]), 1000*int(in["pmax"])
			x.epmin, x.epmax = 1000*int(in["epmin"]), 1000*int(in["epmax"])
		}
	}
}

// at is all that is at a path, as it is logged.
func (o *oracle) at(p string) string {
	var found []string
	for q, v := range o.values {
		if below(p, q) {
			found = append(found, " "+q+"="+v)
		}
	}
	sort.Strings(found) // all identifiers have the same number of digits
	return strings.Join(found, "")
}

// answers does what the Server answers, or does not.
func (o *oracle) answers(w *watch) {
	if w.busyUntil < 0 || w.busyUntil > o.now {
		return
	}
	w.busyUntil = -1
	if !w.busyLost {
		w.confirmedAt, w.stalled = o.now, false
		if w.inFlight {
			w.backlog = w.backlog[1:]
		}
	} else {
		w.stalled = true
		w.confirmedAt = o.now - 24*3600*1000
		w.lost = w.lost || !w.inFlight
	}
	w.inFlight = false
}

// replay sends one of the stored notifications.
func (o *oracle) replay(w *watch) bool {
	if len(w.backlog) == 0 || w.stalled || w.busyUntil >= 0 || o.offline[w.server] {
		return false
	}
	at, values, _ := strings.Cut(w.backlog[0], "|")
	if o.send(w, "stored at "+at+" ", values) {
		w.inFlight = true
	} else {
		w.backlog = w.backlog[1:]
	}
	return true
}

// send logs a notification; it reports whether that is confirmable.
func (o *oracle) send(w *watch, what, values string) bool {
	con := o.now-w.confirmedAt >= 24*3600*1000
	for _, x := range w.items {
		con = con || x.in["con"] == 1
	}
	kind := "NON"
	if con {
		kind = "CON"
		w.cons++
		w.busyLost = o.loseNth > 0 && w.cons%o.loseNth == 0
		w.busyUntil = o.now + o.ackIn
		if w.busyLost {
			w.busyUntil = o.now + 93_000
		}
	}
	o.print(w, what+kind, values)
	return con
}

func (o *oracle) print(w *watch, what, values string) {
	if values == "" {
		values = " nothing"
	}
	o.log = append(o.log, fmt.Sprintf("%s %s %s%s", o.text(), w.id, what, values))
}

func (o *oracle) text() string { return strconv.FormatFloat(float64(o.now)/1000, 'f', -1, 64) }

// room is how many notifications may be stored.
func (o *oracle) room(w *watch) int {
	if _, storing := o.accounts[w.server]["storing"]; !storing {
		return 0
	}
	wanted, given := 0, false
	for _, x := range w.items {
		if v, ok := x.in["hqmax"]; ok {
			wanted, given = max(wanted, int(v)), true
		}
	}
	if !given {
		return o.maxBacklog
	}
	return min(wanted, o.maxBacklog)
}

// look decides about a notification in this moment.
func (o *oracle) look(w *watch) {
	since := o.now - w.sentAt
	idle := true // nothing to look at
	for _, x := range w.items {
		idle = idle && !x.touched && x.pmax == 0 && x.epmax == 0
	}
	room := 0
	if o.offline[w.server] || len(w.backlog) > 0 {
		room = o.room(w)
	}
	if idle && !w.lost || o.offline[w.server] && room == 0 {
		return
	}
	due, woken, least := false, w.lost && !w.stalled, w.items[0].pmin
	for _, x := range w.items {
		least = min(least, x.pmin)
		if d := x.pmax; d > 0 && d >= x.pmin && since >= d {
			due, woken = true, true
		}
		told := since >= x.pmin
		age := o.now - x.evaluated
		if age >= x.epmin && (x.touched && told || x.epmax > x.epmin && age >= x.epmax) {
			woken = true
			due = o.evaluate(x, told) || due
		}
	}
	if due || woken && w.lost && since >= least {
		o.notify(w, room)
	}
}

// evaluate reports whether a path is worth a notification now.
func (o *oracle) evaluate(x *watched, told bool) bool {
	now := o.at(x.path)
	worth := o.worth(x, now)
	x.evaluated, x.touched = o.now, worth && !told
	if !x.touched {
		x.seen = now
	}
	return worth && told
}

func (o *oracle) notify(w *watch, room int) {
	all := map[string]bool{}
	for _, x := range w.items {
		now := o.at(x.path)
		x.sent, x.seen, x.evaluated, x.touched = now, now, o.now, false
		for _, v := range strings.Fields(now) {
			all[" "+v] = true
		}
	}
	var list []string
	for v := range all {
		list = append(list, v)
	}
	sort.Strings(list)
	values := strings.Join(list, "")
	w.sentAt, w.lost = o.now, false
	if room == 0 || !o.offline[w.server] && len(w.backlog) == 0 {
		o.send(w, "", values)
		return
	}
	w.backlog = append(w.backlog, o.text()+"|"+values)
	what := "store"
	if n := len(w.backlog) - room; n > 0 {
		w.backlog = w.backlog[n:]
		what = fmt.Sprintf("drop %d, store", n)
	}
	o.print(w, what, values)
}

// worth reports whether going to the values now is worth a notification.
func (o *oracle) worth(x *watched, now string) bool {
	single := func(values string) string {
		if v, ok := strings.CutPrefix(values, " "+x.path+"="); ok && !strings.Contains(v, " ") {
			return v
		}
		return ""
	}
	if edge, ok := x.in["edge"]; ok {
		before, after := single(x.seen), single(now)
		isBoolean := func(s string) bool { return s == "true" || s == "false" }
		if isBoolean(before) && isBoolean(after) {
			return before != after && (after == "true") == (edge == 1)
		}
	}
	if now == x.sent {
		return false
	}
	last, wasNumber := new(big.Rat).SetString(single(x.sent))
	v, isNumber := new(big.Rat).SetString(single(now))
	thresholds := 0
	if !wasNumber || !isNumber {
		return true
	}
	for _, name := range []string{"gt", "lt", "st"} {
		limit, ok := x.in[name]
		if !ok {
			continue
		}
		thresholds++
		threshold, _ := new(big.Rat).SetString(strconv.FormatFloat(limit, 'f', -1, 64))
		from, to := last.Cmp(threshold), v.Cmp(threshold)
		up, down := from <= 0 && to > 0, from >= 0 && to < 0
		switch {
		case name == "st":
			d := new(big.Rat).Sub(v, last)
			if d.Abs(d).Cmp(threshold) >= 0 {
				return true
			}
		case o.crossing == Bidirectional && (up || down), name == "gt" && up, name == "lt" && down:
			return true
		}
	}
	return thresholds == 0
}
