package registration

import (
	"strconv"
	"time"

	"github.com/lwm2m-go/lwm2m/model"
)

// The codes of success.
const (
	codeRegistered   = model.Created
	codeUpdated      = model.Changed
	codeDeregistered = model.Deleted
)

// registerQueries are the parameters of a Register (Core 1.1.1 §6.2.1). The
// binding is left out when it is the default.
func (m *Machine) registerQueries() []string {
	c := m.config
	queries := make([]string, 0, 6+len(c.ExtraQueries))
	queries = append(queries, "lwm2m="+m.version.String())
	if m.endpoint != "" {
		queries = append(queries, "ep="+m.endpoint)
	}
	queries = append(queries, lifetimeQuery(m.Lifetime()))
	if m.binding != "U" || m.queue {
		queries = append(queries, m.bindingQuery())
	}
	if m.queue && !m.isVersion10() {
		queries = append(queries, "Q")
	}
	if c.SMS != "" {
		queries = append(queries, "sms="+c.SMS)
	}
	return append(queries, c.ExtraQueries...)
}

// updateQueries are the parameters of an Update: only what changed
// (Core 1.1.1 §6.2.2).
func (m *Machine) updateQueries(what changes) []string {
	var queries []string
	if what&lifetimeChanged != 0 {
		queries = append(queries, lifetimeQuery(m.Lifetime()))
	}
	if what&bindingChanged != 0 {
		queries = append(queries, m.bindingQuery())
	}
	return queries
}

func lifetimeQuery(d time.Duration) string {
	if d == Infinite {
		return "lt=0"
	}
	return "lt=" + strconv.FormatInt(int64(d/time.Second), 10)
}

// bindingQuery is the parameter b. In LwM2M 1.0 the Q of queue mode is a letter
// in it, after the first: UQ, SQ, UQS.
func (m *Machine) bindingQuery() string {
	if m.queue && m.isVersion10() {
		return "b=" + m.binding[:1] + "Q" + m.binding[1:]
	}
	return "b=" + m.binding
}

func (m *Machine) isVersion10() bool { return m.version.Compare(model.Version11) < 0 }
