package shell_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/shell"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC
	code := m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// A transcript has lines of these kinds:
//
//	# a remark
//	> a line for the shell
//	@ something that happens elsewhere: see world.elsewhere
//
// Other lines are what comes of it: answers of the shell, "! " with failures, "| " with the log of an embedded device, and
// "@ " for what the server sees.
func TestTranscripts(t *testing.T) {
	golden.Play(t, "testdata/transcript/*.txt", func(t *testing.T, transcript string) (now []byte) {
		synctest.Test(t, func(t *testing.T) { now = []byte(play(t, transcript)) })
		return now
	})
}

// world is a device with a shell, and a server.
type world struct {
	t         *testing.T
	server    *lwm2mtest.Server
	bootstrap *lwm2mtest.Server
	device    *shell.Device
	shell     *shell.Shell
	files     map[string]*bytes.Buffer

	mu   sync.Mutex
	code model.Code      // of the answer to whatever devices ask for; 0 for what is due
	text strings.Builder // of the transcript
	log  []string        // of the embedded device
	seen []string        // by the server
}

// play does what a transcript says and returns it as it is now.
func play(t *testing.T, script string) string {
	w := &world{t: t, files: map[string]*bytes.Buffer{}}
	w.server = lwm2mtest.NewServer(t, lwm2mtest.Options{Config: server.Config{Intercept: w.intercept}})
	account := server.ServerAccount{URI: w.server.URI(), Security: server.NoSec{}, AllowSend: true, ShortServerID: 7, Lifetime: 5 * time.Minute}
	w.bootstrap = lwm2mtest.NewBootstrapServer(t, lwm2mtest.Options{Network: w.server.Network, Config: server.Config{
		Credentials: &server.Credentials{PSK: server.Keys(map[string][]byte{"thermo-1": []byte("sesame, open!"), "thermo-2": []byte("x")})},
		Bootstrap:   &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"thermo-1": {Servers: []server.ServerAccount{account}}}},
	}})
	var err error
	w.device, err = shell.NewDevice(shell.DeviceConfig{
		Client: lwm2m.Config{Network: w.server.Network},
		OnLog: func(l shell.Line) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.log = append(w.log, fmt.Sprintf("| %v %s: %s", l.Level, l.Logger, l.Text))
		},
		Firmware: func(_ context.Context, pack []byte) error {
			if string(pack) == "bad" {
				return fmt.Errorf("no space left")
			}
			w.saw("firmware of %d bytes", len(pack))
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.shell = shell.New(shell.Config{Device: w.device, Out: writer{w, ""}, Err: writer{w, "! "}, Open: w.open, Create: w.create})
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "#":
			w.write(line)
		case ">":
			w.write(line)
			_ = w.shell.Run(t.Context(), strings.NewReplacer("BSERVER", w.bootstrap.URI(), "SERVER", w.server.URI()).Replace(rest))
			w.settle()
		case "@":
			if !strings.HasPrefix(rest, "saw ") {
				w.write(line)
				w.elsewhere(strings.Fields(rest))
				w.settle()
			}
		}
	}
	w.device.Close(t.Context())
	if err := w.shell.Close(); err != nil {
		t.Error(err)
	}
	return w.text.String()
}

func (w *world) write(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.WriteString(plain(line) + "\n")
}

// settle lets everything happen that is about to, and writes what was logged and seen.
func (w *world) settle() {
	synctest.Wait()
	w.mu.Lock()
	log, seen := w.log, w.seen
	w.log, w.seen = nil, nil
	w.mu.Unlock()
	slices.Sort(seen) // what comes at once comes in any order
	for _, line := range append(log, seen...) {
		w.write(line)
	}
}

func (w *world) saw(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, "@ saw "+fmt.Sprintf(format, args...))
}

// intercept answers what the transcript wants.
func (w *world) intercept(context.Context, server.Intercepted) server.Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	return server.Verdict{Code: w.code}
}

var random = regexp.MustCompile(`/rd/\w+|\bmid=\d+|\btoken=[0-9a-f]+|198\.51\.100\.1:\d+|198\.51\.100\.2:\d+|\(next in \w+\)|(Update|attempt|Register, as the pause ends) at [0-9:]+, in \w+|"(?:next|time)":"[^"]*"|there are REG.*`)

// plain replaces what is another each time.
func plain(line string) string {
	return random.ReplaceAllStringFunc(line, func(s string) string {
		if name, _, ok := strings.Cut(s, "="); ok && !strings.HasPrefix(s, `"`) {
			return name + "=X"
		}
		switch {
		case strings.HasPrefix(s, "/rd/"):
			return "/rd/X"
		case strings.HasPrefix(s, `"`):
			return s[:len(`"next":`)] + `"X"`
		case strings.Contains(s, "next"):
			return "(next in X)"
		case strings.Contains(s, " at "):
			return strings.Split(s, " at ")[0] + " at X, in X"
		case strings.HasPrefix(s, "there"):
			return "there are ..."
		case strings.HasPrefix(s, "198.51.100.2"):
			return "BSERVER"
		}
		return "SERVER"
	})
}

