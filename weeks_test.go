package lwm2m_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/oma"
	"github.com/lwm2m-go/lwm2m/server"
	"github.com/lwm2m-go/lwm2m/store"
)

var seeds = flag.Int("seeds", someSeeds, "how many seeds TestTwoWeeks takes")

// Two weeks in the life of a device whose networks, name servers and servers fail in all ways, one after another and at the
// same time. After each repair it is registered again within the time that its configuration promises, is read and
// notifies; and nothing grows. One seed is repeated by -run TestTwoWeeks/seed=17.
func TestTwoWeeks(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n = min(n, 4)
	}
	if strings.Contains(flag.Lookup("test.run").Value.String(), "seed=") {
		n = max(n, 10_000) // of which -run takes some
	}
	var mu sync.Mutex
	lived, seen := 0, map[string]int{}
	t.Cleanup(func() { // after the seeds
		if lived >= 20 && !t.Failed() {
			expectTroubles(t, seen)
		}
	})
	for seed := range uint64(n) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			w := twoWeeks(t, seed, false)
			mu.Lock()
			defer mu.Unlock()
			lived++
			for event, times := range w.seen {
				seen[event] += times
			}
		})
	}
}

// expectTroubles checks that the devices had all kinds of troubles.
func expectTroubles(t *testing.T, seen map[string]int) {
	for _, event := range []string{
		"REGISTRATION_FAILURE", "REG_TIMEOUT", "NETWORK_ERROR", "DEREGISTER_FAILURE", "SERVER_DISABLED", "NOTIFY_TIMEOUT", "OBSERVER_REMOVED",
		"QUEUE_MODE_RX_OFF", "ENGINE_SUSPENDED", "BOOTSTRAP_TRANSFER_COMPLETE", "full", "resumed", "connection ID",
	} {
		if seen[event] < 5 {
			t.Errorf("%s happened %d times", event, seen[event])
		}
	}
}

func twoWeeks(t *testing.T, seed uint64, measuresHeap bool) *weeks {
	label := fmt.Sprintf("two weeks, seed %d", seed)
	var w *weeks
	pprof.Do(t.Context(), pprof.Labels("test", label), func(context.Context) {
		synctest.Test(t, func(t *testing.T) {
			w = newWeeks(t, seed)
			w.label, w.measuresHeap = label, measuresHeap
			w.live(14 * 24 * time.Hour)
		})
	})
	return w
}

// The heap does not grow either. It is measured while no other test runs.
func TestTwoWeeksHeap(t *testing.T) {
	w := twoWeeks(t, 0, true)
	n := len(w.heaps) - 1
	if grown := int64(w.heaps[n]) - int64(w.heaps[min(1, n)]); grown > 256<<10 {
		t.Errorf("the heap has grown by %d bytes: %v", grown, w.heaps)
	}
}

// weeks is a device with its servers, and what befalls them.
type weeks struct {
	*testing.T
	label        string
	measuresHeap bool
	ctx          context.Context
	random       *rand.Rand
	begin        time.Time
	network      *lwm2mtest.Network
	clock        *wallClock
	host         *lwm2m.Host
	client       *lwm2m.Client
	temp         *ipso.Temperature
	history      int         // samples to keep
	kept         lwm2m.Store // over restarts of the device; may be nil
	accounts     []*account
	bootstrap    *account // nil if the accounts do not come from a Bootstrap-Server
	measured     int
	calls        sync.WaitGroup // of the API, under way
	touched      map[netip.AddrPort]bool

	checks   int
	censuses []census
	routines []int
	heaps    []uint64 // if measured

	mu   sync.Mutex
	log  []string
	seen map[string]int
}

// account is one of the servers, and what the device has been told about it.
type account struct {
	ssid       uint16
	server     *server.Server
	name       string
	address    netip.AddrPort
	configured lwm2m.ServerAccount
	retry      retryConfig
	lifetime   time.Duration // the longest since the last check
	disabled   time.Time     // end of the last Disable
	bootstrap  time.Duration // how long it may take until the account is there

	registration string // in which it observes
	observation  *observed
}

// observed is an observation of the temperature.
type observed struct {
	last  atomic.Int64
	ended atomic.Bool
}

// note adds to the log.
func (w *weeks) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf("%10v "+format, append([]any{time.Since(w.begin).Round(time.Millisecond)}, args...)...))
	if len(w.log) > 400 {
		w.log = append(w.log[:0], w.log[200:]...)
	}
}

// see counts events, and ways to connect.
func (w *weeks) see(e lwm2m.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[e.Kind.String()]++
	w.seen[e.Handshake]++
}

