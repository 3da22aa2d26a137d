package lwm2m

import (
	"fmt"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/history"
)

// samples are what a message to a server carries of histories, until it is known
// what became of the message.
type samples struct {
	client *Client
	server uint16
	marks  []sampleMark
	count  int
	rest   int // more of the same histories that the server can have
}

type sampleMark struct {
	series *series
	mark   history.Mark
}

// carriesTime reports whether a message in the format can carry samples.
func carriesTime(f format.ContentFormat) bool {
	return f == format.SenMLCBOR || f == format.SenMLJSON || f == format.JSON
}

// takeSamples replaces those of nodes that have a history by the samples which the server has not been
// given yet, at most limit in all, but one of each history at least. The samples stay until finish.
func (c *Client) takeSamples(server uint16, nodes []format.Node, limit int) ([]format.Node, samples) {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := samples{client: c, server: server}
	for i := range nodes {
		taken.rest += c.pending(server, &nodes[i])
	}
	total := taken.rest
	if total == 0 {
		return nodes, taken
	}
	all := make([]format.Node, 0, len(nodes)+min(total, limit))
	for _, n := range nodes {
		pending := c.pending(server, &n)
		if pending == 0 {
			all = append(all, n)
			continue
		}
		share := max(int(int64(pending)*int64(min(limit, total))/int64(total)), 1)
		n.Value = c.latest(n)
		all = taken.take(all, c.seriesAt(n.Path), share, n)
	}
	return all, taken
}

// latest is the value of a node now: it may have been set since it was read, and is among the samples
// then. What a callback has read stays. It is called with c.mu held.
func (c *Client) latest(n format.Node) Value {
	node, ok := c.tree.Instance(n.Path)
	if !ok {
		return n.Value
	}
	if h := node.HooksOf(n.Path.Resource()); h != nil && h.Read != nil {
		return n.Value
	}
	content, _ := node.Get(n.Path.Resource())
	now := content.Value()
	if n.Path.Depth() == 4 {
		now, _ = content.Item(n.Path.ResourceInstance())
	}
	if now.IsZero() {
		return n.Value
	}
	return now
}

// take appends at most limit samples of s to nodes, and after the last of them the current value if that is
// not the newest, as when a server has written it: the last word is always told.
func (t *samples) take(nodes []format.Node, s *series, limit int, current format.Node) []format.Node {
	first, count, mark := s.ring.Take(t.server, limit)
	var newest history.Sample
	for i := first; i < first+count; i++ {
		sample := s.ring.At(i)
		nodes = append(nodes, format.Node{Path: s.path, Value: sample.Value, Time: sample.Time})
		if !sample.Time.Before(newest.Time) {
			newest = sample
		}
	}
	if s.ring.Pending(t.server) == 0 && !newest.Value.Equal(current.Value) {
		nodes = append(nodes, current)
	}
	t.marks = append(t.marks, sampleMark{s, mark})
	t.count += count
	t.rest -= count
	return nodes
}

// finish tells what became of the message: if it was acknowledged, the samples are let go of, else
// they are given again. It reports whether the server can have more of the same histories.
func (t samples) finish(acknowledged bool) (more bool) {
	if len(t.marks) == 0 {
		return t.rest > 0
	}
	c := t.client
	var dropped []Event
	c.mu.Lock()
	for _, m := range t.marks {
		if !acknowledged {
			m.series.ring.Rollback(m.mark)
		} else {
			m.series.ring.Commit(m.mark)
			if e := m.series.resumes(); e.Kind != 0 {
				dropped = append(dropped, e)
			}
		}
		more = more || m.series.ring.Pending(t.server) > 0
	}
	c.mu.Unlock()
	c.emitNow(dropped...)
	return more
}

// resumes makes the event that counts what was dropped before a server took samples again.
func (s *series) resumes() (e Event) {
	_, dropped := s.ring.Counts()
	n := dropped - s.reported
	s.reported, s.dropping = dropped, false
	if n == 0 {
		return e
	}
	return Event{Kind: HistoryDropped, Path: s.path, Count: int(n), Err: fmt.Errorf("lwm2m: %d samples were dropped, %d so far", n, dropped)}
}

