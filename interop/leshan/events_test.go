package leshan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// eventServer sends what arrives on the channel as it is, and ends with it.
func eventServer(t *testing.T) (*Server, chan<- string) {
	t.Helper()
	frames := make(chan string)
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		for {
			w.(http.Flusher).Flush()
			select {
			case frame, ok := <-frames:
				if !ok {
					return
				}
				_, _ = io.WriteString(w, frame)
			case <-r.Context().Done():
				return
			}
		}
	}
	web := httptest.NewServer(http.HandlerFunc(handler))
	t.Cleanup(web.Close)
	return &Server{process: &process{api: web.URL, http: web.Client()}}, frames
}

func awake(ep string) string {
	return fmt.Sprintf("event: AWAKE\r\ndata: {\"ep\":%q}\r\n\r\n", ep)
}

func TestWaitMissesNothing(t *testing.T) {
	server, frames := eventServer(t)
	events, ctx := server.MustEvents(t, ""), testContext(t)
	frames <- "\r\n" // a heartbeat
	frames <- awake("a") + awake("b")
	frames <- awake("a") + "event: SLEEPING\r\ndata: {\"ep\":"
	frames <- "\"a\"}\r\n\r\n"
	isB := func(e Event) bool { return e.Endpoint == "b" }
	for _, step := range []struct {
		kind  EventKind
		match func(Event) bool
		ep    string
	}{{Sleeping, nil, "a"}, {Awake, isB, "b"}, {Awake, nil, "a"}, {Awake, nil, "a"}} {
		got, err := events.Wait(ctx, step.kind, step.match)
		if err != nil || got.Endpoint != step.ep {
			t.Fatalf("Wait(%s) = %+v, %v, want %s", step.kind, got, err, step.ep)
		}
	}
	if n := len(events.All()); n != 4 {
		t.Errorf("All() has %d events, want 4", n)
	}
}

func TestWaitForWhatIsStillToCome(t *testing.T) {
	server, frames := eventServer(t)
	events := server.MustEvents(t, "")
	got := make(chan Event)
	go func() {
		event, _ := events.Wait(context.Background(), Awake, func(e Event) bool { return e.Endpoint == "late" })
		got <- event
	}()
	frames <- awake("early")
	frames <- awake("late")
	if event := <-got; event.Endpoint != "late" {
		t.Errorf("Wait() = %+v", event)
	}
}

func TestWaitEnds(t *testing.T) {
	server, frames := eventServer(t)
	events := server.MustEvents(t, "")
	frames <- awake("a")
	if _, err := events.Wait(testContext(t), Awake, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := events.Wait(ctx, Awake, nil); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "came: AWAKE") {
		t.Errorf("Wait with a cancelled context: %v", err)
	}
	close(frames)
	if _, err := events.Wait(testContext(t), Awake, nil); !errors.Is(err, io.EOF) {
		t.Errorf("Wait after the stream's end: %v", err)
	}
}

func TestStreamEndsOnWhatItCannotRead(t *testing.T) {
	for _, frame := range []string{
		"event: AWAKE\ndata: {\n\n",
		"event: REGISTRATION\ndata: []\n\n",
		"event: NOTIFICATION\ndata: {\"ep\":\"a\",\"val\":5}\n\n",
		"event: SEND\ndata: {\"ep\":\"a\",\"timestamped\":[{\"val\":5}]}\n\n",
		"event: COAPLOG\ndata: {\"payload\":\"Hex:x\"}\n\n",
		"event: COAPLOG\ndata: {\"raw\":\"x\"}\n\n",
		"event: UPDATED\ndata: {}\n\n",
	} {
		server, frames := eventServer(t)
		events := server.MustEvents(t, "")
		frames <- frame
		if _, err := events.Wait(testContext(t), "ANYTHING", nil); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q: %v", frame, err)
		}
	}
}
