package lwm2m_test

import (
	"net/netip"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/server"
)

// bootstrapTime is how long it may take until the device has its accounts once everything works: an attempt that fails,
// as a server that is silent in a session is waited for (Core 1.1.1 §6.1.4.1), the longest wait for the next one, and that.
const bootstrapTime = 2*(giveUp+247*time.Second) + 75*time.Minute

// addBootstrapServer makes a server from which the device gets its accounts.
func (w *weeks) addBootstrapServer() {
	b := &account{name: "bootstrap.example", address: netip.MustParseAddrPort("198.51.100.99:5683")}
	b.configured = lwm2m.ServerAccount{
		URI: "coap://" + b.name, Security: lwm2m.NoSec{}, Bootstrap: true, HoldOff: pick(w.random, 0, 30*time.Second),
	}
	queue := w.random.IntN(4) == 0
	b.configured.QueueMode = queue // of all, as no Object has it
	var config server.BootstrapConfig
	for _, a := range w.accounts {
		a.bootstrap, a.configured.QueueMode = bootstrapTime, queue
		config.Servers = append(config.Servers, a.written())
	}
	w.network.SetName(b.name, b.address.Addr())
	var err error
	b.server, err = server.New(server.Config{
		Bootstrap: &server.Bootstrap{Endpoints: map[string]server.BootstrapConfig{"thermo-1": config}},
	})
	must(w, err)
	must(w, b.server.ListenOn(w.network, b.address.String()))
	w.bootstrap = b
}

// written is the account as the Bootstrap-Server writes it.
func (a *account) written() server.ServerAccount {
	instance := a.ssid - 1
	account := server.ServerAccount{
		URI: a.configured.URI, ShortServerID: a.ssid, ServerInstance: &instance, AllowSend: true,
		Lifetime: a.configured.Lifetime, DisableTimeout: a.configured.DisableTimeout,
	}
	switch security := a.configured.Security.(type) {
	case lwm2m.NoSec:
		account.Security = server.NoSec{}
	case lwm2m.PSK:
		account.Security = server.PSK{Identity: security.Identity, Key: security.Key}
	}
	if r := a.retry; r != (retryConfig{}) {
		count, sequences := uint32(r.count), uint32(r.sequences)
		account.RetryCount, account.SequenceRetryCount = &count, &sequences
		account.RetryTimer, account.SequenceDelay = time.Duration(r.timer)*time.Second, time.Duration(r.sequenceDelay)*time.Second
	}
	return account
}

// all are the servers, with the Bootstrap-Server if there is one.
func (w *weeks) all() []*account {
	if w.bootstrap == nil {
		return w.accounts
	}
	return append(w.accounts[:len(w.accounts):len(w.accounts)], w.bootstrap)
}
