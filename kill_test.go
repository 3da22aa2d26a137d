package lwm2m_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

// killedEnv has the test binary be the device of TestKilledAtAnyInstant: the folder of its state and the URI of its server.
const killedEnv = "LWM2M_KILLED_DEVICE"

// runKilledDevice is a device that lives until its standard input ends, or until it is killed.
func runKilledDevice(what string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	part := strings.Split(what, "|")
	state, err := store.Open(part[0])
	if err != nil {
		return err
	}
	client, err := lwm2m.NewClient(killedConfig(part[1], part[2] == "true", state))
	if err != nil {
		return err
	}
	if part[3] == "true" {
		go func() {
			for errors.Is(client.Bootstrap(ctx), lwm2m.ErrClosed) && ctx.Err() == nil { // it does not run yet
				runtime.Gosched()
			}
		}()
	}
	return errors.Join(client.Run(ctx), state.Close())
}

func killedConfig(uri string, bootstrap bool, state lwm2m.Store) lwm2m.Config {
	temp := ipso.NewTemperature(0)
	temp.SensorValue.KeepHistory(10)
	_ = temp.SensorValue.Set(22.5) // a sensor has a value
	return lwm2m.Config{
		Endpoint: "killed", Store: state, Objects: []lwm2m.ObjectInstance{temp},
		Servers: []lwm2m.ServerAccount{{URI: uri, Security: lwm2m.NoSec{}, Bootstrap: bootstrap}},
	}
}

// mortal is a device that is killed again and again, as the test sees it.
type mortal struct {
	*testing.T
	folder    string
	uri       string // of the account that it comes with
	bootstrap bool   // that is the account of a Bootstrap-Server
	again     bool   // it asks that for a bootstrap whenever it starts
	server    *lwm2mtest.Server
	isReady   func()                     // waits until there is something worth killing
	change    func(ctx context.Context)  // has something to do with the device until ctx ends, or until it is to be killed
	check     func(client *lwm2m.Client) // what it has left
	command   *exec.Cmd
	output    bytes.Buffer
}

func (m *mortal) start() {
	m.server.Forget("killed")
	m.command = exec.Command(os.Args[0])
	m.command.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%v|%v", killedEnv, m.folder, m.uri, m.bootstrap, m.again))
	m.output.Reset()
	m.command.Stdout, m.command.Stderr = &m.output, &m.output
	if _, err := m.command.StdinPipe(); err != nil { // ends with this process at the latest
		m.Fatal(err)
	}
	must(m, m.command.Start())
}

func (m *mortal) kill() {
	m.Helper()
	must(m, m.command.Process.Kill())
	_ = m.command.Wait()
	if m.output.Len() > 0 {
		m.Fatalf("the device says: %s", &m.output)
	}
	state, err := store.Open(m.folder)
	must(m, err)
	defer func() { must(m, state.Close()) }()
	files, err := filepath.Glob(filepath.Join(m.folder, "*.new"))
	if err != nil || len(files) > 0 {
		m.Errorf("left: %q, %v", files, err)
	}
	client, err := lwm2m.NewClient(killedConfig(m.uri, m.bootstrap, state))
	must(m, err)
	m.check(client)
}

// liveAndDie kills the device a hundred times, or until the time is over, and returns how often it was.
func (m *mortal) liveAndDie() (lives int) {
	m.Helper()
	kills, began := 100, time.Now()
	if testing.Short() {
		kills = 10
	}
	m.start()
	m.isReady()
	life := 2*time.Since(began) + 30*time.Millisecond
	m.kill()
	random := rand.New(rand.NewPCG(4, 9))
	for ; lives < kills && time.Since(began) < 25*time.Second; lives++ {
		m.start()
		age := time.Duration(random.Int64N(int64(life)))
		ctx, cancel := context.WithTimeout(m.Context(), age)
		m.change(ctx)
		cancel()
		m.kill()
		if m.Failed() {
			m.Fatalf("killed for the %d. time, after %v", lives+1, age)
		}
	}
	m.again = false
	m.start() // in the end it registers all the same
	m.server.WaitRegistered("killed")
	m.kill()
	m.Logf("%d lives of up to %v", lives, life)
	return lives
}

// kept is state that a server writes: numbers that grow.
type kept struct{ lifetime, pmin int }

// TestKilledAtAnyInstant kills a device at random instants while it starts, registers and is written to. It has always the last
// state that it has acknowledged, leaves nothing behind, and registers again.
func TestKilledAtAnyInstant(t *testing.T) {
	s := lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})
	serial, acknowledged := 0, kept{lifetime: 86400}
	asked := acknowledged // for the last that may be in force
	m := &mortal{T: t, folder: filepath.Join(t.TempDir(), "state"), uri: s.URI(), server: s}
	m.isReady = func() { s.WaitRegistered("killed") }
	m.change = func(ctx context.Context) { // one thing after the other
		device, err := s.Server.WaitRegistered(ctx, "killed")
		for err == nil {
			serial++
			asked = acknowledged
			var r server.Request
			if serial%2 == 0 {
				asked.lifetime = 1000 + serial
				r = put("/1/0/1", text, fmt.Sprint(asked.lifetime))
			} else {
				asked.pmin = serial
				r = attributes("/3303/0", fmt.Sprintf("pmin=%d", serial))
			}
			var answer *server.Response
			if answer, err = device.Do(ctx, r); err == nil {
				err = answer.Err()
			}
			if err == nil {
				acknowledged = asked
			}
		}
	}
	m.check = func(client *lwm2m.Client) {
		lifetime, err := client.Get(path("/1/0/1"))
		must(t, err)
		pmin, _ := client.Attributes(1, path("/3303/0")).Get(model.MinPeriod)
		got := kept{int(lifetime.Int()), int(pmin)}
		if got != acknowledged && got != asked {
			t.Errorf("the device has %+v; it has acknowledged %+v and may have %+v", got, acknowledged, asked)
		}
		acknowledged, asked = got, got
	}
	if lives := m.liveAndDie(); serial < lives/2 {
		t.Errorf("only %d changes in %d lives", serial, lives)
	}
}
