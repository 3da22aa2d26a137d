package shell_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/shell"
)

// newShell makes a shell of a device that writes to out.
func newShell(t testing.TB, config shell.DeviceConfig, out io.Writer) (*shell.Shell, *shell.Device) {
	t.Helper()
	device, err := shell.NewDevice(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close(context.Background()) })
	return shell.New(shell.Config{Device: device, Out: out}), device
}

// Garbage of any kind is told of, and what follows is run.
func TestSourceOfGarbage(t *testing.T) {
	var out bytes.Buffer
	sh, _ := newShell(t, shell.DeviceConfig{}, &out)
	input := "\x00\x01\x02\xff\n" + strings.Repeat("x", 1<<20) + "\n\x1b[A\n'open\nread 3/0/0 -s\nread 3/0/1 -s"
	err := sh.Source(t.Context(), strings.NewReader(input))
	want := `the line is not UTF-8 text and was not run
the line is longer than 65536 bytes and was not run
the line has control characters and was not run
the line has a quote ' that is not closed, and was not run
lwm2m-go
lwm2m shell
`
	if out.String() != want {
		t.Errorf("got\n%.500s\nwant\n%s", out.String(), want)
	}
	if own, ok := errors.AsType[*shell.Error](err); !ok || !own.IsUsage() {
		t.Errorf("the outcome is %v", err)
	}
}

// A line without end takes no more memory than a long one.
func TestSourceOfEndlessLine(t *testing.T) {
	var out bytes.Buffer
	sh, _ := newShell(t, shell.DeviceConfig{}, &out)
	endless := io.LimitReader(xs{}, 64<<20)
	if err := sh.Source(t.Context(), endless); err == nil || !strings.Contains(out.String(), "longer than") {
		t.Errorf("%v: %.100s", err, out.String())
	}
}

type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (broken) Read([]byte) (int, error)  { return 0, io.ErrUnexpectedEOF }

// Where nobody reads any more, a shell ends; where reading fails, it says so.
func TestBrokenPipes(t *testing.T) {
	sh, _ := newShell(t, shell.DeviceConfig{}, broken{})
	err := sh.Source(t.Context(), strings.NewReader(strings.Repeat("read 3/0/0 -s\n", 1000)))
	if err == nil || err.Error() != "writing: io: read/write on closed pipe" || !sh.Ended() {
		t.Errorf("%v, ended: %v", err, sh.Ended())
	}
	var out bytes.Buffer
	sh, _ = newShell(t, shell.DeviceConfig{}, &out)
	if err := sh.Source(t.Context(), broken{}); err == nil || out.String() != "reading: unexpected EOF\n" {
		t.Errorf("%v: %q", err, out.String())
	}
}

// Nothing that is typed upsets a shell.
func FuzzShell(f *testing.F) {
	for _, seed := range []string{
		"write 3/0/15 x; read 3/0/15 -s", "create 3303/0; ls", "delete 3/0", "obs; explain; events; status", "attr 3 pmin=1",
		"cache 3/0/13 5", "exec 3/0/12", "lock; write 1/0/1 5; unlock", "help read --json", "send /", "start x", "stop -f",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, slow := range []string{"wait", "start", "reboot", "source", "trace"} { // which take their time, or files
			if strings.Contains(line, slow) {
				return
			}
		}
		sh, _ := newShell(t, shell.DeviceConfig{}, io.Discard)
		_ = sh.Run(t.Context(), line)
		sh.Complete(line)
	})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		sh, _ := newShell(t, shell.DeviceConfig{}, &out)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := sh.Run(ctx, "wait REGISTRATION_COMPLETE; read 3/0/0 -s")
		if own, ok := errors.AsType[*shell.Error](err); !ok || own.Number != 116 || strings.Contains(out.String(), "lwm2m-go") {
			t.Errorf("%v: %s", err, out.String())
		}
	})
}

