package devicefile

import (
	"os"
	"strings"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/link"
)

// serverAccount is an account on its way.
type serverAccount struct {
	lwm2m.ServerAccount
	uri      *node
	target   link.Target
	security *node
	pack     *node // of the Bootstrap-Server
}

func accountsFields() []field[File] {
	return []field[File]{
		{name: "servers", about: "LwM2M Servers that the device registers with.",
			schema: schema{"type": "array", "items": mappingSchema(serverFields()), "minItems": 1}, set: readServers},
		{name: "bootstrap", about: "Bootstrap-Server, which tells the device its servers.",
			schema: mappingSchema(bootstrapFields()), set: readBootstrap},
		{name: "factory-data", about: "File with accounts and other values from the factory: SenML JSON, SenML CBOR or LwM2M CBOR, as in a Bootstrap-Pack.",
			schema: textSchema(), set: readFactoryData},
	}
}

// commonFields are those of every server.
func commonFields() []field[serverAccount] {
	return []field[serverAccount]{
		{name: "uri", required: true, about: "coaps://HOST[:PORT], or coap://HOST[:PORT] with security: none.",
			schema: schema{"type": "string", "pattern": "^coaps?://"}, set: readURI},
		{name: "security", required: true, about: "How the connection is protected: psk, certificate, or the word none.",
			schema: securitySchema(), set: func(_ *reader, to *serverAccount, n *node) { to.security = n }},
	}
}

func serverFields() []field[serverAccount] {
	return append(commonFields(),
		field[serverAccount]{name: "short-server-id", about: "Number of the server for the device. Default: its place in the list.",
			schema: wholeSchema(1, 65534), set: func(r *reader, to *serverAccount, n *node) {
				id, _ := r.whole(n, 1, 65534)
				to.ShortServerID = uint16(id)
			}},
		field[serverAccount]{name: "lifetime", about: "How long a registration is valid, in whole seconds, or infinite with version 1.2. Default: 24h.",
			schema: durationSchema(), set: func(r *reader, to *serverAccount, n *node) {
				if n.shape == scalar && n.text == "infinite" {
					to.Lifetime = lwm2m.Infinite
					return
				}
				to.Lifetime, _ = r.seconds(n)
			}},
		secondsField("min-period", "Default Minimum Period of observations.", func(a *serverAccount) *time.Duration { return &a.DefaultMinPeriod }),
		secondsField("max-period", "Default Maximum Period of observations.", func(a *serverAccount) *time.Duration { return &a.DefaultMaxPeriod }),
		secondsField("disable-timeout", "How long the device stays away when the server disables itself. Default: 24h.",
			func(a *serverAccount) *time.Duration { return &a.DisableTimeout }),
	)
}

func bootstrapFields() []field[serverAccount] {
	return append(commonFields(),
		secondsField("hold-off", "How long the device waits before it turns to the Bootstrap-Server by itself.",
			func(a *serverAccount) *time.Duration { return &a.HoldOff }),
		secondsField("account-timeout", "How long the account of the Bootstrap-Server is kept after a bootstrap. Default: for ever.",
			func(a *serverAccount) *time.Duration { return &a.AccountTimeout }),
		field[serverAccount]{name: "pack", about: "Ask for a Bootstrap-Pack first, with version 1.2.", schema: boolSchema(),
			set: func(r *reader, to *serverAccount, n *node) {
				if wanted, _ := r.boolean(n); wanted {
					to.pack = n
				}
			}},
	)
}

// secondsField is a field for a duration of whole seconds.
func secondsField(name, about string, at func(*serverAccount) *time.Duration) field[serverAccount] {
	return field[serverAccount]{name: name, about: about, schema: durationSchema(), set: func(r *reader, to *serverAccount, n *node) {
		*at(to), _ = r.seconds(n)
	}}
}

func readURI(r *reader, to *serverAccount, n *node) {
	text, ok := r.scalar(n, "a URI")
	if !ok {
		return
	}
	target, err := link.ParseURI(text)
	switch {
	case err != nil && !strings.Contains(text, "://"):
		r.fail(n, "%s: want coaps://HOST[:PORT] or coap://HOST[:PORT]", quoted(text))
	case err != nil:
		r.fail(n, "%v", err)
	case target.Scheme != link.SchemeUDP && target.Scheme != link.SchemeDTLS:
		r.fail(n, "%s: want coaps:// or coap://; CoAP over TCP is not built yet", quoted(text))
	default:
		to.URI, to.target, to.uri = text, target, n
	}
}

// maxServers is how many servers can have a Short Server ID.
const maxServers = 65534

func readServers(r *reader, to *File, n *node) {
	if to.accounts = n; n.shape != sequence {
		r.fail(n, "servers: want a list, each of it with a uri, as in - uri: coap://localhost; have %v", n.shape)
		return
	}
	known := map[uint16]bool{}
	for i, item := range n.items {
		var a serverAccount
		read(r, item, "a server", serverFields(), &a)
		r.secure(&a, to)
		id := a.ShortServerID
		if id == 0 {
			id = uint16(min(i, maxServers) + 1)
		}
		if known[id] {
			r.fail(item, "another server has the short-server-id %d too", id)
		}
		known[id] = true
		to.Servers = append(to.Servers, a.ServerAccount)
	}
	if len(n.items) == 0 {
		r.fail(n, "servers: the list is empty")
	}
}

func readBootstrap(r *reader, to *File, n *node) {
	a := serverAccount{ServerAccount: lwm2m.ServerAccount{Bootstrap: true}}
	read(r, n, "bootstrap", bootstrapFields(), &a)
	if to.accounts == nil {
		to.accounts = n
	}
	if a.pack != nil && to.Version != (lwm2m.Version{}) && to.Version.Compare(lwm2m.Version12) < 0 {
		r.fail(a.pack, "a Bootstrap-Pack needs version 1.2")
	}
	to.BootstrapPack = a.pack != nil
	r.secure(&a, to)
	to.bootstrapServer = &a.ServerAccount
}

func readFactoryData(r *reader, to *File, n *node) {
	name, ok := r.scalar(n, "the name of a file")
	if !ok {
		return
	}
	data, err := os.ReadFile(r.path(name))
	if err != nil {
		r.fail(n, "%v", err)
		return
	}
	to.FactoryData, to.factory = data, n
}

// secure makes sense of the security of an account.
func (r *reader) secure(a *serverAccount, to *File) {
	if a.security == nil || a.uri == nil {
		return
	}
	none := a.security.shape == scalar && a.security.text == "none"
	switch {
	case none && a.target.Secure():
		r.fail(a.security, "%s needs psk or certificate; going without protection is coap://", a.URI)
	case !none && a.security.shape == scalar:
		r.fail(a.security, "%s: want psk: or certificate: with what belongs to it, or none", quoted(a.security.text))
	case !none && !a.target.Secure():
		r.fail(a.security, "%s is without protection, and the credentials would not be used; write coaps://, or security: none", a.URI)
	case none:
		a.Security = lwm2m.NoSec{}
	default:
		a.Security = r.security(a.security, to)
	}
}

// finishAccounts checks the accounts together, as a client would.
func (r *reader) finishAccounts(f *File) {
	if f.bootstrapServer != nil {
		f.Servers = append(f.Servers, *f.bootstrapServer)
	}
	at := f.accounts
	if f.factory != nil {
		at = f.factory
	}
	if len(r.errs) > 0 || at == nil {
		return
	}
	if _, err := f.Accounts(f.Version); err != nil {
		r.fail(at, "%v", err)
	}
}