// fail ends the test with the log.
func (w *weeks) fail(format string, args ...any) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Fatalf("after %v: %s\n%s", time.Since(w.begin), fmt.Sprintf(format, args...), strings.Join(w.log, "\n"))
}

func newWeeks(t *testing.T, seed uint64) *weeks {
	w := &weeks{
		T: t, ctx: t.Context(), random: rand.New(rand.NewPCG(seed, 14)), begin: time.Now(),
		network: lwm2mtest.NewNetwork(seed), clock: newWallClock(), touched: map[netip.AddrPort]bool{}, seen: map[string]int{},
	}
	if w.random.IntN(2) == 0 {
		w.kept = &store.Memory{}
	}
	w.history = w.random.IntN(2) * 10
	for i := range 1 + w.random.IntN(3) {
		w.addAccount(uint16(i + 1))
	}
	if w.random.IntN(4) == 0 {
		w.addBootstrapServer()
	}
	w.host = lwm2m.NewHost(lwm2m.HostConfig{Shards: 1})
	lwm2m.SetClock(w.host, w.clock.now)
	lwm2m.SetSeed(w.host, seed)
	w.boot()
	return w
}

// boot starts the device.
func (w *weeks) boot() {
	w.temp = ipso.NewTemperature(0)
	must(w, w.temp.SensorValue.Set(float64(w.measured)))
	w.temp.SensorValue.KeepHistory(w.history)
	config := lwm2m.Config{
		Endpoint: "thermo-1", Network: w.network, Objects: []lwm2m.ObjectInstance{w.temp}, Store: w.kept,
		OnEvent: func(e lwm2m.Event) {
			w.see(e)
			if e.Kind != lwm2m.Updating && (e.Kind != lwm2m.Updated || e.Handshake != "") { // those are many
				w.note("%v", e)
			}
		},
	}
	if os.Getenv("LWM2M_TRACE") != "" {
		config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, a := range w.accounts {
		a.lifetime = max(a.lifetime, a.configured.Lifetime)
		if w.bootstrap == nil {
			config.Servers = append(config.Servers, a.configured)
			config.Objects = append(config.Objects, a.object(w))
		}
	}
	if w.bootstrap != nil {
		config.Servers, config.QueueMode = []lwm2m.ServerAccount{w.bootstrap.configured}, w.bootstrap.configured.QueueMode
	}
	client, err := lwm2m.NewClient(config)
	must(w, err)
	w.client = client
	must(w, w.host.Add(client))
}

// addAccount makes a server and the account for it.
func (w *weeks) addAccount(ssid uint16) {
	a := &account{
		ssid: ssid, name: fmt.Sprintf("server-%d.example", ssid), address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(ssid)}), 5683),
		retry: pick(w.random, retryConfig{}, retryConfig{3, 10, 300, 2}, retryConfig{2, 60, 1800, 5}, retryConfig{1, 1, 60, 1}, retryConfig{4, 30, 600, 1}),
	}
	a.configured = lwm2m.ServerAccount{
		URI: "coap://" + a.name, Security: lwm2m.NoSec{},
		Lifetime:       pick(w.random, 5*time.Minute, 5*time.Minute, time.Hour, time.Hour, 6*time.Hour, 24*time.Hour),
		DisableTimeout: pick(w.random, 5*time.Minute, time.Hour),
		QueueMode:      w.random.IntN(4) == 0,
	}
	w.network.SetName(a.name, a.address.Addr())
	config := server.Config{Rand: rand.New(rand.NewPCG(w.random.Uint64(), 1)), OnEvent: func(e server.Event) {
		if e.Kind != server.Updated && e.Kind != server.Sent {
			w.note("server %d: %v %s", ssid, e, e.Registration.ID)
		}
	}}
	listen := (*server.Server).ListenOn
	if w.random.IntN(3) > 0 {
		a.address = netip.AddrPortFrom(a.address.Addr(), 5684)
		a.configured.URI, a.configured.Security = "coaps://"+a.name, testPSK()
		config.Credentials = testCredentials()
		config.Credentials.NoConnectionID = w.random.IntN(2) == 0
		listen = (*server.Server).ListenSecureOn
	}
	var err error
	a.server, err = server.New(config)
	must(w, err)
	must(w, listen(a.server, w.network, a.address.String()))
	w.accounts = append(w.accounts, a)
}

// retryConfig is Resources 17 to 20 of the Server Object; the zero value leaves them out.
type retryConfig struct{ count, timer, sequenceDelay, sequences uint64 }

