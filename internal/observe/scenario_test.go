package observe

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// scenario is a random sequence of inputs for a script and the oracle.
type scenario struct {
	draw   func(n int) int // 0 to n-1
	tokens int
}

func (s *scenario) pick(list ...string) string { return list[s.draw(len(list))] }

func (s *scenario) server() string { return s.pick("1", "2") }

// The Resources: a Float and a Boolean in each of three Object Instances, and one with
// several values.
func (s *scenario) instance() string { return s.pick("/3303/1", "/3303/2", "/3304/1") }

func (s *scenario) path() string {
	return s.pick(s.instance()+"/5700", s.instance()+"/5700", s.instance()+"/5850", "/3000/0/7", "/3000/0/7/1", s.instance(), "/3303", "/3304")
}

// value is a new value for a random Resource, some of which are gone at times.
func (s *scenario) value() string {
	switch s.draw(8) {
	case 0:
		return "/3000/0/7/" + s.pick("1", "2") + "=" + strconv.Itoa(s.draw(50))
	case 1:
		return "/3000/0/7/" + s.pick("1", "2") + "=-"
	case 2, 3:
		return s.instance() + "/5850=" + s.pick("true", "false")
	}
	return s.instance() + "/5700=" + s.number()
}

// number is one that prints as it is written.
func (s *scenario) number() string {
	n := s.draw(500)
	if n%10 == 0 {
		return strconv.Itoa(n/10) + ".5"
	}
	return fmt.Sprintf("%d.%d", n/10, n%10)
}

// attributes never contradict each other, whatever they are combined with.
func (s *scenario) attributes(p string, remove bool) []string {
	list := []string{
		"pmin=" + strconv.Itoa(s.draw(8)), "pmax=" + strconv.Itoa(s.draw(12)), "pmin=" + strconv.Itoa(s.draw(8)),
		"epmin=" + strconv.Itoa(s.draw(4)), "epmax=" + s.pick("4", "5", "9"), "con=" + s.pick("0", "1"), "hqmax=" + strconv.Itoa(s.draw(4)),
	}
	switch {
	case strings.HasSuffix(p, "5850"):
		list = append(list, "edge="+s.pick("0", "1"), "edge="+s.pick("0", "1"))
	case strings.HasSuffix(p, "5700") || strings.HasPrefix(p, "/3000"):
		list = append(list, "gt="+s.pick("30", "40.5"), "lt="+s.pick("10", "20"), "st="+s.pick("0", "0.1", "4"))
	}
	var chosen []string
	names := map[string]bool{}
	for range 1 + s.draw(3) {
		a := list[s.draw(len(list))]
		name, _, _ := strings.Cut(a, "=")
		if names[name] {
			continue
		}
		names[name] = true
		if remove && s.draw(3) == 0 {
			a = name
		}
		chosen = append(chosen, a)
	}
	return chosen
}

func (s *scenario) account() string {
	a := "account " + s.server()
	for _, d := range []string{"pmin=2", "pmax=7", "con=1", "storing", "storing"} {
		if s.draw(4) == 0 && !strings.Contains(a, d) {
			a += " " + d
		}
	}
	return a
}

