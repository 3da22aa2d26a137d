package walls

import (
	"os"
	"slices"
	"sync"
	"testing"
)

const modulePath = "github.com/lwm2m-go/lwm2m"

// plan says which package may import which. ARCHITECTURE.md says why.
var plan = Rooms{
	Rooms: []Room{
		{Dir: "", May: []string{"model", "internal/coap", "internal/credentials", "internal/format", "internal/link", "internal/linkformat",
			"internal/bootstrap", "internal/history", "internal/loop", "internal/objectlinks", "internal/observe", "internal/registration",
			"internal/state", "internal/tree"}},
		{Dir: "model"},
		{Dir: "oma", May: []string{"", "model", "internal/handles"}},
		{Dir: "ipso", May: []string{"", "model", "internal/handles"}},
		{Dir: "server", May: []string{"model", "internal/coap", "internal/credentials", "internal/format", "internal/link", "internal/linkformat",
			"internal/loop", "internal/objectlinks"}},
		{Dir: "shell", May: []string{"", "model", "internal/coap", "internal/format", "internal/state"}},
		{Dir: "store", Outside: []string{"golang.org/x/sys"}},
		{Dir: "lwm2mtest", May: []string{"", "model", "server", "internal/credentials", "internal/link"}},

		{Dir: "internal/coap"},
		{Dir: "internal/tlv"},
		{Dir: "internal/cbor"},
		{Dir: "internal/senml", May: []string{"internal/cbor"}},
		{Dir: "internal/linkformat"},
		{Dir: "internal/format", May: []string{"model", "internal/tlv", "internal/cbor", "internal/senml", "internal/linkformat"}},
		{Dir: "internal/tree", May: []string{"model", "internal/format"}},
		{Dir: "internal/history", May: []string{"model"}},
		{Dir: "internal/observe", May: []string{"model", "internal/format"}},
		{Dir: "internal/registration", May: []string{"model", "internal/format"}},
		{Dir: "internal/bootstrap", May: []string{"model"}},
		{Dir: "internal/objectlinks", May: []string{"model", "internal/linkformat"}},
		{Dir: "internal/state", May: []string{"model", "internal/cbor", "internal/format"}},
		{Dir: "internal/loop"},
		{Dir: "internal/credentials"},
		{Dir: "internal/link", May: []string{"internal/credentials"},
			Outside: []string{"golang.org/x/sys", "github.com/pion/dtls/v3", "github.com/pion/logging", "github.com/pion/transport/v5"}},

		{Dir: "internal/bench", May: []string{"", "model", "oma", "ipso", "server", "lwm2mtest", "internal/*"},
			Outside: []string{"golang.org/x/sys"}},
		{Dir: "internal/golden"},
		{Dir: "internal/handles", May: []string{"", "model"}},
		{Dir: "internal/walls"},
		{Dir: "internal/tools/..."},

		// YAML for people's files stays in the program. The library has no dependencies of its own.
		{Dir: "cmd/lwm2m/internal/devicefile", May: []string{"", "model", "internal/credentials", "internal/link"},
			Outside: []string{"github.com/goccy/go-yaml"}},
		{Dir: "cmd/...", May: []string{"", "model", "oma", "ipso", "server", "shell", "lwm2mtest", "store", "cmd/...", "internal/*"},
			Outside: []string{"github.com/spf13/cobra", "golang.org/x/sys", "golang.org/x/term"}},
		{Dir: "interop/...", May: []string{"", "model", "oma", "ipso", "server", "lwm2mtest", "store", "interop/...", "internal/*"}},
		{Dir: "examples/...", May: []string{"", "model", "oma", "ipso", "server", "lwm2mtest", "store"}},
	},
	Private: []string{"cmd/...", "examples/...", "internal/bench", "internal/walls", "internal/tools/..."},
	Tests: []string{"pgregory.net/rapid", "go.uber.org/goleak", "github.com/fxamacker/cbor/v2",
		"github.com/rogpeppe/go-internal"},
}

// core are the packages without I/O, clocks, goroutines and locks.
var core = []string{
	"internal/coap", "internal/tlv", "internal/cbor", "internal/senml", "internal/linkformat", "internal/format",
	"internal/tree", "internal/observe", "internal/history", "internal/registration", "internal/bootstrap",
	"internal/objectlinks", "internal/state",
}

// Panics and variables that have a reason.
var (
	panicking = map[string]string{
		":mustBe":             "a handle of the wrong type is a mistake of the program, found when it starts",
		":ExecutableOf":       "a handle of the wrong type is a mistake of the program, found when it starts",
		":Instance.setHook":   "a callback on the wrong kind of Resource is a mistake of the program",
		"model:PathOf":        "takes literals; ParsePath is for input",
		"model:embedded":      "the definitions are part of the program",
		"model:Registry.core": "the definitions are part of the program",
	}
	variables = map[string]string{
		":clientHooks":              "compared by its address, never written",
		":defaultParams":            "shared by clients, which never write it",
		"internal/golden:update":    "a flag of go test",
		"internal/senml:jsonLabels": "an element is read through its address, which saves a copy for each value",
	}
)

// stamps are the packages of the core that deal with timestamps alone. Elsewhere a time may become a deadline:
// stamping has the functions there that read the clock or drop the monotonic reading of a time, with the reason.
var (
	stamps   = []string{"internal/format", "internal/history", "internal/state"}
	timed    = append(slices.DeleteFunc(slices.Clone(core), func(dir string) bool { return slices.Contains(stamps, dir) }), "", "internal/loop")
	stamping = map[string]string{
		":Client.now":       "a client that does not run yet stamps values",
		":isRelativeTime":   "is about a timestamp",
		":withOwn":          "compares the timestamps of samples",
		"internal/loop:New": "the loop tells all others the time",
	}
)

var source = sync.OnceValues(func() (*Module, error) { return Load(os.DirFS("../.."), modulePath) })

func TestWalls(t *testing.T) {
	m, err := source()
	if err != nil {
		t.Fatal(err)
	}
	if m.Packages[""] == nil || m.Packages["internal/walls"] == nil {
		t.Fatal("this is not the source of the module")
	}
	for name, rule := range map[string]func() []Violation{
		"imports":           func() []Violation { return Imports(m, &plan) },
		"file length":       func() []Violation { return MaxLines(m, 600) },
		"function length":   func() []Violation { return FunctionLength(m, 45) },
		"names in the root": func() []Violation { return MaxExported(m, "", 80) },
		"documentation":     func() []Violation { return Documented(m) },
		"pure core":         func() []Violation { return Pure(m, core) },
		"init":              func() []Violation { return NoInit(m) },
		"sleep":             func() []Violation { return NoSleepInTests(m) },
		"options":           func() []Violation { return NoOptions(m) },
		"panic":             func() []Violation { return NoPanic(m, panicking) },
		"monotonic":         func() []Violation { return Monotonic(m, timed, stamping) },
		"variables":         func() []Violation { return NoMutableVars(m, variables) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range rule() {
				t.Error(v)
			}
		})
	}
}
