// Package observe is information reporting without I/O (Core 1.1.1 §6.4): which
// Server observes what, what is to be notified when, and the attributes that
// Servers attached to paths.
//
// An [Engine] holds the observations of one client. The owner tells it what
// changed, asks it for the observations that are due, sends the notifications,
// and tells how that went:
//
//	engine.Changed(now, paths)
//	for _, o := range engine.Due(now, nil) {
//		// read o.Paths, send them with o.Sequence() and o.MustConfirm(now)
//		engine.Sent(now, o, confirmable)
//	}
//	timer.Reset(engine.Deadline())
//
// An observation is notified of its newest state, not of each change: while a
// notification is being read or waits for its acknowledgement, changes are
// remembered and one notification follows for all of them (RFC 7641 §4.5.2).
//
// An [AttributeStore] holds the attributes, for Write-Attributes and Discover.
package observe
