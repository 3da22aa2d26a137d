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
	folder, uri, _ := strings.Cut(what, "|")
	state, err := store.Open(folder)
	if err != nil {
		return err
	}
	config := killedConfig(uri, state)
	if bs, ok := strings.CutPrefix(uri, bootstrapping); ok {
		config = killedBootstrapConfig(bs, state)
	}
	client, err := lwm2m.NewClient(config)
	if err != nil {
		return err
	}
	if config.Servers[0].Bootstrap {
		go func() {
			for ctx.Err() == nil {
				_ = client.Bootstrap(ctx) // again and again
			}
		}()
	}
	return errors.Join(client.Run(ctx), state.Close())
}

func killedConfig(uri string, state lwm2m.Store) lwm2m.Config {
	temp := ipso.NewTemperature(0)
	temp.SensorValue.KeepHistory(10)
	_ = temp.SensorValue.Set(22.5) // a sensor has a value
	return lwm2m.Config{
		Endpoint: "killed", Store: state, Objects: []lwm2m.ObjectInstance{temp},
		Servers: []lwm2m.ServerAccount{{URI: uri, Security: lwm2m.NoSec{}}},
	}
}

// mortal is the device, as the test sees it.
type mortal struct {
	*testing.T
	folder  string
	server  *lwm2mtest.Server
	kind    string // of the server: bootstrapping, or "" for one to register with
	command *exec.Cmd
	output  bytes.Buffer

	serial  int     // of the last change that was asked for
	written [2]kept // the last state that was acknowledged, and one that may be
}

// kept is the state that the server writes: numbers that grow.
type kept struct{ lifetime, pmin int }

func (m *mortal) start() {
	m.command = exec.Command(os.Args[0])
	m.command.Env = append(os.Environ(), killedEnv+"="+m.folder+"|"+m.kind+m.server.URI())
	m.output.Reset()
	m.command.Stdout, m.command.Stderr = &m.output, &m.output
	if _, err := m.command.StdinPipe(); err != nil { // ends with this process at the latest
		m.Fatal(err)
	}
	must(m, m.command.Start())
}

func (m *mortal) kill() {
	must(m, m.command.Process.Kill())
	_ = m.command.Wait()
	if m.output.Len() > 0 {
		m.Fatalf("the device says: %s", &m.output)
	}
}

// change writes one thing after the other, until the device is killed.
func (m *mortal) change(ctx context.Context) {
	device, err := m.server.Server.WaitRegistered(ctx, "killed")
	for err == nil {
		m.serial++
		next := m.written[0]
		var r server.Request
		if m.serial%2 == 0 {
			next.lifetime = 1000 + m.serial
			r = put("/1/0/1", text, fmt.Sprint(next.lifetime))
		} else {
			next.pmin = m.serial
			r = attributes("/3303/0", fmt.Sprintf("pmin=%d", m.serial))
		}
		m.written[1] = next
		var answer *server.Response
		if answer, err = device.Do(ctx, r); err == nil {
			err = answer.Err()
		}
		if err == nil {
			m.written[0] = next
		}
	}
}

// check looks at what the device has left.
func (m *mortal) check() {
	m.Helper()
	state, err := store.Open(m.folder)
	must(m, err)
	files, err := filepath.Glob(filepath.Join(m.folder, "*.new"))
	if err != nil || len(files) > 0 {
		m.Errorf("left: %q, %v", files, err)
	}
	defer func() { must(m, state.Close()) }()
	client, err := lwm2m.NewClient(killedConfig("coap://192.0.2.1", state))
	must(m, err)
	lifetime, err := client.Get(path("/1/0/1"))
	must(m, err)
	pmin, _ := client.Attributes(1, path("/3303/0")).Get(model.MinPeriod)
	got := kept{int(lifetime.Int()), int(pmin)}
	if got != m.written[0] && got != m.written[1] {
		m.Errorf("the device has %+v; it has acknowledged %+v and may have %+v", got, m.written[0], m.written[1])
	}
	m.written = [2]kept{got, got}
}

// TestKilledAtAnyInstant kills a device at random instants while it starts, registers and is written to. It has always the last
// state that it has acknowledged, leaves nothing behind, and registers again.
func TestKilledAtAnyInstant(t *testing.T) {
	kills := 200
	if testing.Short() {
		kills = 20
	}
	m := &mortal{T: t, folder: filepath.Join(t.TempDir(), "state"), server: lwm2mtest.NewServer(t, lwm2mtest.Options{UDP: true})}
	m.written[0] = kept{lifetime: 86400}
	m.written[1] = m.written[0]
	began := time.Now()
	m.start()
	m.server.WaitRegistered("killed")
	life := 2*time.Since(began) + 50*time.Millisecond
	m.kill()
	m.check()
	random := rand.New(rand.NewPCG(4, 9))
	n := 0
	for ; n < kills && time.Since(began) < 40*time.Second; n++ {
		m.server.Forget("killed")
		m.start()
		age := time.Duration(random.Int64N(int64(life)))
		ctx, cancel := context.WithTimeout(t.Context(), age)
		m.change(ctx)
		<-ctx.Done()
		cancel()
		m.kill()
		m.check()
		if t.Failed() {
			t.Fatalf("killed for the %d. time, after %v", n+1, age)
		}
	}
	if m.serial < n/2 {
		t.Errorf("only %d changes in %d lives", m.serial, n)
	}
	t.Logf("killed %d times, lives of up to %v, %d changes", n, life, m.serial)
}