// seriesAt finds the history at a path; nil if there is none. It is called with c.mu held.
func (c *Client) seriesAt(p Path) *series {
	if p.Depth() < 3 {
		return nil
	}
	in := c.instance(p)
	if in == nil {
		return nil
	}
	return in.series(p)
}

// forgetReader lets histories no longer wait for a server, which has left.
func (c *Client) forgetReader(server uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range c.instances {
		h := in.histories.Load()
		if h == nil {
			continue
		}
		for _, k := range *h {
			for _, s := range k.series {
				s.ring.Forget(server)
			}
		}
	}
}

// withHistory replaces those of nodes that have a history by all samples in it, for a Read: nothing is taken.
func (c *Client) withHistory(nodes []format.Node) []format.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]format.Node, 0, len(nodes))
	for _, n := range nodes {
		s := c.seriesAt(n.Path)
		if s == nil || s.ring.Len() == 0 {
			all = append(all, n)
			continue
		}
		for i := range s.ring.Len() {
			sample := s.ring.At(i)
			all = append(all, format.Node{Path: n.Path, Value: sample.Value, Time: sample.Time})
		}
	}
	return all
}

// leastRecord is a lower bound of the bytes that a sample takes in a message.
const leastRecord = 6

// encodeReport is encode for a notification or a Send to a server: in a format that can carry them, samples
// take the place of the values of Resources with a history. As many are taken as Transmission.MaxReport has
// room for, but one of each at least. finish is to be called on the samples unless there is an error.
func (c *Client) encodeReport(server uint16, f format.ContentFormat, base Path, nodes []format.Node) ([]byte, samples, error) {
	if !carriesTime(f) {
		payload, err := c.encode(f, base, nodes)
		return payload, samples{}, err
	}
	for limit := c.maxReport / leastRecord; ; {
		all, taken := c.takeSamples(server, nodes, limit)
		payload, err := c.encode(f, base, all)
		if err != nil {
			taken.finish(false)
			return nil, samples{}, err
		}
		if len(payload) <= c.maxReport || taken.count <= len(taken.marks) {
			return payload, taken, nil
		}
		taken.finish(false)
		limit = min(taken.count-1, int(int64(taken.count)*int64(c.maxReport)/int64(len(payload))))
	}
}

// pending is how many samples of the history at n the server has not been given; a node with a time is
// a sample of its own. It is called with c.mu held.
func (c *Client) pending(server uint16, n *format.Node) int {
	if !n.Time.IsZero() {
		return 0
	}
	if s := c.seriesAt(n.Path); s != nil {
		return s.ring.Pending(server)
	}
	return 0
}

// hasPending reports whether the server has not been given all of the histories at nodes. It is called with
// c.mu held.
func (c *Client) hasPending(server uint16, nodes []format.Node) bool {
	for i := range nodes {
		if c.pending(server, &nodes[i]) > 0 {
			return true
		}
	}
	return false
}

// withoutHistory leaves out of stored nodes those that have a history, if the format can carry that: it is
// told after them, as finish of the samples says.
func (c *Client) withoutHistory(server uint16, f format.ContentFormat, nodes []format.Node) (kept []format.Node, t samples) {
	if !carriesTime(f) {
		return nodes, t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t = samples{client: c, server: server}
	for _, n := range nodes {
		if s := c.seriesAt(n.Path); s != nil {
			t.rest += s.ring.Pending(server)
		} else {
			kept = append(kept, n)
		}
	}
	return kept, t
}

// pendingSamples counts what the server has not been given of the histories at nodes.
func (c *Client) pendingSamples(server uint16, nodes []format.Node) (count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range nodes {
		count += c.pending(server, &nodes[i])
	}
	return count
}

// withPending returns those of nodes with a history of which the server has not been given all, as long as their
// samples are within the budget.
func (c *Client) withPending(server uint16, nodes []format.Node, budget int) (rest []format.Node) {
	if budget <= 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range nodes {
		if c.pending(server, &nodes[i]) > 0 {
			rest = append(rest, nodes[i])
		}
	}
	return rest
}
