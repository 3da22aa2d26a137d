package lwm2m_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// census counts what can be reached from a value, by type: how many there are behind pointers, and how much is in
// maps, slices and channels.
type census map[string]int

// beyond are types at which a census ends: they are not what it counts.
var beyond = []reflect.Type{
	reflect.TypeFor[*model.Object](),
	reflect.TypeFor[context.Context](), reflect.TypeFor[reflect.Type](),
}

// limited are types that grow up to a limit of their own: the sessions that a server keeps to be resumed, the messages
// that CoAP has seen; or that belong to the network in memory.
var limited = []string{"*link.sessionTable", "[]coap.seenMessage", "map[link.place]uint32"}

// takeCensus counts what can be reached from the values. Nothing may change meanwhile: in virtual time that is so
// after synctest.Wait.
func takeCensus(values ...any) census {
	c, seen := census{}, map[visited]bool{}
	for _, v := range values {
		c.visit(reflect.ValueOf(v), seen)
	}
	return c
}

type visited struct {
	at unsafe.Pointer
	t  reflect.Type
}

func (c census) visit(v reflect.Value, seen map[visited]bool) {
	if !v.IsValid() || slices.Contains(beyond, v.Type()) {
		return
	}
	name, from := v.Type().String(), v.Type().PkgPath()
	switch {
	case from == "log/slog" || strings.HasPrefix(from, "github.com/pion/"): // counted is who has it
		return
	case slices.Contains(limited, name):
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[visited{v.UnsafePointer(), v.Type()}] {
			return
		}
		seen[visited{v.UnsafePointer(), v.Type()}] = true
		c[name]++
		c.visit(v.Elem(), seen)
	case reflect.Interface:
		c.visit(v.Elem(), seen)
	case reflect.Struct:
		for i := range v.NumField() {
			c.visit(v.Field(i), seen)
		}
	case reflect.Map:
		c[name] += v.Len()
		for entries := v.MapRange(); entries.Next(); {
			c.visit(entries.Key(), seen)
			c.visit(entries.Value(), seen)
		}
	case reflect.Chan:
		c[name] += v.Len()
	case reflect.Array, reflect.Slice:
		c.visitList(v, seen)
	}
}

func (c census) visitList(v reflect.Value, seen map[visited]bool) {
	if v.Kind() == reflect.Slice {
		if v.IsNil() || seen[visited{v.UnsafePointer(), v.Type()}] {
			return
		}
		seen[visited{v.UnsafePointer(), v.Type()}] = true
		c[v.Type().String()] += v.Len()
	}
	switch v.Type().Elem().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Map, reflect.Chan, reflect.Slice, reflect.Array:
		for i := range v.Len() {
			c.visit(v.Index(i), seen)
		}
	}
}

// grown tells of what there is more than before.
func (c census) grown(before census, slack, slackBytes int) (types []string) {
	for name, n := range c {
		allowed := slack
		if name == "[]uint8" {
			allowed = slackBytes
		}
		if n > before[name]+allowed {
			types = append(types, fmt.Sprintf("%s: %d, was %d", name, n, before[name]))
		}
	}
	slices.Sort(types)
	return types
}

// labelled are the goroutines that a function labelled by pprof.Do has started, with their stacks.
func labelled(value string) (n int, stacks string) {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	_, profile, _ := strings.Cut(b.String(), "\n")
	for record := range strings.SplitSeq(profile, "\n\n") {
		if strings.Contains(record, strconv.Quote(value)) {
			number, _, _ := strings.Cut(record, " ")
			count, _ := strconv.Atoi(number)
			n += count
			stacks += record + "\n\n"
		}
	}
	return n, stacks
}

// A census finds what grows, however deep.
func TestCensus(t *testing.T) {
	type item struct{ next *item }
	type world struct {
		byName map[string]*item
		list   []any
		loop   *item
	}
	w := &world{byName: map[string]*item{}}
	w.loop = &item{}
	w.loop.next = w.loop
	before := takeCensus(w)
	w.byName["a"] = &item{next: &item{}}
	w.list = append(w.list, map[int]int{1: 1}, &lwm2m.Event{})
	want := "[*lwm2m.Event: 1, was 0 *lwm2m_test.item: 3, was 1 []interface {}: 2, was 0 map[int]int: 1, was 0 map[string]*lwm2m_test.item: 1, was 0]"
	if got := fmt.Sprint(takeCensus(w).grown(before, 0, 0)); got != want {
		t.Errorf("grown %s, want %s", got, want)
	}
	if got := takeCensus(w).grown(before, 2, 0); len(got) != 0 {
		t.Errorf("grown by more than 2: %v", got)
	}
	pprof.Do(t.Context(), pprof.Labels("test", "census"), func(context.Context) {
		started, end := make(chan struct{}), make(chan struct{})
		for range 3 {
			go func() {
				started <- struct{}{}
				<-end
			}()
			<-started
		}
		if n, stacks := labelled("census"); n != 4 {
			t.Errorf("%d goroutines:\n%s", n, stacks)
		}
		close(end)
	})
}