func TestComplete(t *testing.T) {
	sh, device := newShell(t, shell.DeviceConfig{}, io.Discard)
	if err := device.Create(lwm2m.PathOf(3303, 2)); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"":                         "0 attr cache create delete events exec exit explain help lock ls obs pause read reboot resume retval send source start status stop trace unlock update wait write",
		"re":                       "0 read reboot resume retval",
		"lwm2m re":                 "6 read reboot resume retval",
		"read 3/0/0; wr":           "12 write",
		"read 33":                  "5 3303 3311 3347",
		"read /dev":                "5 /device",
		"read /Device/0/manu":      "5 /Device/0/manufacturer",
		"read /device/0/battery":   "5 /device/0/battery-level /device/0/battery-status",
		"read /3303/":              "5 /3303/2",
		"read 3303/2/57":           "5 3303/2/5700 3303/2/5701 3303/2/5750",
		"read 3/0/6/":              "5 3/0/6/0",
		"read 3/0/0 -cr":           "11 -crc32",
		"read 3/0/0 --":            "11 --json",
		"write 3/0/0 -u":           "12 -u16 -u32 -u64 -u8",
		"wait registration_c":      "5 REGISTRATION_COMPLETE",
		"help st":                  "5 start status stop",
		"trace o":                  "6 off on",
		"send 3/0/0 /device/0/cur": "11 /device/0/current-time",
		"start th":                 "6",
		"nonsense 3":               "9",
		"read x/0/":                "5",
	} {
		start, candidates := sh.Complete(line)
		if got := strings.TrimSpace(fmt.Sprint(start, " ", strings.Join(candidates, " "))); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

// What the device has beyond the usual is the application's.
func TestOwnObjects(t *testing.T) {
	def, _ := model.Embedded().Latest(3442)
	own := lwm2m.NewInstance(def, 0)
	if err := own.Set(110, model.StringValue("mine")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sh, _ := newShell(t, shell.DeviceConfig{Objects: []lwm2m.ObjectInstance{own}}, &out)
	if err := sh.Run(t.Context(), "read 3442/0/110 -s; write 3442/0/110 yours"); err != nil || out.String() != "mine\n" {
		t.Errorf("%v: %q", err, out.String())
	}
	if v, _ := own.Get(110); v.Text() != "yours" {
		t.Errorf("the application sees %v", v)
	}
}

// Everything may be called at any time, from anywhere.
func TestRaces(t *testing.T) {
	srv := lwm2mtest.NewServer(t, lwm2mtest.Options{})
	_, device := newShell(t, shell.DeviceConfig{
		Client: lwm2m.Config{Network: srv.Network}, StopTimeout: 50 * time.Millisecond, OnLog: func(shell.Line) {},
	}, io.Discard)
	setup := shell.New(shell.Config{Device: device, Out: io.Discard})
	if err := setup.Run(t.Context(), "write 0/0/0 "+srv.URI()+"; write 0/0/2 3; write 0/0/10 1; create 1/0; create 3303/0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	done := make(chan struct{})
	scripts := []string{
		"start thermo-1; wait REGISTRATION_COMPLETE 0.1; stop", "start thermo-1; stop -f", "reboot", "pause; resume",
		"write 3303/0/5700 1; write 3303/0/5700 2; read 3303/0/5700", "lock; write 3303/0/5700 3; unlock",
		"ls; status; obs; events; explain", "create 3303/1; delete 3303/1", "exec 3303/0/5605; exec 1/0/8; attr 3303 pmin=1",
	}
	for _, script := range scripts {
		sh := shell.New(shell.Config{Device: device, Out: io.Discard})
		go func() {
			for ctx.Err() == nil {
				_ = sh.Run(ctx, script)
			}
			done <- struct{}{}
		}()
	}
	for range scripts {
		<-done
	}
	_ = setup.Run(t.Context(), "stop")
	var out bytes.Buffer
	last := shell.New(shell.Config{Device: device, Out: &out})
	if err := last.Run(t.Context(), "read 3/0/0 -s; ls 0/0/10; ls 1/0/0"); err != nil {
		t.Errorf("the device is no longer whole: %v", err)
	}
}

// The lines of an embedded device come with any client whose Logger has them, beside its own log.
func TestLogHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := lwm2mtest.NewServer(t, lwm2mtest.Options{})
		var mu sync.Mutex
		var lines []string
		say := func(l shell.Line) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, l.Text)
		}
		var log bytes.Buffer
		next := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})
		client, err := lwm2m.NewClient(lwm2m.Config{
			Endpoint: "thermo-1", Network: srv.Network, Servers: []lwm2m.ServerAccount{{URI: srv.URI(), Security: lwm2m.NoSec{}}},
			Logger: slog.New(shell.NewLogHandler(say, func(ssid uint16) uint16 { return ssid + 6 }, next)).WithGroup("lwm2m"),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- client.Run(ctx) }()
		srv.WaitRegistered("thermo-1")
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := "Connected, sock id 0|RD Client started with endpoint 'thermo-1' with client lifetime 86400 using server object 7|" +
			"Registration Done (EP='thermo-1')|Registration complete|Deregister from 'thermo-1'|Client De-register|Deregistration success|Disconnected"
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("the lines are\n%s\nwant\n%s", got, want)
		}
		if text := log.String(); !strings.Contains(text, "msg=REGISTRATION_COMPLETE lwm2m.endpoint=thermo-1") || strings.Contains(text, "level=DEBUG") {
			t.Errorf("the log is\n%s", text)
		}
	})
}
