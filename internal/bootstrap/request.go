package bootstrap

import (
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

var (
	requestPath = []string{"bs"}
	packPath    = []string{"bspack"}
)

// request asks the Bootstrap-Server for a Bootstrap-Pack if the client is to, and
// for a session otherwise.
func (m *Machine) request(now time.Time) {
	m.packed = m.config.Pack && m.config.speaks(model.Version12) && !m.unpacked
	r := Request{Kind: BootstrapRequest, Path: requestPath, Queries: m.queries()}
	if m.packed {
		r = Request{Kind: BootstrapPackRequest, Path: packPath, Queries: m.queries(), Accept: formatLwM2MCBOR}
	}
	m.lastID++
	if m.lastID == 0 {
		m.lastID++
	}
	m.outstanding, r.ID = m.lastID, m.lastID
	m.enter(StateRequesting, time.Time{})
	m.do(r)
}

func (m *Machine) queries() []string {
	var queries []string
	if m.endpoint != "" {
		queries = append(queries, "ep="+m.endpoint)
	}
	if formats := m.config.formats(); !m.packed && int(m.refused) < len(formats) {
		queries = append(queries, "pct="+strconv.Itoa(int(formats[m.refused])))
	}
	return queries
}

// Response tells the answer to the Request with the given ID. The refusal of a
// Bootstrap-Server that is at work already means nothing.
func (m *Machine) Response(now time.Time, id uint32, a Answer) {
	if !m.answered(id) {
		return
	}
	switch {
	case m.packed && a.Code == model.Content:
		m.do(Event{Kind: Accepted, Attempt: m.attempt})
		m.do(Begin{})
		m.judge()
	case m.packed:
		m.fallBack(now)
	case a.Code == model.Changed:
		m.do(Event{Kind: Accepted, Attempt: m.attempt})
		m.begin(now)
	case a.Code == model.UnsupportedContentFormat && m.state == StateRequesting && int(m.refused) < len(m.config.formats()):
		m.refused++
		m.request(now)
	case m.state == StateRequesting:
		if !m.config.keepsLink() {
			m.disconnect()
		}
		m.fail(now, refusal(BootstrapRequest, a), a.deferral())
	}
}

// Failed tells that the Request with the given ID has no answer. A Bootstrap-Server that
// is at work already need not answer.
func (m *Machine) Failed(now time.Time, id uint32, err error) {
	switch {
	case !m.answered(id):
	case m.packed:
		m.fallBack(now)
	case m.state == StateRequesting:
		m.abort(now, &Error{BootstrapRequest, err})
	}
}

// answered takes note of the end of a Request; it reports false if that Request
// is not the outstanding one.
func (m *Machine) answered(id uint32) bool {
	if id == 0 || id != m.outstanding {
		return false
	}
	m.outstanding = 0
	return true
}

// fallBack asks for a session, as there is no Bootstrap-Pack that can be used (Core 1.2 §6.1.7.8).
func (m *Machine) fallBack(now time.Time) {
	m.unpacked = true
	m.request(now)
}
