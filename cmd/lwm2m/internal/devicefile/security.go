package devicefile

import (
	"crypto/x509"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/credentials"
	"github.com/lwm2m-go/lwm2m/model"
)

// protection is what stands under security.
type protection struct{ psk, certificate lwm2m.Security }

func securitySchema() schema {
	return schema{"oneOf": []schema{{"const": "none"}, mappingSchema(protectionFields(nil))}}
}

// protectionFields are those of a connection of a device whose endpoint the file may name.
func protectionFields(f *File) []field[protection] {
	return []field[protection]{
		{name: "psk", about: "A pre-shared key, which the server knows too.", schema: mappingSchema(pskFields()),
			set: func(r *reader, to *protection, n *node) { to.psk = r.preShared(n, f) }},
		{name: "certificate", about: "Certificates.", schema: mappingSchema(certificateFields()),
			set: func(r *reader, to *protection, n *node) { to.certificate = r.certificate(n) }},
	}
}

func (r *reader) security(n *node, f *File) lwm2m.Security {
	var p protection
	before := len(r.errs)
	read(r, n, "security", protectionFields(f), &p)
	switch {
	case len(r.errs) > before:
	case p.psk != nil && p.certificate != nil:
		r.fail(n, "psk and certificate exclude each other: a connection has one kind of security")
	case p.psk != nil:
		return p.psk
	case p.certificate != nil:
		return p.certificate
	default:
		r.fail(n, "want psk: or certificate:")
	}
	return nil
}

// preShared is what stands under psk.
type preShared struct{ identity, key *node }

func pskFields() []field[preShared] {
	return []field[preShared]{
		{name: "identity", about: "Name of the key. Default: the endpoint.", schema: textSchema(),
			set: func(_ *reader, to *preShared, n *node) { to.identity = n }},
		{name: "key", required: true, about: "The key: hex:…, base64:…, text:… or file:NAME.", schema: textSchema(),
			set: func(_ *reader, to *preShared, n *node) { to.key = n }},
	}
}

// preShared reads a pre-shared key. No message has the key in it.
func (r *reader) preShared(n *node, f *File) lwm2m.Security {
	var p preShared
	read(r, n, "psk", pskFields(), &p)
	if p.key == nil {
		return nil
	}
	text, ok := r.scalar(p.key, "a key")
	if !ok {
		return nil
	}
	key, _, err := credentials.Key(r.located(text))
	if err != nil {
		r.fail(p.key, "%s", plainly(err))
		return nil
	}
	identity, at := f.Endpoint, n
	if p.identity != nil {
		if identity, ok = r.scalar(p.identity, "a name"); !ok {
			return nil
		}
		at = p.identity
	}
	if err := credentials.CheckIdentity([]byte(identity)); err != nil {
		r.fail(at, "%s; write identity:, or endpoint: further up", plainly(err))
		return nil
	}
	return lwm2m.PSK{Identity: []byte(identity), Key: key}
}

// certified is what stands under certificate.
type certified struct {
	chain, key, authority, pinned *node
	serverName                    string
}

func certificateFields() []field[certified] {
	return []field[certified]{
		{name: "chain", required: true, about: "File with the device's certificate or chain, PEM or DER.", schema: textSchema(),
			set: func(_ *reader, to *certified, n *node) { to.chain = n }},
		{name: "key", about: "File with its private key, PEM or DER. Default: that of chain.", schema: textSchema(),
			set: func(_ *reader, to *certified, n *node) { to.key = n }},
		{name: "ca", about: "File with the authority to trust. Default: those of the system.", schema: textSchema(),
			set: func(_ *reader, to *certified, n *node) { to.authority = n }},
		{name: "pin", about: "File with the only certificate that the server may have, instead of ca.", schema: textSchema(),
			set: func(_ *reader, to *certified, n *node) { to.pinned = n }},
		{name: "server-name", about: "Name in the server's certificate. Default: the host of the URI.", schema: textSchema(),
			set: func(r *reader, to *certified, n *node) { to.serverName, _ = r.scalar(n, "a name") }},
	}
}

// certificate reads certificates.
func (r *reader) certificate(n *node) lwm2m.Security {
	var c certified
	before := len(r.errs)
	read(r, n, "certificate", certificateFields(), &c)
	if len(r.errs) > before {
		return nil
	}
	if c.key == nil {
		c.key = c.chain
	}
	chain, key := r.content(c.chain), r.content(c.key)
	if chain == nil || key == nil {
		return nil
	}
	pair, _, err := credentials.Pair(chain, key)
	if err != nil {
		r.fail(c.chain, "%s", plainly(err))
		return nil
	}
	s := lwm2m.X509{Certificate: pair, ServerName: c.serverName}
	switch {
	case c.authority != nil && c.pinned != nil:
		r.fail(c.pinned, "ca and pin exclude each other: the Security Object has room for one certificate")
	case c.authority != nil:
		s.Usage = model.TrustAnchorAssertion
		s.Pinned = r.oneCertificate(c.authority)
	case c.pinned != nil:
		s.Pinned = r.oneCertificate(c.pinned)
	}
	return s
}

// oneCertificate reads the one certificate of a file, in DER.
func (r *reader) oneCertificate(n *node) []byte {
	data := r.content(n)
	if data == nil {
		return nil
	}
	var found []*x509.Certificate
	found, _, err := credentials.Certificates(data)
	switch {
	case err != nil:
		r.fail(n, "%s", plainly(err))
	case len(found) != 1:
		r.fail(n, "%s: %d certificates; the Security Object has room for one", n.text, len(found))
	default:
		return found[0].Raw
	}
	return nil
}

// content is that of the file that a node names; nil if there is none.
func (r *reader) content(n *node) []byte {
	name, ok := r.scalar(n, "the name of a file")
	if !ok {
		return nil
	}
	data, _, err := credentials.Bytes("file:" + r.path(name))
	if err != nil {
		r.fail(n, "%s", plainly(err))
		return nil
	}
	return data
}
