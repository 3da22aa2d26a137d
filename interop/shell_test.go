package interop

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/golden"
	"github.com/lwm2m-go/lwm2m/interop/leshan"
)

// program builds lwm2m.
func program(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "lwm2m")
	if out, err := exec.Command("go", "build", "-o", name, "../cmd/lwm2m").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}

// scripted is a device that lwm2m shell is, driven through a pipe.
type scripted struct {
	*device
	command *exec.Cmd
	stdin   io.WriteCloser
	answers chan string
	log     bytes.Buffer
}

// script starts a shell for a device that has not been started.
func script(d *device) *scripted {
	d.Helper()
	s := &scripted{device: d, answers: make(chan string, 100)}
	s.command = exec.Command(program(d.T), "shell", "--json", "--log-style", "zephyr")
	var err error
	s.stdin, err = s.command.StdinPipe()
	must(d, err)
	stdout, err := s.command.StdoutPipe()
	must(d, err)
	s.command.Stderr = &s.log
	must(d, s.command.Start())
	d.Cleanup(func() { _ = s.command.Process.Kill() })
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			s.answers <- lines.Text()
		}
		close(s.answers)
	}()
	return s
}

// does runs commands, and checks that the answer to the last one matches.
func (s *scripted) does(commands, want string) {
	s.Helper()
	for _, command := range strings.Split(commands, "\n") {
		_, err := io.WriteString(s.stdin, command+"\n")
		must(s, err)
		select {
		case answer := <-s.answers:
			if strings.Contains(answer, `"error"`) || !regexp.MustCompile(want).MatchString(answer) {
				s.Fatalf("%s: %s, want %s", command, answer, want)
			}
		case <-time.After(20 * time.Second):
			s.Fatalf("%s: no answer", command)
		}
	}
}

// ends ends the input, and compares the log with a file of testdata.
func (s *scripted) ends(file string) {
	s.Helper()
	must(s, s.stdin.Close())
	for range s.answers { // until all is read
	}
	if err := s.command.Wait(); err != nil {
		s.Error(err)
	}
	log := regexp.MustCompile(`(?m)^\[[0-9:.,]+\] `).ReplaceAllString(s.log.String(), "")
	log = strings.ReplaceAll(log, s.ep, "NAME")
	golden.Compare(s.T, filepath.Join("testdata", file), []byte(log))
}

// manages goes through what a device does once it is registered; each step is seen at the server.
func (s *scripted) manages() {
	s.Helper()
	s.event(leshan.Registered)
	s.does("update", `^{"command":"update"}$`)
	s.event(leshan.Updated)
	s.does("write 3/0/0 -s Acme", `"value":"Acme"`)
	s.reads("/3/0/0", leshan.TEXT, leshan.Single(0, leshan.String, "Acme"))
	s.write("2.04", "/3/0/15", leshan.Replace, leshan.TEXT, leshan.Single(15, leshan.String, "Europe/Berlin"))
	s.does("read 3/0/15 -s", `"value":"Europe/Berlin"`)
	s.does("create 3303/0", `"path":"/3303/0"`)
	s.updatedInstances(3303, 0)
	s.does("wait REG_UPDATE_COMPLETE 5", `"event":"REG_UPDATE_COMPLETE"`)
	s.does("write 1/0/23 -b 0\ncache 3303/0/5700 10\nwrite 3303/0/5700 -f 21.5\nwrite 3303/0/5700 -f 22.5", `"path"`)
	s.does("send 3303/0/5700", `"status":0`)
	sent := s.event(leshan.Sent).Notification
	if got := samples(sent, time.Time{}); !strings.Contains(got, "=21.5@") || !strings.Contains(got, "=22.5@") {
		s.Errorf("sent %s", got)
	}
	s.does("pause\nresume\nwait REG_UPDATE_COMPLETE 10", `"command"`)
	s.event(leshan.Updated)
	s.does("stop", `^{"command":"stop"}$`)
	s.event(leshan.Deregistered)
}

// The words of a session that is typed by hand, against a server without security.
func TestShellSession(t *testing.T) {
	t.Parallel()
	leshan.Require(t, errOfShared)
	d := newDevice(t, shared)
	d.events = shared.MustEvents(t, d.ep)
	s := script(d)
	s.does("write 0/0/0 -s coap://"+shared.CoAP+`
write 0/0/1 -b 0
write 0/0/2 -u8 3
create 1/0
write 0/0/10 -u16 1
write 1/0/0 -u16 1
write 1/0/1 -u32 86400`, `"path"`)
	s.does("start "+d.ep+" -b 0", `^{"command":"start"}$`)
	s.does("wait REGISTRATION_COMPLETE 20", `"event":"REGISTRATION_COMPLETE"`)
	s.manages()
	s.ends("shell_session.log")
}

// The same through a Bootstrap-Server, with keys.
func TestShellBootstrap(t *testing.T) {
	t.Parallel()
	n := newNovice(t, byKey)
	n.configure(standard(n.account()))
	s := script(n.device)
	s.does("write 0/0/0 coaps://"+n.bs.CoAPS+`
write 0/0/1 -b 1
write 0/0/2 -u8 0
write 0/0/3 `+n.ep+`
write 0/0/5 -x `+hex.EncodeToString(key), `"path"`)
	s.does("start "+n.ep+" -b 1", `^{"command":"start"}$`)
	s.does("wait BOOTSTRAP_TRANSFER_COMPLETE 20\nwait REGISTRATION_COMPLETE 20", `"event":"(BOOT|REG)`)
	n.session("WRITE /0/1: 2.04", "WRITE /1/0: 2.04", "FINISH: 2.04")
	s.manages()
	s.ends("shell_bootstrap.log")
}