// writer is an output of the shell.
type writer struct {
	world  *world
	prefix string
}

func (w writer) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		line = w.prefix + strings.TrimSuffix(line, "\n")
		if w.prefix == "" && (line == "" || strings.ContainsAny(line[:1], "#>@|!")) {
			line = "  " + line
		}
		w.world.write(line)
	}
	return len(p), nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func (w *world) create(name string) (io.WriteCloser, error) {
	if strings.Contains(name, "/") {
		return nil, fmt.Errorf("open %s: no such folder", name)
	}
	w.files[name] = &bytes.Buffer{}
	return nopCloser{w.files[name]}, nil
}

func (w *world) open(name string) (io.ReadCloser, error) {
	if f := w.files[name]; f != nil {
		return io.NopCloser(strings.NewReader(f.String())), nil
	}
	return nil, fmt.Errorf("open %s: no such file", name)
}

// elsewhere does what the server, the network or the user of files does.
func (w *world) elsewhere(words []string) {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	switch words[0] {
	case "sleep":
		d, err := time.ParseDuration(words[1])
		w.must(err)
		<-time.After(d)
		return
	case "network":
		states := map[string]lwm2mtest.State{"up": lwm2mtest.Up, "silent": lwm2mtest.Silent, "refusing": lwm2mtest.Refusing}
		w.server.Network.SetState(netip.MustParseAddrPort(lwm2mtest.DefaultAddress), states[words[1]])
		return
	case "file":
		w.files[words[1]] = bytes.NewBufferString(strings.ReplaceAll(strings.Join(words[2:], " "), "|", "\n"))
		return
	case "bootstrap":
		w.saw("done: %v", w.bootstrap.WaitEvent(server.BootstrapFinished, words[1]))
		return
	case "answer":
		codes := map[string]model.Code{"403": model.Forbidden, "404": model.NotFound, "412": model.PreconditionFailed, "400": model.BadRequest, "500": model.InternalServerError, "well": 0}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.code = codes[words[1]]
		return
	case "show":
		for line := range strings.Lines(w.files[words[1]].String()) {
			w.write("@ saw " + strings.TrimSuffix(line, "\n"))
		}
		return
	}
	device, err := w.server.Device("thermo-1")
	w.must(err)
	p, err := model.ParsePath(words[1])
	w.must(err)
	w.request(ctx, device, p, words)
}

// request sends a request of the server.
func (w *world) request(ctx context.Context, device *server.Device, p model.Path, words []string) {
	var r *server.Response
	var err error
	notified := server.ObserveOptions{OnNotify: func(n server.Notification) { w.saw("notified %s", values(&n.Response)) }}
	switch words[0] {
	case "read":
		r, err = device.Read(ctx, p, server.ReadOptions{})
	case "write":
		r, err = device.WritePayload(ctx, p, []byte(strings.Join(words[2:], " ")), server.WriteOptions{Format: server.Text})
	case "push":
		r, err = device.WritePayload(ctx, p, []byte(strings.Join(words[2:], " ")), server.WriteOptions{Format: server.OctetStream})
	case "push-bytes":
		n, failure := strconv.Atoi(words[2])
		w.must(failure)
		r, err = device.WritePayload(ctx, p, bytes.Repeat([]byte("x"), n), server.WriteOptions{Format: server.OctetStream})
	case "execute":
		r, err = device.Execute(ctx, p, strings.Join(words[2:], " "))
	case "create":
		r, err = device.Create(ctx, p, []server.Node{{Path: p.Child(5700), Value: model.FloatValue(7)}}, server.CreateOptions{})
	case "delete":
		r, err = device.Delete(ctx, p)
	case "attributes":
		r, err = device.WriteAttributesQuery(ctx, p, words[2])
	case "observe":
		o, failure := device.Observe(ctx, p, notified)
		w.must(failure)
		r = o.Response
	case "observe-composite":
		other, failure := model.ParsePath(words[2])
		w.must(failure)
		o, failure := device.ObserveComposite(ctx, []model.Path{p, other}, server.CompositeOptions{}, notified)
		w.must(failure)
		r = o.Response
	default:
		w.t.Fatalf("unknown: %v", words)
	}
	w.must(err)
	w.saw("%v %s", r.Code, values(r))
}

func values(r *server.Response) string {
	if !r.Code.IsSuccess() {
		return string(r.Payload)
	}
	var all []string
	for _, n := range r.Nodes {
		all = append(all, fmt.Sprintf("%v=%v", n.Path, n.Value))
	}
	return strings.Join(all, " ")
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
