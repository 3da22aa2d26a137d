package shell_test

import (
	"bytes"
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/shell"
	"github.com/lwm2m-go/lwm2m/store"
)

// kept is a device with a Store, and a server.
type kept struct {
	*testing.T
	server  *lwm2mtest.Server
	store   lwm2m.Store
	sent    []server.Node
	device  *shell.Device
	shell   *shell.Shell
	answers bytes.Buffer
}

// process begins as a process does: with the accounts of the factory.
func (k *kept) process() {
	k.Helper()
	if k.device != nil {
		k.device.Close(k.Context())
	}
	k.shell, k.device = newShell(k, shell.DeviceConfig{Client: lwm2m.Config{Network: k.server.Network, Store: k.store}}, &k.answers)
	k.does("write 0/0/0 "+k.server.URI()+"; write 0/0/2 3; write 0/0/10 1; create 1/0; create 3303/0; cache 3303/0/5700 10", "")
}

// does runs commands and checks what they answer.
func (k *kept) does(commands, want string) {
	k.Helper()
	k.answers.Reset()
	if err := k.shell.Run(k.Context(), commands); err != nil {
		k.Fatalf("%s: %v", commands, err)
	}
	synctest.Wait()
	if got := strings.TrimSpace(k.answers.String()); got != want {
		k.Errorf("%s: %s, want %s", commands, got, want)
	}
}

func (k *kept) starts() {
	k.Helper()
	k.does("start thermo-1", "")
	k.server.WaitRegistered("thermo-1")
	synctest.Wait()
}

// writes has the server write an integer, or with a query attach attributes.
func (k *kept) writes(p lwm2m.Path, n int64, query string) {
	k.Helper()
	device, err := k.server.Device("thermo-1")
	if err == nil && query != "" {
		_, err = device.WriteAttributesQuery(k.Context(), p, query)
	} else if err == nil {
		_, err = device.Write(k.Context(), p, model.IntegerValue(n), server.WriteOptions{})
	}
	if err != nil {
		k.Fatal(err)
	}
	synctest.Wait()
}

func newKept(t *testing.T, s lwm2m.Store) *kept {
	k := &kept{T: t, store: s}
	k.server = lwm2mtest.NewServer(t, lwm2mtest.Options{Config: server.Config{
		OnEvent: func(e server.Event) {
			if e.Kind == server.Sent {
				k.sent = e.Data.Nodes
			}
		},
	}})
	k.process()
	return k
}

// What servers have made of the accounts stands after a stop, a reboot and in the next process; what was written by
// hand, while the device ran or not, too.
func TestStateOverStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKept(t, &store.Memory{})
		k.starts()
		lifetime, leastPeriod := lwm2m.PathOf(1, 0, 1), lwm2m.PathOf(1, 0, 2)
		k.writes(lifetime, 100, "")
		k.does("stop", "")
		k.starts()
		k.does("reboot", "")
		k.server.WaitRegistered("thermo-1")
		synctest.Wait()
		k.does("read 1/0/1 -s", "100")
		k.writes(lwm2m.PathOf(3), 0, "pmin=7") // which saves all that is to be
		k.does("stop; write 1/0/2 5; write 1/0/1 200", "")
		k.starts()
		k.does("read 1/0/1 -s; read 1/0/2 -s; attr 3", "200\n5\nserver 1: pmin=7")
		k.process()
		k.starts()
		k.does("read 1/0/1 -s; read 1/0/2 -s; attr 3", "200\n5\nserver 1: pmin=7")
		k.writes(leastPeriod, 6, "")
		k.does("stop; write 1/0/2 0; write 1/0/1 30", "") // as from the factory
		k.starts()
		k.process()
		k.starts()
		k.does("read 1/0/1 -s; read 1/0/2 -s", "30\n0")
	})
}

// Samples that are kept are sent once, whether the device has been started again or the process.
func TestHistoryOverStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKept(t, &store.Memory{})
		k.starts()
		k.does("write 3303/0/5700 1; write 3303/0/5700 2; stop", "")
		k.starts()
		k.does("write 3303/0/5700 3; stop", "")
		k.process()
		k.starts()
		k.does("send 3303/0/5700", "SEND status: 0")
		if len(k.sent) != 4 { // three, and the value of the new process
			t.Errorf("sent %v", k.sent)
		}
		k.does("stop", "")
		k.starts()
		k.does("write 3303/0/5700 4; write 3303/0/5700 5; send 3303/0/5700", "SEND status: 0")
		if len(k.sent) != 2 {
			t.Errorf("sent %v", k.sent)
		}
	})
}

// A Store that cannot be read is told of at each start.
func TestStateThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := &failingStore{}
		k := newKept(t, failing)
		k.starts()
		k.does("stop", "")
		failing.broken = true
		err := k.shell.Run(t.Context(), "start thermo-1")
		if err == nil || !strings.Contains(err.Error(), fs.ErrPermission.Error()) {
			t.Errorf("it starts: %v", err)
		}
		failing.broken = false
		k.starts()
	})
}

type failingStore struct {
	store.Memory
	broken bool
}

func (s *failingStore) Load(ctx context.Context, key string) ([]byte, error) {
	if s.broken {
		return nil, fs.ErrPermission
	}
	return s.Memory.Load(ctx, key)
}
