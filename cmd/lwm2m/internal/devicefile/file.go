package devicefile

import (
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
)

// File is what a device file says. The zero value of a field says that the file does not.
type File struct {
	// Name is that of the file itself.
	Name     string
	Endpoint string
	Version  lwm2m.Version
	// Stopped tells that the device waits to be started by hand.
	Stopped bool

	// Servers are the accounts, with that of the Bootstrap-Server if there is one.
	Servers       []lwm2m.ServerAccount
	BootstrapPack bool
	FactoryData   []byte
	QueueMode     bool
	AwakeTime     time.Duration
	// State is the folder of the state.
	State string

	LogStyle, LogLevel string

	// Definitions are those that the file brings along.
	Definitions []*model.Object
	// Instances are the Object Instances that the device has, by their paths.
	Instances []lwm2m.Path
	// Settings are what the file says about Resources of them.
	Settings []Setting
	// Simulated are the values that change by themselves.
	Simulated []Simulated

	registry          *model.Registry
	objects           *node // to be read when the version is known
	bootstrapServer   *lwm2m.ServerAccount
	accounts, factory *node // where they are
}

// Read reads and checks a device file. Relative names of files in it are looked up in its folder. The error joins
// mistakes, each an [*Error].
func Read(name string) (*File, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, filepath.Dir(name), text)
}

// Parse is [Read] for a text; name is for messages, and relative names of files are looked up in a folder.
func Parse(name, folder string, text []byte) (*File, error) {
	root, err := parseYAML(name, text)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name, folder: folder}
	f := &File{Name: name, registry: &model.Registry{}}
	read(r, root, "a device file", fileFields(), f)
	f.gatherDefinitions()
	if f.objects != nil {
		r.objects(f.objects, f)
	}
	r.finishAccounts(f)
	if err := r.err(); err != nil {
		return nil, err
	}
	return f, nil
}

const maxEndpoint = 252 // bytes, what fits into the query ep= of a Register

func fileFields() []field[File] {
	return append([]field[File]{
		{name: "endpoint", about: "Name by which servers know the device.", schema: schema{"type": "string", "minLength": 1, "maxLength": maxEndpoint},
			set: func(r *reader, to *File, n *node) {
				text, ok := r.scalar(n, "a name")
				if ok && (text == "" || len(text) > maxEndpoint || !utf8.ValidString(text)) {
					r.fail(n, "endpoint: want a name of 1 to %d bytes", maxEndpoint)
				}
				to.Endpoint = text
			}},
		{name: "version", about: "Version of LwM2M. Default: 1.1.", schema: schema{"enum": []any{"1.0", "1.1", "1.2", 1.0, 1.1, 1.2}},
			set: func(r *reader, to *File, n *node) { to.Version, _ = r.version(n) }},
		{name: "start", about: "Whether lwm2m shell starts the device at once. Default: true, if there is a server.", schema: boolSchema(),
			set: func(r *reader, to *File, n *node) {
				start, ok := r.boolean(n)
				to.Stopped = ok && !start
			}},
		{name: "state", about: "Folder that keeps what servers have changed over restarts. Default: nothing is kept.", schema: textSchema(),
			set: func(r *reader, to *File, n *node) {
				if text, ok := r.scalar(n, "the name of a folder"); ok {
					to.State = r.path(text)
				}
			}},
		{name: "queue-mode", about: "Listen only for a while after a message, and tell servers so.", schema: boolSchema(),
			set: func(r *reader, to *File, n *node) { to.QueueMode, _ = r.boolean(n) }},
		{name: "awake", about: "How long the device listens in queue mode. Default: 93s.", schema: durationSchema(),
			set: func(r *reader, to *File, n *node) { to.AwakeTime, _ = r.duration(n, time.Millisecond) }},
		{name: "log", about: "Log on standard error.", schema: mappingSchema(logFields()),
			set: func(r *reader, to *File, n *node) { read(r, n, "log", logFields(), to) }},
	}, append(accountsFields(), objectsFields()...)...)
}

func logFields() []field[File] {
	levels, styles := []string{"off", "error", "warn", "info", "debug"}, []string{"text", "json", "zephyr"}
	return []field[File]{
		{name: "level", about: "Least level that is told. Default: info with a style, off without.", schema: choiceSchema(levels...),
			set: func(r *reader, to *File, n *node) { to.LogLevel, _ = r.choice(n, levels...) }},
		{name: "style", about: "Style: text, json, or zephyr for the lines that devices with Zephyr log. Default: text.", schema: choiceSchema(styles...),
			set: func(r *reader, to *File, n *node) { to.LogStyle, _ = r.choice(n, styles...) }},
	}
}