func (s *scenario) observe() string {
	s.tokens++
	line := fmt.Sprintf("observe %s t%d", s.server(), s.tokens)
	p := s.path()
	if s.draw(4) == 0 {
		line += " " + strings.Join(s.attributes(p, false), " ")
	}
	paths := []string{p}
	for s.draw(2) == 0 {
		if p := s.path(); !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return line + " " + strings.Join(paths, " ")
}

func (s *scenario) write() string {
	p := s.path()
	return fmt.Sprintf("write %s %s %s", s.server(), p, strings.Join(s.attributes(p, true), " "))
}

// event is something that happens.
func (s *scenario) event() string {
	switch s.draw(20) {
	case 0:
		return "remove " + s.instance()
	case 1, 2:
		return s.write()
	case 3:
		return s.account()
	case 4:
		return "offline " + s.server()
	case 5, 6:
		return "online " + s.server()
	case 7, 8:
		return "measure " + s.value()
	case 9, 10, 11:
		return "set " + s.value() + " " + s.instance() + "/5701=" + s.pick("Cel", "K")
	}
	return "set " + s.value()
}

// inputs are what happens until the end, at times that are multiples of the tick, in
// milliseconds.
func (s *scenario) inputs(observations, events, end, tick int) []string {
	lines := []string{"0 set /3303/1/5700=20.5 /3303/2/5700=21.5 /3304/1/5700=50.5 /3303/1/5850=false /3000/0/7/1=30"}
	for range 6 {
		lines = append(lines, "0 "+s.write())
	}
	lines = append(lines, "0 "+s.account())
	var later []string
	seen := map[string]bool{} // the same paths again would replace an observation
	for range observations {
		line := s.observe()
		f := strings.Fields(line)
		id := f[1]
		for _, arg := range f[3:] {
			if arg[0] == '/' {
				id += arg
			}
		}
		if !seen[id] {
			seen[id] = true
			later = append(later, fmt.Sprintf("%v %s", float64(s.draw(end/tick/10)*tick)/1000, line))
		}
	}
	for range events {
		later = append(later, fmt.Sprintf("%v %s", float64(s.draw(end/tick)*tick)/1000, s.event()))
	}
	sort.SliceStable(later, func(i, j int) bool { return milliseconds(later[i]) < milliseconds(later[j]) })
	return append(lines, later...)
}

// compare has an Engine and the oracle do the same, and compares their notifications.
func compare(t interface{ Fatalf(string, ...any) }, script *script, inputs []string, end, tick, maxBacklog int, crossing Crossing) (notifications []string) {
	o := newOracle(tick)
	o.crossing, o.maxBacklog, o.ackIn, o.loseNth = crossing, maxBacklog, 500, 4
	o.run(inputs, end)
	w := script.w
	w.engine.Crossing, w.engine.MaxBacklog, w.ackIn, w.loseNth = crossing, maxBacklog, 500*time.Millisecond, 4
	for _, line := range inputs {
		script.perform(line)
	}
	w.runUntil(epoch.Add(time.Duration(end) * time.Millisecond))
	got, want := ordered(w.log), ordered(o.log)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("inputs\n  %s\nnotification %d: the Engine has\n  %s\nthe oracle\n  %s", strings.Join(inputs, "\n  "),
				i, strings.Join(got[min(i, len(got)):min(i+3, len(got))], "\n  "), strings.Join(want[min(i, len(want)):min(i+3, len(want))], "\n  "))
		}
	}
	return got
}

// ordered sorts notifications of the same time by their observation.
func ordered(log []string) []string {
	log = slices.DeleteFunc(log, func(line string) bool { return strings.Contains(line, " (") })
	key := func(line string) string { return strings.Fields(line)[1] }
	sort.SliceStable(log, func(i, j int) bool {
		if a, b := milliseconds(log[i]), milliseconds(log[j]); a != b {
			return a < b
		}
		return key(log[i]) < key(log[j])
	})
	return log
}

// Some seconds of everything, to the millisecond.
func TestEngineAgainstOracle(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := scenario{draw: func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "n") }}
		const end = 20_000
		inputs := s.inputs(1+s.draw(4), s.draw(40), end, 1)
		compare(r, newScript(t), inputs, end, 1, 1+s.draw(5), Crossing(s.draw(2)))
	})
}

// A day of thirty observations.
func TestDay(t *testing.T) {
	random := rand.New(rand.NewPCG(2025, 1))
	s := scenario{draw: random.IntN}
	const day = 24 * 3600 * 1000
	end := day + day/24
	inputs := s.inputs(30, 4000, end, 100)
	notifications := compare(t, newScript(t), inputs, end, 100, DefaultBacklog, Bidirectional)
	kinds := map[string]int{}
	for _, n := range notifications {
		kinds[strings.Fields(n)[2]]++
	}
	for _, kind := range []string{"NON", "CON", "store", "stored", "drop"} {
		if kinds[kind] < 10 {
			t.Errorf("%d notifications of kind %s are not enough to tell anything: %v", kinds[kind], kind, kinds)
		}
	}
}
