package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// pupil is a Client that is bootstrapped: it notes what it is told and answers as a table says.
type pupil struct {
	*rawPeer
	mu      sync.Mutex
	heard   []string
	answers map[string]*coap.Message // by the beginning of what show tells; else success
	links   string                   // answer to Bootstrap-Discover
}

const pupilLinks = `</>;lwm2m=1.1,</0/0>,</1>,</3/0>`

func newPupil(t *testing.T, s *lwm2mtest.Server) *pupil {
	t.Helper()
	p := &pupil{rawPeer: dial(t, s), answers: make(map[string]*coap.Message), links: pupilLinks}
	p.answer = p.reply
	return p
}

func (p *pupil) reply(m *coap.Message) *coap.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := strings.TrimPrefix(show(m), "CON ")
	if !m.Options.Has(coap.UriPath) {
		method, rest, _ := strings.Cut(line, " ")
		line = strings.TrimSpace(method + " / " + rest)
	}
	p.heard = append(p.heard, line)
	for prefix, answer := range p.answers {
		if strings.HasPrefix(line, prefix) {
			copied := *answer // the rawPeer fills in the rest
			copied.Type = coap.Confirmable
			return &copied
		}
	}
	switch m.Code {
	case coap.GET:
		return response(coap.Content, 40, p.links)
	case coap.DELETE:
		return response(coap.Deleted, -1, "")
	}
	return response(coap.Changed, -1, "")
}

// lines are what was heard so far.
func (p *pupil) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

// ask sends a Bootstrap-Request that is to be accepted.
func (p *pupil) ask(query string) {
	p.t.Helper()
	if r := p.do("POST /bs?"+query, -1, ""); r.Code != coap.Changed {
		p.t.Fatalf("Bootstrap-Request %s: %s", query, show(&r))
	}
}

func (p *pupil) expectLines(want ...string) {
	p.t.Helper()
	got := p.lines()
	if !slices.Equal(got, want) {
		p.t.Errorf("the Client was told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func at(path string) model.Path {
	p, err := model.ParsePath(path)
	if err != nil {
		panic(err)
	}
	return p
}

var plainAccount = server.ServerAccount{URI: "coap://s.example", Security: server.NoSec{}}

// bootstrapping is a configuration for the endpoint "a" alone.
func bootstrapping(c server.BootstrapConfig) server.Config {
	return server.Config{Bootstrap: &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"a": c}}}
}

// The sequence of the conformance test: Bootstrap-Write of whole Objects, Bootstrap-Discover, Bootstrap-Finish.
func TestETS0ClientInitiatedBootstrap(t *testing.T) {
	account := plainAccount
	account.ShortServerID, account.SecurityInstance, account.ServerInstance = 1, new(uint16(0)), new(uint16(0))
	config := bootstrapping(server.BootstrapConfig{
		Servers: []server.ServerAccount{account}, Delete: []model.Path{}, WholeObjects: true, Verify: []model.Path{{}},
	})
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := newPupil(t, s)
		p.links = `</>;lwm2m=1.1,</0/0>;ssid=1;uri="coap://s.example",</0/1>,</1/0>;ssid=1,</3/0>`
		p.ask("ep=a&pct=110")
		s.WaitEvent(server.BootstrapFinished, "a")
		p.expectLines(
			`PUT /0 format=110 "[{\"bn\":\"/0/\",\"n\":\"0/0\",\"vs\":\"coap://s.example\"},{\"n\":\"0/1\",\"vb\":false},`+
				`{\"n\":\"0/2\",\"v\":3},{\"n\":\"0/3\",\"vd\":\"\"},{\"n\":\"0/4\",\"vd\":\"\"},{\"n\":\"0/5\",\"vd\":\"\"},{\"n\":\"0/10\",\"v\":1}]"`,
			`PUT /1 format=110 "[{\"bn\":\"/1/\",\"n\":\"0/0\",\"v\":1},{\"n\":\"0/1\",\"v\":86400},{\"n\":\"0/6\",\"vb\":true},{\"n\":\"0/7\",\"vs\":\"U\"}]"`,
			"GET / accept=40",
			"POST /bs",
		)
	})
}

