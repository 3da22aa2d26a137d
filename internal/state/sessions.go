package state

import (
	"errors"
	"math"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/cbor"
	"github.com/lwm2m-go/lwm2m/model"
)

var (
	errAttribute = errors.New("an attribute without name or value")
	errUntimed   = errors.New("a sample without time")
)

// Sessions is what a client has with its servers. It is used once: who takes it up deletes it before.
type Sessions struct {
	// Sessions are one for each server, in any order.
	Sessions []Session
}

// Session is what a client has with one server.
type Session struct {
	// Server is the Short Server ID.
	Server uint16
	// Account tells whether the account is the same still: a digest of it.
	Account []byte
	// DTLS is what can be taken up of its DTLS sessions, as package link has exported it; nil if there is nothing.
	DTLS []byte
	// Registration is what the server knows; nil if it is to be told anew.
	Registration *Registration
}

// Registration is what a server was told.
type Registration struct {
	Location []string
	Lifetime time.Duration // in whole seconds; below zero: no end
	Sent     time.Time     // when it was told last, by the wall clock, in whole seconds
	// Told and Objects are digests: of what an Update cannot change, and of the list of Objects.
	Told, Objects []byte
	// Local and Remote are the addresses of the link; a server without security knows the client by them.
	Local, Remote string
	Observations  []Observation
}

// Observation is what a server observes.
type Observation struct {
	Token      []byte
	Paths      []model.Path
	Format     uint16 // Content-Format of the notifications
	Composite  bool
	Sequence   uint32           // of the next notification
	HasOwn     bool             // it came with the attributes that follow
	Attributes model.Attributes // see HasOwn
}

// Remaining is for how long the registration is valid still, at a time of the wall clock: 0 if it has ended, and if
// the clock cannot be believed, as it says that the server was told in the future. A lifetime without end has
// a negative rest.
func (r *Registration) Remaining(now time.Time) time.Duration {
	elapsed := now.Sub(r.Sent)
	switch {
	case elapsed < -time.Second: // the stored time is cut to seconds
		return 0
	case r.Lifetime < 0:
		return -1
	}
	return max(r.Lifetime-max(elapsed, 0), 0)
}

// Encode writes the document.
func (s *Sessions) Encode() []byte {
	dst := cbor.AppendArray(begin(nameSessions, 1), len(s.Sessions))
	for i := range s.Sessions {
		x := &s.Sessions[i]
		dst = cbor.AppendUint(cbor.AppendArray(dst, 4), uint64(x.Server))
		dst = cbor.AppendBytes(cbor.AppendBytes(dst, x.Account), x.DTLS)
		dst = appendRegistration(dst, x.Registration)
	}
	return dst
}

// DecodeSessions reads what Encode wrote. The error wraps [ErrVersion] or [ErrMalformed].
func DecodeSessions(data []byte) (s Sessions, err error) {
	r := open(nameSessions, 1, data)
	for all := r.list(); r.more(&all); {
		r.tuple(4)
		s.Sessions = append(s.Sessions, Session{
			Server: uint16(r.uint(model.MaxID)), Account: r.copied(), DTLS: r.copied(), Registration: r.registration(),
		})
	}
	return s, r.close()
}

// appendRegistration writes an array: empty if there is none.
func appendRegistration(dst []byte, r *Registration) []byte {
	if r == nil {
		return cbor.AppendArray(dst, 0)
	}
	dst = cbor.AppendArray(cbor.AppendArray(dst, 8), len(r.Location))
	for _, segment := range r.Location {
		dst = cbor.AppendBytes(dst, []byte(segment))
	}
	dst = cbor.AppendInt(dst, int64(r.Lifetime/time.Second))
	dst = cbor.AppendInt(dst, r.Sent.Unix())
	dst = cbor.AppendBytes(cbor.AppendBytes(dst, r.Told), r.Objects)
	dst = cbor.AppendBytes(cbor.AppendBytes(dst, []byte(r.Local)), []byte(r.Remote))
	dst = cbor.AppendArray(dst, len(r.Observations))
	for i := range r.Observations {
		dst = appendObservation(dst, &r.Observations[i])
	}
	return dst
}

func (r *reader) registration() *Registration {
	parts := r.list()
	switch {
	case r.err != nil || parts.is(0):
		return nil
	case !parts.is(8):
		r.fail(errors.New("a registration that is not of 8 parts"))
		return nil
	}
	x := &Registration{}
	for all := r.list(); r.more(&all); {
		x.Location = append(x.Location, string(r.bytes()))
	}
	x.Lifetime = time.Duration(r.intBetween(-1, math.MaxUint32)) * time.Second
	x.Sent = time.Unix(r.intBetween(-1<<40, 1<<40), 0)
	x.Told, x.Objects = r.copied(), r.copied()
	x.Local, x.Remote = string(r.bytes()), string(r.bytes())
	for all := r.list(); r.more(&all); {
		x.Observations = append(x.Observations, r.observation())
	}
	return x
}

func (r *reader) intBetween(least, most int64) int64 {
	n := r.int()
	if n < least || n > most {
		r.fail(errors.New("a number that is out of range"))
		return 0
	}
	return n
}

func appendObservation(dst []byte, o *Observation) []byte {
	dst = cbor.AppendBytes(cbor.AppendArray(dst, 7), o.Token)
	dst = cbor.AppendArray(dst, len(o.Paths))
	for _, p := range o.Paths {
		dst = appendPath(dst, p)
	}
	dst = cbor.AppendUint(dst, uint64(o.Format))
	dst = cbor.AppendBool(dst, o.Composite)
	dst = cbor.AppendUint(dst, uint64(o.Sequence))
	dst = cbor.AppendBool(dst, o.HasOwn)
	return appendAttributes(dst, o.Attributes)
}

func (r *reader) observation() (o Observation) {
	r.tuple(7)
	o.Token = r.copied()
	for all := r.list(); r.more(&all); {
		o.Paths = append(o.Paths, r.path())
	}
	o.Format = uint16(r.uint(math.MaxUint16))
	o.Composite = r.bool()
	o.Sequence = uint32(r.uint(math.MaxUint32))
	o.HasOwn = r.bool()
	o.Attributes = r.attributes()
	if r.err == nil && len(o.Paths) == 0 {
		r.fail(errors.New("an observation of nothing"))
	}
	return o
}
