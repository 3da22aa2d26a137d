package lwm2m

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/internal/observe"
	"github.com/lwm2m-go/lwm2m/internal/registration"
	"github.com/lwm2m-go/lwm2m/internal/state"
)

// sessionsState is what a client has with its servers, before and after a restart. It belongs to the loop.
type sessionsState struct {
	saved     map[uint16]state.Session  // from before the restart, until the session takes it up
	resumed   map[uint16][]*observation // of these, until the server has accepted an Update
	addresses map[uint16]addresses      // of links that were suspended at the end
}

// stays reports whether the client stays registered when it ends. p may be nil.
func (p *persistence) stays() bool { return p != nil && p.stay }

// restoreSessions takes what the last process has left, if it ended in order. It is deleted before it is used: neither
// the keys of a connection nor what a server is believed to observe are right a second time.
func (p *persistence) restoreSessions() error {
	data, err := p.load(p.sessionsKey())
	if err != nil || data == nil {
		return err
	}
	saved, err := state.DecodeSessions(data)
	if errors.Is(err, state.ErrVersion) {
		return fmt.Errorf("lwm2m: Config.Store: %w", err)
	}
	if err == nil {
		err = p.save([]encoded{{key: p.sessionsKey()}})
	}
	if err != nil {
		p.client.log.Error("the client registers anew, as what was saved of its sessions cannot be used", "err", err)
		return nil
	}
	p.sessions.saved = make(map[uint16]state.Session)
	for _, s := range saved.Sessions {
		p.sessions.saved[s.Server] = s
	}
	return nil
}

// restore takes up what there was with the server before a restart. The loop calls it, before the session starts.
func (s *session) restore(now time.Time) {
	c, p := s.client, s.client.persist
	if p == nil {
		return
	}
	saved, ok := p.sessions.saved[s.ssid]
	delete(p.sessions.saved, s.ssid)
	if !ok || !bytes.Equal(saved.Account, s.accountDigest()) {
		return
	}
	if s.security != nil {
		s.security.saved = saved.DTLS
	}
	r := saved.Registration
	if r == nil || !bytes.Equal(r.Told, s.toldDigest()) {
		return
	}
	kept := registration.Kept{Location: r.Location, Lifetime: r.Lifetime}
	switch remaining := r.Remaining(c.now()); {
	case remaining == 0:
		return
	case remaining < 0:
		kept.Lifetime = registration.Infinite
	default:
		kept.Expires = now.Add(remaining)
	}
	if udp, ok := c.network.(*link.UDP); ok {
		if local, err := netip.ParseAddrPort(r.Local); err == nil {
			udp.UsePort(s.target, local.Port())
		}
	}
	s.address = addresses{r.Local, r.Remote}.hash()
	s.known, s.doubted = true, true // until it has answered
	s.reg.Restore(kept, !bytes.Equal(r.Objects, s.objectsDigest()))
	s.restoreObservations(now, r.Observations)
}

// restoreObservations has the observations wait for the server to answer.
func (s *session) restoreObservations(now time.Time, saved []state.Observation) {
	if len(saved) == 0 {
		return
	}
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.reporting()
	r.SetReachable(s.ssid, false)
	r.SetDefaults(s.ssid, s.defaults())
	restored := make([]*observation, 0, len(saved))
	for _, o := range saved {
		restored = append(restored, r.Add(now, observe.Request[coap.Token]{
			Server: s.ssid, Token: coap.MakeToken(o.Token), Paths: o.Paths, Format: o.Format, Composite: o.Composite,
			Sequence: o.Sequence, HasOwn: o.HasOwn, Attributes: o.Attributes,
		}))
	}
	if c.persist.sessions.resumed == nil {
		c.persist.sessions.resumed = make(map[uint16][]*observation)
	}
	c.persist.sessions.resumed[s.ssid] = restored
}

// notifyResumed tells the server the newest of what it observes since before the restart, once it can be reached.
func (s *session) notifyResumed(now time.Time) {
	p := s.client.persist
	if p == nil {
		return
	}
	resumed := p.sessions.resumed[s.ssid]
	delete(p.sessions.resumed, s.ssid)
	for _, o := range resumed {
		if o.IsRemoved() {
			continue
		}
		for _, path := range o.Paths {
			s.client.emit(Event{Kind: Observed, Time: now, Server: s.ssid, Path: path})
		}
		s.notify(now, o)
	}
}

