// Package observe is information reporting without I/O (Core 1.1.1 §6.4): which
// Server observes what, what is to be notified when, and the attributes that
// Servers attached to paths.
//
// An [Engine] holds the observations of one client. The owner tells it what
// changed, asks it for the observations to look at, reads what they observe, and
// has the Engine decide whether that is worth a notification:
//
//	engine.Changed(now, paths)
//	for _, o := range engine.Due(now, nil) {
//		if o.IsReplaying() {
//			// send the first n of o.Backlog.Records()
//			engine.SentStored(now, o, n, confirmable)
//			continue
//		}
//		// read o.Paths, which may take its time
//		if engine.Evaluate(now, o, nodes).MustSend() {
//			// send the nodes with o.Sequence()
//			engine.Sent(now, o, o.MustConfirm(now))
//		}
//	}
//	timer.Reset(engine.Deadline())
//
// An observation is notified of its newest state, not of each change: inside
// pmin, or while a notification is being read or waits for its acknowledgement,
// changes are remembered, and what is there afterwards is compared with what the
// Server got last.
//
// What a Server that is out of reach misses is kept in the [Backlog] of the observation, if
// its account wants that; else it gets the newest state when it is back. [Engine.Explain]
// says of each observation what it is waiting for, and which attributes are in force.
//
// What a Server may not read at present is not told to it: the owner calls [Engine.Withhold] instead of Evaluate or
// SentStored, and [Engine.RightsChanged] when that may have changed.
//
// # Attributes
//
// Each path of an observation has attributes in force: of each the one attached to
// the lowest level from the path upwards, last the defaults of the Server's account
// (Core 1.1.1 §5.1.1). Those attached below the path do not count. Attributes that
// came with the Observe itself (LwM2M 1.2) replace all attached ones; the defaults
// stand behind them too, as they say what the absence of an attribute means. When
// attributes change, the times of running observations are computed anew from the
// last notification.
//
//   - pmin: a change is evaluated when pmin has passed since the last notification
//     and then with the value of that moment.
//   - pmax: a notification is sent when pmax has passed since the last one. A pmax
//     of 0, or below pmin, is ignored.
//   - gt, lt, st: any one of them that is met makes a changed number worth a notification;
//     see [Crossing]. What a number is compared with is the one sent last. They count for
//     single numbers; of anything else, NaN included, each change is notified.
//   - edge: a Boolean is notified when it has become true (1) or false (0) since its last
//     evaluation. What comes and goes before it is evaluated is not seen.
//   - epmin: two evaluations of a path are at least epmin apart. Notifications because
//     of pmax do not wait for it.
//   - epmax: a path is evaluated, and thus read, when epmax has passed since its last
//     evaluation, whether or not a change was told; also inside pmin, where a change
//     is found but told later. This matters for values that are measured when read.
//     An epmax of 0, or not above epmin, is ignored.
//   - con: see [Observation.MustConfirm].
//   - hqmax: see [Backlog].
//
// A composite observation (Core 1.1.1 §6.4.5) evaluates each of its paths by the
// attributes of that path, pmin included; one that is worth a notification sends all.
// Its pmax is the smallest of those of its paths.
package observe
