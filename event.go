package lwm2m

import (
	"fmt"
	"time"
)

// EventKind tells what happened to a client.
type EventKind uint8

// The kinds of events.
const (
	// Registered: the server accepted a Register.
	Registered EventKind = iota + 1
	// RegistrationFailed: the server refused a Register; Err has its answer.
	RegistrationFailed
	// RegistrationTimeout: the server did not answer a Register or an Update.
	RegistrationTimeout
	// Updating: an Update is about to be sent.
	Updating
	// Updated: the server accepted an Update.
	Updated
	// Deregistering: a De-register is about to be sent.
	Deregistering
	// DeregistrationFailed: the server refused a De-register or did not answer.
	DeregistrationFailed
	// Disconnected: the client has left the server.
	Disconnected
	// ServerDisabled: the server executed Disable; Next is the end of the pause.
	ServerDisabled
	// NetworkError: the server cannot be reached at this moment: its name has no
	// address, the network reports it as unreachable, or the handshake fails.
	NetworkError
	// Observed: the server began to observe Path.
	Observed
	// ObservationEnded: the server no longer observes Path.
	ObservationEnded
	// CallbackPanicked: a callback of the application panicked; Err says where. The server got
	// the answer 5.00.
	CallbackPanicked
	// HistoryDropped: the history of the Resource at Path has lost samples; Err says why, or how many by now. It
	// is told at the first drop, and when a server takes samples again.
	HistoryDropped
	// NotifyAcknowledged: the server acknowledged a confirmable notification of Path.
	NotifyAcknowledged
	// NotifyTimeout: the server did not acknowledge a confirmable notification of Path, or the network did not
	// take one. The server gets what is newest, or what is stored, when it is back.
	NotifyTimeout
	// NotificationsDropped: Count notifications that were stored while the server was out of reach are lost: there
	// was no room, their format does not tell times, or the observation has ended.
	NotificationsDropped
	// Asleep: the client in queue mode stops listening to the server; Next is when the next Update is due.
	Asleep
	// Suspended: the application paused the client: it is about to give up all connections.
	Suspended
	// BootstrapFailed: the Bootstrap-Server cannot be reached, refuses the client, has fallen silent, or has
	// written what the client cannot work with. What was before is in force. Next is when the client tries again;
	// it is zero if the Bootstrap-Server may still put right what is wrong.
	BootstrapFailed
	// BootstrapAccepted: the Bootstrap-Server has accepted the client and begins to write.
	BootstrapAccepted
	// Bootstrapped: what the Bootstrap-Server has written is in force; the client registers.
	Bootstrapped
)

var eventNames = [...]string{
	"NONE", "REGISTRATION_COMPLETE", "REGISTRATION_FAILURE", "REG_TIMEOUT", "REG_UPDATE",
	"REG_UPDATE_COMPLETE", "DEREGISTER", "DEREGISTER_FAILURE", "DISCONNECT", "SERVER_DISABLED",
	"NETWORK_ERROR", "OBSERVER_ADDED", "OBSERVER_REMOVED", "CALLBACK_PANIC",
	"HISTORY_DROPPED", "NOTIFY_ACK", "NOTIFY_TIMEOUT", "NOTIFICATIONS_DROPPED",
	"QUEUE_MODE_RX_OFF", "ENGINE_SUSPENDED",
	"BOOTSTRAP_REG_FAILURE", "BOOTSTRAP_REG_COMPLETE", "BOOTSTRAP_TRANSFER_COMPLETE",
}

// String is the kind's name in the words of test benches, such as
// "REGISTRATION_COMPLETE".
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return fmt.Sprintf("EventKind(%d)", uint8(k))
}

// Event is something that happened to a client. Events are handed to
// Config.OnEvent one at a time, in order, and none is lost.
type Event struct {
	Kind EventKind
	Time time.Time
	// Server is the Short Server ID; 0 if no server is concerned.
	Server uint16
	// Path is set for observations, callbacks and histories.
	Path Path
	// Location is where the server keeps the registration, such as /rd/5a3f, once it has accepted a Register.
	Location string
	// Err is the reason of a failure.
	Err error
	// Handshake says how the connection came about over which this is the first event, if it is protected: "full",
	// "resumed", or "connection ID" if the former one goes on without a handshake, "kept" if it does without a
	// connection ID. After a full handshake the client registers anew, otherwise the registration lives on.
	Handshake string
	// Attempt is the number of the attempt to register that succeeded or failed, from 1
	// in each sequence of attempts, or of the attempt to bootstrap; 0 if the event is about something else.
	Attempt int
	// Count is how many notifications or samples were dropped; 0 if that is not told.
	Count int
	// Next is when the client tries again, or when the next Update is due; zero if
	// nothing is planned.
	Next time.Time
}

// String describes the event in one line.
func (e Event) String() string {
	s := e.Kind.String()
	if e.Server != 0 {
		s += fmt.Sprintf(" server %d", e.Server)
	}
	if !e.Path.IsRoot() {
		s += " " + e.Path.String()
	}
	if e.Attempt > 1 || e.Attempt == 1 && e.Err != nil {
		s += fmt.Sprintf(", attempt %d", e.Attempt)
	}
	if e.Location != "" {
		s += " at " + e.Location
	}
	if e.Handshake != "" {
		s += " (handshake: " + e.Handshake + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if !e.Next.IsZero() {
		s += fmt.Sprintf(" (next in %v)", e.Next.Sub(e.Time).Round(time.Second))
	}
	return s
}