// Where Instances are left open, the free ones are asked for; the account of the Bootstrap-Server stays.
func TestBootstrapInstances(t *testing.T) {
	elsewhere := server.BootstrapServerAccount{URI: "coap://bs.example", Security: server.NoSec{}, HoldOff: 5 * time.Second}
	second := plainAccount
	second.ServerInstance = new(uint16(0))
	for name, test := range map[string]struct {
		config server.BootstrapConfig
		links  string
		want   []string // without payloads
	}{
		"the account is /0/0": {
			server.BootstrapConfig{Servers: []server.ServerAccount{plainAccount}}, pupilLinks,
			[]string{"DELETE /0", "DELETE /1", "GET /", "PUT /0/1", "PUT /1/0", "POST /bs"},
		},
		"the account is /0/1, and LwM2M 1.0": {
			server.BootstrapConfig{Servers: []server.ServerAccount{plainAccount, second}}, `lwm2m="1.0",</0/1>,</3/0>`,
			[]string{"DELETE /0", "DELETE /1", "GET /", "PUT /0/0", "PUT /0/2", "PUT /1/0", "PUT /1/1", "POST /bs"},
		},
		"the account is replaced": {
			server.BootstrapConfig{BootstrapServer: &elsewhere}, `</>;lwm2m=1.1,</0/4>,</0/5>;ssid=1,</3/0>`,
			[]string{"DELETE /0", "DELETE /1", "GET /", "PUT /0/4", "POST /bs"},
		},
		"the account is not told": {
			server.BootstrapConfig{BootstrapServer: &elsewhere}, `</>;lwm2m=1.1,</0>,</3/0>`,
			[]string{"DELETE /0", "DELETE /1", "GET /", "PUT /0/0", "POST /bs"},
		},
		"nothing is deleted": {
			server.BootstrapConfig{Servers: []server.ServerAccount{plainAccount}, Delete: []model.Path{}},
			`</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101,</1/0>;ssid=101`,
			[]string{"GET /", "PUT /0/2", "PUT /1/1", "POST /bs"},
		},
		"access control": {
			server.BootstrapConfig{AccessControls: []server.AccessControl{{Path: at("/3/0")}, {Path: at("/3303")}}}, pupilLinks,
			[]string{"DELETE /0", "DELETE /1", "DELETE /2", "PUT /2/0", "PUT /2/1", "POST /bs"},
		},
		"everything is deleted": {
			server.BootstrapConfig{AccessControls: []server.AccessControl{{Path: at("/3/0")}}, Delete: []model.Path{{}}}, pupilLinks,
			[]string{"DELETE /", "PUT /2/0", "POST /bs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, bootstrapping(test.config), func(t *testing.T, s *lwm2mtest.Server) {
				p := newPupil(t, s)
				p.links = test.links
				p.ask("ep=a")
				s.WaitEvent(server.BootstrapFinished, "a")
				var got []string
				for _, line := range p.lines() {
					words := strings.Fields(line)
					got = append(got, words[0]+" "+words[1])
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("the Client was told %q, want %q", got, test.want)
				}
			})
		})
	}
}

