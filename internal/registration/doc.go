// Package registration is the registration interface of an LwM2M Client for one
// Server: Register, Update, De-register and the retries between them (Core 1.1.1
// §6.2). It is a state machine without I/O.
//
// The owner of a [Machine] calls one method for each thing that happens, with
// the time at which it happens, and then does what [Machine.Actions] returns, in
// that order. When the time of [Machine.Deadline] comes it calls
// [Machine.Expire].
//
//	m := registration.New("thermo-1", &registration.Config{Version: model.Version11})
//	m.Start(now)
//	for _, action := range m.Actions() {
//		switch a := action.(type) {
//		case registration.Connect: // open the link, then call LinkUp or LinkDown
//		case registration.Request: // send it, then call Response or Failed
//		case registration.Cancel: // give up the request with that ID
//		case registration.Close: // close the link
//		case registration.Suspend: // close it so that its session can go on
//		case registration.Event: // tell the user
//		}
//	}
//
// # Contract
//
// At most one Request is outstanding. Its answer carries the ID of the Request,
// so that an answer which comes too late changes nothing. Whoever reports
// LinkDown reports no answers of that link any more.
//
// A Machine is never silent: it is [StateStopped], [StateFailed] or [StatePaused],
// or waits for a deadline, a link or an answer. The one exception is a
// registration with an infinite lifetime, which needs no Updates.
//
// # When a registration fails
//
// A refused or unanswered Register is repeated as the resources 17 to 20 of the
// Server object say ([Retry]). When the last sequence is used up, a [NetworkError]
// event with [ErrExhausted] tells so, and the Machine goes on with one sequence
// after each sequence delay: a device in the field that fell silent for good
// would need a visit. Only a sequence delay of [Never] ends the attempts; then
// the state is [StateFailed].
//
// Any error to an Update leads to a Register at once; a Max-Age in 4.29 or 5.03
// defers that. An Update without an answer is asked again over a new link, if the
// Server knows that as the one of the registration; then a Register follows.
//
// # Queue mode and pauses
//
// [Machine.Sleep] and [Machine.Pause] give up the link and keep the registration.
// A sleeper connects when it has something to say, a paused Machine when it is
// told to. Both connect to De-register.
package registration