// object is the Server Object of the account.
func (a *account) object(t testing.TB) *oma.Server {
	in := oma.NewServer(a.ssid-1, a.ssid)
	if a.retry != (retryConfig{}) {
		must(t, in.CommunicationRetryCount.Set(a.retry.count))
		must(t, in.CommunicationRetryTimer.Set(a.retry.timer))
		must(t, in.CommunicationSequenceDelayTimer.Set(a.retry.sequenceDelay))
		must(t, in.CommunicationSequenceRetryCount.Set(a.retry.sequences))
	}
	return in
}

// longest is the longest wait between two attempts to register.
func (r retryConfig) longest() time.Duration {
	if r == (retryConfig{}) {
		r = retryConfig{5, 60, 86400, 1}
	}
	last := r.timer
	for range int(r.count) - 2 {
		last *= 2
	}
	wait := time.Duration(max(last, r.sequenceDelay)) * time.Second
	return wait + min(wait/4, 5*time.Minute) // at random, so that not all devices come back at once
}

func pick[T any](random *rand.Rand, choice ...T) T { return choice[random.IntN(len(choice))] }

// giveUp is how long a request is repeated (MAX_TRANSMIT_WAIT, RFC 7252 §4.8.2); connecting takes less.
const giveUp = 93 * time.Second

// promise is how long it may take until the device is registered with a server after everything has been repaired:
//
//   - The device believes that it is registered, and the server does not know it, or not where it is, or not by which keys:
//     the Update that is due finds out. It may have to wait for another request, such as a notification,
//     to be given up, and is given up then. The new connection and the Register succeed.
//   - An attempt to connect or to register is under way, and fails as it began before the repair. The next one follows
//     after the longest wait that Resources 17 to 20 make, and succeeds.
//   - The server has disabled the device: it comes back at the end of the pause.
//
// If the accounts come from a Bootstrap-Server, a bootstrap may be due in addition.
func (a *account) promise(repaired time.Time) time.Duration {
	update := a.lifetime / 2
	if a.lifetime >= 2*giveUp {
		update = a.lifetime - giveUp
	}
	return max(update+2*giveUp, giveUp+a.retry.longest(), a.disabled.Sub(repaired)) + a.bootstrap + 5*time.Second
}

// live leads through trouble and repair.
func (w *weeks) live(length time.Duration) {
	defer w.run()()
	w.check()
	for time.Since(w.begin) < length {
		w.trouble()
		w.repair()
		w.check()
		if day := int(time.Since(w.begin) / (24 * time.Hour)); len(w.censuses) < day || time.Since(w.begin) >= length {
			w.count()
		}
		sleep(time.Duration(w.random.ExpFloat64() * float64(2*time.Hour)))
	}
	w.compare()
}

// run has all live, until the function that it returns is called.
func (w *weeks) run() (end func()) {
	servers, endServers := context.WithCancel(w.ctx)
	devices, endDevices := context.WithCancel(w.ctx)
	var serving, living sync.WaitGroup
	for _, a := range w.all() {
		serving.Go(func() { _ = a.server.Run(servers) })
	}
	living.Go(func() { _ = w.host.Run(devices) })
	return func() {
		endDevices()
		living.Wait()
		endServers()
		serving.Wait()
	}
}

// repair makes everything work again.
func (w *weeks) repair() {
	w.note("repair")
	for _, d := range []lwm2mtest.Direction{lwm2mtest.ToServer, lwm2mtest.ToClient} {
		w.network.SetConditions(d, lwm2mtest.Conditions{})
	}
	for address := range w.touched {
		w.network.SetState(address, lwm2mtest.Up)
	}
	clear(w.touched)
	w.resume()
	for _, a := range w.all() {
		w.network.SetName(a.name, a.address.Addr())
	}
}

// check waits as long as is promised, and then everything has to be as it should.
func (w *weeks) check() {
	w.Helper()
	repaired := time.Now()
	for left := len(w.accounts); left > 0; left-- {
		var next *account
		for _, a := range w.accounts {
			if a.lifetime > 0 && (next == nil || a.promise(repaired) < next.promise(repaired)) {
				next = a
			}
		}
		sleep(next.promise(repaired) - time.Since(repaired))
		w.calls.Wait()
		w.checkAccount(next)
		next.lifetime = 0 // checked
	}
	for _, a := range w.accounts {
		a.lifetime = w.lifetimeOf(a)
	}
	w.checks++
}

func (w *weeks) lifetimeOf(a *account) time.Duration {
	v, err := w.client.Get(lwm2m.PathOf(1, a.ssid-1, 1))
	must(w, err)
	return time.Duration(v.Int()) * time.Second
}

