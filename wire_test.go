package lwm2m_test

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
)

// wire records what passes through the network, one line a datagram: the seconds
// since it began to record, the direction as the client sees it, type, code, path and payload.
type wire struct {
	mu    sync.Mutex
	begin time.Time
	lines []string
	keep  func(lwm2mtest.Packet, *coap.Message) bool // nil keeps all
}

func record(n *lwm2mtest.Network) *wire {
	w := &wire{begin: time.Now()}
	n.SetFilter(w.filter)
	return w
}

func (w *wire) filter(p lwm2mtest.Packet) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	arrow := "->"
	if p.Direction == lwm2mtest.ToClient {
		arrow = "<-"
	}
	var m coap.Message
	line := fmt.Sprintf("%.1f %s ", time.Since(w.begin).Seconds(), arrow)
	if err := m.Parse(p.Data); err != nil {
		w.lines = append(w.lines, line+err.Error())
		return true
	}
	line += m.Type.String()
	if m.Code != 0 {
		line += " " + m.Code.String()
	}
	if m.Code.IsRequest() {
		line += " " + m.Options.Path(coap.UriPath)
		var query []string
		for q := range m.Options.All(coap.UriQuery) {
			query = append(query, string(q))
		}
		if len(query) > 0 {
			line += "?" + strings.Join(query, "&")
		}
	}
	kept := w.keep == nil || w.keep(p, &m)
	if !kept {
		line += " lost"
	}
	w.lines = append(w.lines, line)
	return kept
}

// take returns the lines since it was last called, and counts time from now on.
func (w *wire) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Join(w.lines, "\n")
	w.lines, w.begin = nil, time.Now()
	return lines
}

// lose changes which datagrams get lost.
func (w *wire) lose(keep func(lwm2mtest.Packet, *coap.Message) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep = keep
}

// passed checks what passed since take was last called.
func (f *fixture) passed(w *wire, want string) {
	f.Helper()
	want = strings.ReplaceAll(strings.TrimSpace(want), "\t", "")
	if got := w.take(); got != want {
		f.Errorf("on the wire:\n%s\nwant:\n%s", got, want)
	}
}
