package leshan

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// EventKind says what happened in the server.
type EventKind string

// The kinds. A comment names the field of Event that a kind fills.
const (
	Registered         EventKind = "REGISTRATION"       // Registration
	Deregistered       EventKind = "DEREGISTRATION"     // Registration; also on expiry and re-registration
	Updated            EventKind = "UPDATED"            // Registration and Update
	Notified           EventKind = "NOTIFICATION"       // Notification
	NotificationFailed EventKind = "NOTIFICATION_ERROR" // Err
	Sent               EventKind = "SEND"               // Notification
	SendFailed         EventKind = "SEND_ERROR"         // Err
	Awake              EventKind = "AWAKE"              // none
	Sleeping           EventKind = "SLEEPING"           // none
	CoAPLog            EventKind = "COAPLOG"            // CoAP
	// Of a bootstrap server: a session has ended, well or not.
	Bootstrapped EventKind = "BOOTSTRAP" // Session
)

// Event is one thing that happened in the server.
type Event struct {
	Kind     EventKind
	Endpoint string

	Registration *Registration
	Update       *RegistrationUpdate
	Notification *Notification
	Session      *BootstrapSession
	CoAP         *Message
	// Err is why a notification or a Send was not understood.
	Err string
	// Data is the event as it came.
	Data json.RawMessage
}

// Notification is the content of a Notify or a Send.
type Notification struct {
	// Path and Content are those of a single observation. A composite one, and a
	// Send, have Composite; Paths are those that were observed.
	Path      string
	Content   *Node
	Paths     []string
	Composite map[string]*Node
	// Samples has all that came if values were timestamped; the fields above have
	// the most recent.
	Samples []Sample
}

// Sample is the values of one moment; Time is zero if there was no timestamp.
type Sample struct {
	Time      time.Time
	Content   *Node
	Composite map[string]*Node
}

// Message is a CoAP message that Leshan received or sent.
type Message struct {
	Time     time.Time // by Leshan's clock, in milliseconds
	Incoming bool
	Address  string // the client's, ip:port
	Type     string // CON, NON, ACK or RST
	Code     string // "0.01", "2.05"
	ID       int
	Token    string // hexadecimal, upper case
	Options  string // as Californium prints them
	Payload  []byte
	// Raw is the datagram, where Leshan keeps it.
	Raw []byte
	// DTLS is the session that protects the message, nil without protection.
	DTLS *DTLS
}

// DTLS is what Leshan knows of a DTLS session.
type DTLS struct {
	CipherSuite string // without TLS_: "PSK_WITH_AES_128_CCM_8"
	// Session is its ID, which stays the same when it is resumed.
	Session string
	// Handshake is when the last handshake was, full or of a resumption, by Leshan's
	// clock in milliseconds.
	Handshake time.Time
	// ConnectionID is the one that the client has to send, "" if none was agreed on.
	ConnectionID string
}

// Stream collects events from the moment it was opened, so that none is missed
// between two waits.
type Stream struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	events  []Event
	used    []bool // by index in events: already returned by Wait
	changed chan struct{}
	err     error
}

// Events opens a stream of one endpoint's events, or of all if ep is empty. It
// ends with ctx or by Close. CoAP messages that came before the client was known
// by its address, the first Register among them, are only in a stream of all.
func (s *process) Events(ctx context.Context, ep string) (*Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	address := s.api + "/event"
	if ep != "" {
		address += "?" + encodeQuery(url.Values{"ep": {ep}})
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("leshan: events: %w", err)
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := s.http.Do(request)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("leshan: events: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		cancel()
		response.Body.Close()
		return nil, &HTTPError{Status: response.StatusCode, Message: "no event stream"}
	}
	stream := &Stream{cancel: cancel, done: make(chan struct{}), changed: make(chan struct{})}
	go stream.read(response.Body)
	return stream, nil
}

// MustEvents is [Server.Events] for the length of a test.
func (s *process) MustEvents(tb testing.TB, ep string) *Stream {
	tb.Helper()
	stream, err := s.Events(context.Background(), ep)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(stream.Close)
	return stream
}

// Close ends the stream and returns when its goroutine has ended.
func (st *Stream) Close() {
	st.cancel()
	<-st.done
}

// All returns the events so far.
func (st *Stream) All() []Event {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.events[:len(st.events):len(st.events)]
}

// Wait returns the first event of a kind that matches and that no Wait has
// returned before, whether it has come already or is still to come. A nil match
// takes any event of the kind.
func (st *Stream) Wait(ctx context.Context, kind EventKind, match func(Event) bool) (Event, error) {
	for next := 0; ; {
		st.mu.Lock()
		for ; next < len(st.events); next++ {
			e := st.events[next]
			if e.Kind == kind && !st.used[next] && (match == nil || match(e)) {
				st.used[next] = true
				st.mu.Unlock()
				return e, nil
			}
		}
		changed, err := st.changed, st.err
		st.mu.Unlock()
		if err != nil {
			return Event{}, fmt.Errorf("leshan: wait for %s: %w; came: %s", kind, err, st.summary())
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Event{}, fmt.Errorf("leshan: wait for %s: %w; came: %s", kind, ctx.Err(), st.summary())
		}
	}
}

func (st *Stream) summary() string {
	var kinds []string
	for _, e := range st.All() {
		name := string(e.Kind)
		if e.CoAP != nil {
			name = fmt.Sprintf("%s %s", e.CoAP.Type, e.CoAP.Code)
		}
		kinds = append(kinds, name)
	}
	if kinds == nil {
		return "nothing"
	}
	return strings.Join(kinds, ", ")
}

func (st *Stream) read(body io.ReadCloser) {
	defer close(st.done)
	defer body.Close()
	lines := bufio.NewReader(body)
	var kind EventKind
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			st.add(nil, err)
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			kind = EventKind(name)
		} else if data, ok := strings.CutPrefix(line, "data: "); ok {
			event, err := decodeEvent(kind, json.RawMessage(data))
			st.add(&event, err)
			if err != nil {
				return
			}
		}
	}
}