// What is looked at before, further writes, and the events of it all.
func TestBootstrapEvents(t *testing.T) {
	config := bootstrapping(server.BootstrapConfig{
		Discover: []model.Path{at("/1")}, Read: []model.Path{at("/1")}, Delete: []model.Path{at("/5")}, Format: server.SenMLJSON,
		Writes: []server.BootstrapWrite{
			{Path: at("/3/0/15"), Value: model.StringValue("Europe/Berlin")},
			{Path: at("/3303"), Nodes: []server.Node{{Path: at("/3303/1/5701"), Value: model.StringValue("K")}}},
		},
	})
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := newPupil(t, s)
		p.answers["GET /1 accept=110"] = response(coap.Content, 110, `[{"n":"/1/0/1","v":60}]`)
		p.answers["GET /1 accept=40"] = response(coap.NotFound, -1, "no such Object")
		p.ask("ep=a&pct=112&x=y")
		if e := s.WaitEvent(server.BootstrapRequested, "a"); e.Address != p.address() || !slices.Equal(e.Query, []string{"ep=a", "pct=112", "x=y"}) {
			t.Errorf("%+v", e)
		}
		for _, want := range []string{
			"Bootstrap-Discover /1: 4.04 Not Found: no such Object", "Bootstrap-Read /1: 2.05 Content", "Bootstrap-Delete /5: 2.02 Deleted",
			"Bootstrap-Write /3/0/15: 2.04 Changed", "Bootstrap-Write /3303: 2.04 Changed", "Bootstrap-Finish /bs: 2.04 Changed",
		} {
			e := s.WaitEvent(server.BootstrapAnswered, "a")
			if e.String() != "a bootstrap answered: "+want {
				t.Errorf("%v, want %s", e, want)
			}
			if v, ok := e.Step.Response.Value(at("/1/0/1")); e.Step.Operation == "Bootstrap-Read" && (!ok || v.Int() != 60) {
				t.Errorf("read %v", e.Step.Response)
			}
			if isWrite := e.Step.Operation == "Bootstrap-Write"; isWrite != (e.Step.Format == server.SenMLJSON) || isWrite != (e.Step.Size > 0) {
				t.Errorf("%v with %d bytes of %v", e, e.Step.Size, e.Step.Format)
			}
		}
		s.WaitEvent(server.BootstrapFinished, "a")
		p.expectLines("GET /1 accept=40", "GET /1 accept=110", "DELETE /5",
			`PUT /3/0/15 format=110 "[{\"bn\":\"/3/0/15\",\"vs\":\"Europe/Berlin\"}]"`,
			`PUT /3303 format=110 "[{\"bn\":\"/3303/\",\"n\":\"1/5701\",\"vs\":\"K\"}]"`, "POST /bs")
		time.Sleep(5 * time.Minute) // beyond the last repetition of a message
		if peers, timers := s.Peers(), s.Timers(); peers != 0 || timers != 0 {
			t.Errorf("%d peers and %d timers are left", peers, timers)
		}
	})
}

// Formats of Bootstrap-Write: what the configuration says, else what the Client prefers, else TLV.
func TestBootstrapFormat(t *testing.T) {
	for _, test := range []struct {
		configured server.ContentFormat
		query      string
		want       string
	}{
		{server.NoContentFormat, "ep=a", "11542"},
		{server.NoContentFormat, "ep=a&pct=110", "110"},
		{server.NoContentFormat, "ep=a&pct=112", "112"},
		{server.NoContentFormat, "ep=a&pct=11542", "11542"},
		{server.NoContentFormat, "ep=a&pct=11544", "11544"},
		{server.SenMLCBOR, "ep=a&pct=110", "112"},
	} {
		config := bootstrapping(server.BootstrapConfig{
			Format: test.configured, Delete: []model.Path{},
			Writes: []server.BootstrapWrite{{Path: at("/1/0"), Nodes: []server.Node{{Path: at("/1/0/1"), Value: model.IntegerValue(9)}}}},
		})
		bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
			p := newPupil(t, s)
			p.ask(test.query)
			s.WaitEvent(server.BootstrapFinished, "a")
			if got := p.lines()[0]; !strings.HasPrefix(got, "PUT /1/0 format="+test.want+" ") {
				t.Errorf("%s with %s: %s", test.query, test.configured, got)
			}
		})
	}
}

