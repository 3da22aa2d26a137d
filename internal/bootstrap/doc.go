// Package bootstrap is the bootstrap interface of an LwM2M Client for one
// Bootstrap-Server: when to ask for a bootstrap, and the course of a session
// (Core 1.1.1 §6.1). It is a state machine without I/O. It does not know what
// the Bootstrap-Server writes, nor whether that makes sense.
//
// The owner of a [Machine] calls one method for each thing that happens, with
// the time at which it happens, and then does what [Machine.Actions] returns, in
// that order. When the time of [Machine.Deadline] comes it calls
// [Machine.Expire].
//
//	m := bootstrap.New("thermo-1", &bootstrap.Config{})
//	m.Start(now, bootstrap.NoServer)
//	for _, action := range m.Actions() {
//		switch a := action.(type) {
//		case bootstrap.Connect: // open the link, then call LinkUp or LinkDown
//		case bootstrap.Close: // close the link
//		case bootstrap.Request: // send it, then call Response or Failed
//		case bootstrap.Cancel: // give up the request with that ID
//		case bootstrap.Begin: // copy the Objects; listen to no other server
//		case bootstrap.Judge: // read and judge what was written, then call Judged
//		case bootstrap.Drop: // forget the copy; go on as before
//		case bootstrap.End: // go on with the accounts that were written
//		case bootstrap.Purge: // remove the account of the Bootstrap-Server
//		case bootstrap.Event: // tell the user
//		}
//	}
//
// # A session
//
// A session begins when the Bootstrap-Server accepts the Bootstrap-Request, or
// when its first command overtakes that answer. For each command the owner asks
// [Machine.Command] whether it may be served, and for Bootstrap-Finish
// [Machine.Finish]. A Finish that the owner refuses leaves the session open, so
// that the Bootstrap-Server can put right what is wrong. A session ends without
// effect when the Bootstrap-Server is silent for [Config.Watchdog].
// After a success the link stays open for [DefaultLinger], as the answer to Finish may be lost; a bootstrap
// that is wanted meanwhile goes over it.
//
// Since LwM2M 1.2 a client may ask for a Bootstrap-Pack instead, which is
// judged like a Finish. Whatever goes wrong with it leads to a Bootstrap-Request.
//
// # When it fails
//
// Core leaves open when a failed bootstrap is tried again, as the resources for
// that are those of other servers. Here the wait begins with the Client Hold Off
// Time, but at least [DefaultRetryTimer], doubles with each attempt up to
// [DefaultMaxRetryTimer], and a Max-Age in 4.29 or 5.03 makes it longer. There is no
// last attempt: a device without an account that fell silent for good would need a
// visit. What the application alone asked for is tried once; it can ask again.
package bootstrap