func (w *weeks) checkAccount(a *account) {
	w.Helper()
	device, err := a.server.Device("thermo-1")
	if err != nil {
		w.fail("server %d: %v", a.ssid, err)
	}
	w.note("check of server %d", a.ssid)
	r, err := device.Registration()
	must(w, err)
	if r.Lifetime != w.lifetimeOf(a) || r.Has(path("/3303/1")) != (len(w.client.Instances(3303)) == 2) {
		w.fail("server %d believes in %v and %s", a.ssid, r.Lifetime, r.Links)
	}
	if a.configured.QueueMode { // it sleeps, and is to be heard when it wakes
		ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
		defer cancel()
		_ = w.client.Update(ctx) // which may wait for another server in vain
	}
	began := time.Now()
	answer, err := device.Read(w.ctx, path("/3303/0/5700"), server.ReadOptions{Accept: server.Text})
	if want := fmt.Sprintf("/3303/0/5700=%d", w.measured); err != nil || nodes(answer.Nodes) != want {
		w.fail("server %d: Read: %v, %v; want %s", a.ssid, answer, err, want)
	}
	w.notifications(a, device, r)
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	if err := w.client.SendReport(ctx, lwm2m.Report{Paths: []lwm2m.Path{path("/3303/0")}, Server: a.ssid}); err != nil {
		w.fail("server %d: Send: %v", a.ssid, err)
	}
	if took := time.Since(began); took > 30*time.Second {
		w.fail("server %d is served in %v", a.ssid, took)
	}
}

// notifications sees to it that the server observes, and is notified.
func (w *weeks) notifications(a *account, device *server.Device, r server.Registration) {
	w.Helper()
	if a.observation == nil || a.observation.ended.Load() || a.registration != r.ID {
		a.observation, a.registration = w.observe(device), r.ID
	}
	w.measured++
	must(w, w.temp.SensorValue.Set(float64(w.measured)))
	sleep(5 * time.Second)
	if a.observation.ended.Load() {
		a.observation = w.observe(device) // by what was still to be told
		w.measured++
		must(w, w.temp.SensorValue.Set(float64(w.measured)))
		sleep(5 * time.Second)
	}
	if got := a.observation.last.Load(); got != int64(w.measured) {
		w.fail("server %d was notified of %d, want %d\n%v", a.ssid, got, w.measured, w.client.Explain(lwm2m.Path{}))
	}
}

// observe observes the temperature until the observation ends.
func (w *weeks) observe(device *server.Device) *observed {
	w.Helper()
	o, err := device.Observe(w.ctx, path("/3303/0/5700"), server.ObserveOptions{Accept: server.SenMLCBOR})
	if err != nil || o.Response.Err() != nil {
		w.fail("Observe: %v %v", o, err)
	}
	seen := &observed{}
	go func() {
		for n := range o.All(w.ctx) {
			for _, node := range n.Nodes {
				seen.last.Store(int64(node.Value.Float()))
			}
		}
		seen.ended.Store(true)
	}()
	return seen
}

// count takes the census of a day, at rest: what CoAP remembers for a while is forgotten (RFC 7252 §4.8.2).
func (w *weeks) count() {
	sleep(10 * time.Minute)
	w.censuses = append(w.censuses, w.census())
	n, _ := labelled(w.label)
	w.routines = append(w.routines, n)
	if w.measuresHeap {
		w.heaps = append(w.heaps, heap())
	}
}

// census counts what the device has, its servers and the network.
func (w *weeks) census() census {
	if !takesCensus {
		return census{}
	}
	values := []any{w.client, w.host}
	for _, a := range w.all() {
		values = append(values, a.server)
	}
	return takeCensus(values...)
}

// slack is what differs between two quiet moments, and slackBytes that of buffers.
const slack, slackBytes = 8, 4096

// compare finds what has grown since the second day.
func (w *weeks) compare() {
	n := len(w.censuses) - 1
	if grown := w.censuses[n].grown(w.censuses[min(1, n)], slack, slackBytes); len(grown) > 0 {
		w.fail("grown:\n%s", strings.Join(grown, "\n"))
	}
	if w.routines[n] > w.routines[min(1, n)]+slack {
		_, stacks := labelled(w.label)
		w.fail("goroutines %v\n%s", w.routines, stacks)
	}
	w.Logf("%d repairs, %d servers: %v", w.checks, len(w.accounts), w.seen)
}

// trouble is one fault after another, which add up.
func (w *weeks) trouble() {
	for range 1 + w.random.IntN(6) {
		fault := pick(w.random, faults...)
		a := pick(w.random, w.all()...)
		w.note("%s, server %d", fault.name, a.ssid)
		fault.happens(w, a)
		sleep(time.Duration(w.random.ExpFloat64() * float64(10*time.Minute)))
	}
}