// A refusal, silence and nonsense end the session; nothing follows.
func TestBootstrapFails(t *testing.T) {
	for name, test := range map[string]struct {
		answers map[string]*coap.Message
		want    string
		is      error
	}{
		"Delete is refused": {
			map[string]*coap.Message{"DELETE /1": response(coap.BadRequest, -1, "busy")},
			`server: Bootstrap-Delete /1 of "a": 4.00 Bad Request: busy`, model.BadRequest,
		},
		"Discover is refused": {
			map[string]*coap.Message{"GET / ": response(coap.MethodNotAllowed, -1, "")},
			"which Instances are free is not known", model.MethodNotAllowed,
		},
		"Discover makes no sense": {
			map[string]*coap.Message{"GET / ": response(coap.Content, 40, "</0/0")}, "Bootstrap-Discover /", nil,
		},
		"Write is refused": {
			map[string]*coap.Message{"PUT /1/0": response(coap.UnsupportedContentFormat, -1, "")},
			"Bootstrap-Write /1/0", model.UnsupportedContentFormat,
		},
		"the configuration is inconsistent": {
			map[string]*coap.Message{"POST /bs": response(coap.NotAcceptable, -1, "no server account")},
			`server: Bootstrap-Finish /bs of "a": 4.06 Not Acceptable: no server account`, model.NotAcceptable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := bootstrapping(server.BootstrapConfig{Servers: []server.ServerAccount{plainAccount}})
			bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
				p := newPupil(t, s)
				p.answers = test.answers
				p.ask("ep=a")
				e := s.WaitEvent(server.BootstrapFailed, "a")
				if !strings.Contains(e.Err.Error(), test.want) || test.is != nil && !errors.Is(e.Err, test.is) {
					t.Errorf("failed: %v, want %s", e.Err, test.want)
				}
				var failure *server.OperationError
				if !errors.As(e.Err, &failure) || failure.Endpoint != "a" {
					t.Errorf("%#v", e.Err)
				}
				before := len(p.lines())
				p.silent(5 * time.Minute)
				if n := len(p.lines()); n != before {
					t.Errorf("%d messages after the failure", n-before)
				}
				if peers, timers := s.Peers(), s.Timers(); peers != 0 || timers != 0 {
					t.Errorf("%d peers and %d timers are left", peers, timers)
				}
			})
		})
	}
}

func TestBootstrapUnanswered(t *testing.T) {
	bubble(t, bootstrapping(server.BootstrapConfig{}), func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		if r := p.do("POST /bs?ep=a", -1, ""); r.Code != coap.Changed {
			t.Fatal(show(&r))
		}
		start := time.Now()
		e := s.WaitEvent(server.BootstrapFailed, "a")
		if !errors.Is(e.Err, server.ErrTimeout) || time.Since(start) < 45*time.Second {
			t.Errorf("after %v: %v", time.Since(start), e.Err)
		}
	})
}