// add appends an event or ends the stream with an error.
func (st *Stream) add(event *Event, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if err != nil {
		st.err = err
	} else {
		st.events = append(st.events, *event)
		st.used = append(st.used, false)
	}
	close(st.changed)
	st.changed = make(chan struct{})
}

type eventJSON struct {
	Endpoint     string              `json:"ep"`
	Registration *Registration       `json:"registration"`
	Update       *RegistrationUpdate `json:"update"`
	Path         string              `json:"res"`
	Paths        []string            `json:"paths"`
	Value        json.RawMessage     `json:"val"`
	Samples      []struct {
		Time  *int64          `json:"time"`
		Value json.RawMessage `json:"val"`
	} `json:"timestamped"`
	Error string `json:"error"`
	coapJSON
}

type coapJSON struct {
	Time     int64  `json:"timestamp"`
	Incoming bool   `json:"incoming"`
	Address  string `json:"address"`
	Type     string `json:"type"`
	Code     string `json:"code"`
	ID       int    `json:"mId"`
	Token    string `json:"token"`
	Options  string `json:"options"`
	Payload  string `json:"payload"`
	Raw      string `json:"raw"`
	DTLS     *struct {
		CipherSuite  string `json:"cipher"`
		Session      string `json:"session"`
		Handshake    int64  `json:"handshake"`
		ConnectionID string `json:"connectionId"`
	} `json:"dtls"`
}

func decodeEvent(kind EventKind, data json.RawMessage) (Event, error) {
	event := Event{Kind: kind, Data: data}
	if kind == Registered || kind == Deregistered {
		if err := json.Unmarshal(data, &event.Registration); err != nil {
			return event, fmt.Errorf("leshan: event %s: %w", kind, err)
		}
		event.Endpoint = event.Registration.Endpoint
		return event, nil
	}
	var in eventJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return event, fmt.Errorf("leshan: event %s: %w", kind, err)
	}
	event.Endpoint, event.Err = in.Endpoint, in.Error
	var err error
	switch kind {
	case Updated:
		if in.Registration == nil {
			return event, fmt.Errorf("leshan: event %s has no registration", kind)
		}
		event.Registration, event.Update = in.Registration, in.Update
		event.Endpoint = in.Registration.Endpoint
	case Notified, Sent:
		event.Notification, err = in.notification()
	case Bootstrapped:
		event.Session, err = decodeSession(data)
	case CoAPLog:
		event.CoAP, err = in.message()
	}
	if err != nil {
		return event, fmt.Errorf("leshan: event %s: %w", kind, err)
	}
	return event, nil
}

func (in eventJSON) notification() (*Notification, error) {
	out := &Notification{Path: in.Path, Paths: in.Paths}
	var err error
	if out.Content, out.Composite, err = decodeContent(in.Value); err != nil {
		return nil, err
	}
	for _, s := range in.Samples {
		sample := Sample{}
		if s.Time != nil {
			sample.Time = time.UnixMilli(*s.Time).UTC()
		}
		if sample.Content, sample.Composite, err = decodeContent(s.Value); err != nil {
			return nil, err
		}
		out.Samples = append(out.Samples, sample)
	}
	return out, nil
}

func (in coapJSON) message() (*Message, error) {
	out := &Message{
		Time: time.UnixMilli(in.Time), Incoming: in.Incoming, Address: in.Address, Type: in.Type, Code: in.Code,
		ID: in.ID, Token: in.Token, Options: in.Options, Payload: []byte(in.Payload),
	}
	var err error
	if digits, ok := strings.CutPrefix(in.Payload, "Hex:"); ok {
		if out.Payload, err = hex.DecodeString(digits); err != nil {
			return nil, fmt.Errorf("payload: %w", err)
		}
	}
	if out.Raw, err = hex.DecodeString(in.Raw); err != nil {
		return nil, fmt.Errorf("raw: %w", err)
	}
	if d := in.DTLS; d != nil {
		out.DTLS = &DTLS{
			CipherSuite: d.CipherSuite, Session: d.Session, Handshake: time.UnixMilli(d.Handshake), ConnectionID: d.ConnectionID,
		}
	}
	return out, nil
}