// stay ends the session, for this process, without a De-register.
func (s *session) stay(now time.Time) {
	p := s.client.persist
	if s.link != nil {
		if p.sessions.addresses == nil {
			p.sessions.addresses = make(map[uint16]addresses)
		}
		p.sessions.addresses[s.ssid] = addressesOf(s.link)
	}
	s.disabled = nil
	s.reg.Pause(now)
	if s.staying = s.reg.State() == registration.StatePaused; !s.staying {
		s.reg.Stop(now)
	}
	s.settle(now)
}

// keepSessions has saved what there is with the servers: at the end of a client that stays registered all of it, else the DTLS
// sessions that can be resumed. The loop calls it; p may be nil.
func (p *persistence) keepSessions(now time.Time, final bool) {
	if p == nil {
		return
	}
	var all state.Sessions
	for _, s := range p.client.sessions {
		x := state.Session{Server: s.ssid, Account: s.accountDigest()}
		if s.security != nil {
			var err error
			if x.DTLS, err = s.security.export(final); err != nil {
				p.client.log.Error("a DTLS session could not be saved", "server", s.ssid, "err", err)
			}
		}
		if final {
			x.Registration = s.keptRegistration(now)
		}
		if x.DTLS != nil || x.Registration != nil {
			all.Sessions = append(all.Sessions, x)
		}
	}
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	former := p.encodedSessions
	p.encodedSessions = nil
	if all.Sessions != nil {
		p.encodedSessions = all.Encode()
	}
	if !bytes.Equal(former, p.encodedSessions) {
		p.client.note(sessionsPart)
	}
}

// keptRegistration is what the server knows, nil if it has to be told anew.
func (s *session) keptRegistration(now time.Time) *state.Registration {
	kept, ok := s.reg.Keep(now)
	if !ok {
		return nil
	}
	c := s.client
	at := c.persist.sessions.addresses[s.ssid]
	r := &state.Registration{
		Location: kept.Location, Lifetime: kept.Lifetime, Sent: c.now(), Told: s.toldDigest(), Local: at.local, Remote: at.remote,
	}
	if kept.Lifetime != registration.Infinite {
		r.Sent = r.Sent.Add(kept.Expires.Sub(now) - kept.Lifetime)
	}
	if s.reg.HasToldObjects() {
		r.Objects = s.objectsDigest()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.observed == nil {
		return r
	}
	for _, o := range c.observed.Observations(s.ssid) {
		r.Observations = append(r.Observations, state.Observation{
			Token: o.Token.Append(nil), Paths: o.Paths, Format: o.Format, Composite: o.Composite,
			Sequence: o.Sequence(), HasOwn: o.HasOwn, Attributes: o.Attributes,
		})
	}
	return r
}

// accountDigest tells whether the account is another one.
func (s *session) accountDigest() []byte {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	d := state.Device{Nodes: appendInstance(nil, s.account)}
	sum := sha256.Sum256(d.Encode())
	return sum[:]
}

// toldDigest is of what the server was told that an Update cannot change.
func (s *session) toldDigest() []byte {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %q %v", c.endpoint, s.reg.Version(), c.value(s.server.Child(serverBinding)).Text(), s.queueMode))
	return sum[:]
}

// objectsDigest is of the list of Objects.
func (s *session) objectsDigest() []byte {
	sum := sha256.Sum256(s.client.objectLinks(s.reg.Version()))
	return sum[:]
}

// export gives the DTLS sessions; see link.DTLS.
func (s *security) export(final bool) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secure == nil {
		return s.saved, nil // of the last process, and not used yet
	}
	return s.secure.Export(final)
}

// takeSaved takes up the sessions of the last process. It is called with s.mu held, before anything is dialled.
func (s *security) takeSaved(c *Client) {
	if err := s.secure.Import(s.saved); err != nil {
		c.log.Error("DTLS sessions that were saved cannot be used", "server", s.account.ShortServerID, "err", err)
	}
	s.saved = nil
}