// What a Bootstrap-Server refuses begins no session.
func TestBootstrapRefused(t *testing.T) {
	config := bootstrapping(server.BootstrapConfig{Manual: true})
	config.Bootstrap.MaxSessions = 1
	config.Bootstrap.Find = func(_ context.Context, c server.BootstrapClient) (server.BootstrapConfig, error) {
		switch c.Endpoint {
		case "b":
			return server.BootstrapConfig{Manual: true}, nil
		case "invalid":
			return server.BootstrapConfig{Servers: []server.ServerAccount{{URI: "coap://s.example"}}}, nil
		case "code":
			return server.BootstrapConfig{}, fmt.Errorf("table full: %w", model.ServiceUnavailable)
		case "error":
			return server.BootstrapConfig{}, &model.Error{Code: model.Forbidden, Reason: "blocked"}
		case "panic":
			panic("no such table")
		}
		return server.BootstrapConfig{}, errors.New("never heard of it")
	}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		p := dial(t, s)
		for _, test := range []struct{ line, want string }{
			{"POST /bs?ep=nobody", "4.00 never heard of it"},
			{"POST /bs", "4.00 ep, is missing"},
			{"POST /bs?ep=", "4.00 ep has no value"},
			{"POST /bs?ep=a&ep=a", "4.00 twice"},
			{"POST /bs?ep=\xff", "4.00 UTF-8"},
			{"POST /bs?ep=a&pct=x", "4.00 pct=x"},
			{"POST /bs?ep=a&pct=60", "4.15 110, 112"},
			{"POST /bs?ep=a&acc=</0", "4.00 acc"},
			{"POST /bs?ep=a&acc=</0>", "4.00 Object Instance"},
			{"POST /bs?ep=code", "5.03 table full"},
			{"POST /bs?ep=error", "4.03 blocked"},
			{"POST /bs?ep=panic", "5.00 panicked"},
			{"POST /bs?ep=invalid", "5.00 not valid"},
			{"GET /bs?ep=a", "4.05 /bs"},
			{"POST /bspack?ep=a", "4.05 /bspack"},
			{"GET /bspack?ep=a", "5.01 only Bootstrap-Request"},
		} {
			r := p.do(test.line, -1, "")
			got := fmt.Sprintf("%s %s", r.Code, r.Payload)
			code, reason, _ := strings.Cut(test.want, " ")
			if !strings.HasPrefix(got, code) || !strings.Contains(got, reason) {
				t.Errorf("%s: %s, want %s", test.line, got, test.want)
			}
			var refusal *model.Error
			if e := s.WaitEvent(server.Refused, ""); !errors.As(e.Err, &refusal) || coap.Code(refusal.Code) != r.Code {
				t.Errorf("event %v of an answer %s", e, r.Code)
			}
		}
		m := p.request("POST /bs?ep=a", -1, "")
		m.Type = coap.NonConfirmable
		p.send(m)
		if r := p.receive(); r.Code != coap.BadRequest {
			t.Errorf("not confirmable: %s", show(&r))
		}
		if r := p.do("POST /bs?ep=a", -1, ""); r.Code != coap.Changed {
			t.Errorf("%s", show(&r))
		}
		if r := dial(t, s).do("POST /bs?ep=b", -1, ""); r.Code != coap.ServiceUnavailable {
			t.Errorf("beyond MaxSessions: %s", show(&r))
		}
		if r := p.do("POST /bs?ep=b", -1, ""); r.Code != coap.Changed {
			t.Errorf("under another name: %s", show(&r))
		}
		if e := s.WaitEvent(server.BootstrapFailed, "a"); !strings.Contains(e.Err.Error(), "anew") {
			t.Errorf("%v", e)
		}
	})
	bubble(t, server.Config{}, func(t *testing.T, s *lwm2mtest.Server) {
		for _, line := range []string{"POST /bs?ep=a", "GET /bspack?ep=a"} {
			if r := dial(t, s).do(line, -1, ""); r.Code != coap.NotFound {
				t.Errorf("%s where there is no Bootstrap-Server: %s", line, show(&r))
			}
		}
	})
}

// The answer may be another one, or lost, whatever becomes of the session.
func TestBootstrapIntercepted(t *testing.T) {
	var verdict server.Verdict
	config := bootstrapping(server.BootstrapConfig{})
	asked := 0
	config.Bootstrap.Find = func(context.Context, server.BootstrapClient) (server.BootstrapConfig, error) {
		asked++
		return server.BootstrapConfig{}, nil
	}
	config.Intercept = func(_ context.Context, r server.Intercepted) server.Verdict {
		if r.Kind != server.BootstrapRequest || r.Endpoint == "" {
			return server.Verdict{Code: model.InternalServerError}
		}
		return verdict
	}
	bubble(t, config, func(t *testing.T, s *lwm2mtest.Server) {
		verdict = server.Verdict{Code: model.ServiceUnavailable}
		if r := dial(t, s).do("POST /bs?ep=b", -1, ""); r.Code != coap.ServiceUnavailable || asked != 0 {
			t.Errorf("%s, asked %d times", show(&r), asked)
		}
		verdict = server.Verdict{}
		newPupil(t, s).ask("ep=b")
		s.WaitEvent(server.BootstrapFinished, "b")
		verdict = server.Verdict{Silent: true, CarryOut: true}
		p := newPupil(t, s)
		p.send(p.request("POST /bs?ep=a", -1, ""))
		s.WaitEvent(server.BootstrapFinished, "a")
		synctest.Wait()
		if len(p.inbox) != 0 || asked != 1 {
			t.Errorf("the answer was not lost; asked %d times", asked)
		}
	})
}
