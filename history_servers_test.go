package lwm2m_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/lwm2mtest"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

// The JSON of LwM2M 1.0 carries time, too.
func TestHistoryInVersion10(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		keepTen(config, f)
		config.Version = lwm2m.Version10
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		f.want(f.peer.WriteAttributesQuery(f.ctx, path("/3303/0/5700"), "pmin=5"))(model.Changed, "")
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.JSON})
		f.measure(23, 24)
		n, err := o.Next(f.ctx)
		must(t, err)
		if got := timed(n.Nodes, begin); n.Format != server.JSON || got != "/3303/0/5700=23@0 /3303/0/5700=24@1" {
			t.Errorf("notified %v %s", n.Format, got)
		}
	})
}

// Each of several servers gets all samples, and those wait for the one that is out of reach.
func TestHistoryForSeveralServers(t *testing.T) {
	var second *lwm2mtest.Server
	configure := func(config *lwm2m.Config, f *fixture) {
		keepTen(config, f)
		second = lwm2mtest.NewServer(f.T, lwm2mtest.Options{Network: f.server.Network, Address: "198.51.100.2:5683"})
		config.Servers = append(config.Servers, lwm2m.ServerAccount{URI: second.URI(), Security: lwm2m.NoSec{}})
	}
	start(t, configure, func(f *fixture) {
		begin := time.Now()
		peer := second.WaitRegistered("thermo-1")
		synctest.Wait()
		first := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR})
		other, err := peer.Observe(f.ctx, path("/3303/0/5700"), server.ObserveOptions{Accept: server.SenMLJSON})
		must(t, err)
		f.measure(23)
		f.notified(first, begin, "/3303/0/5700=23@0")
		f.notified(other, begin, "/3303/0/5700=23@0")
		f.expectKept(begin, "")

		address := netip.MustParseAddrPort("198.51.100.2:5683")
		f.server.Network.SetState(address, lwm2mtest.Silent)
		f.measure(24, 25)
		f.notified(first, begin, "/3303/0/5700=24@1")
		f.notified(first, begin, "/3303/0/5700=25@2")
		f.expectKept(begin, "24@1 25@2")
		f.server.Network.SetState(address, lwm2mtest.Up)
		sleep(2 * time.Minute)
		f.expectKept(begin, "")
		if got := pending(f, first); len(got) != 0 {
			t.Errorf("the first server got %s again", timed(got[0].Nodes, begin))
		}
		_, dropped := f.temp.SensorValue.History()
		if dropped != 0 {
			t.Errorf("%d dropped", dropped)
		}
	})
}

// A server that has executed Disable is left: nothing waits for it.
func TestHistoryAfterDisable(t *testing.T) {
	start(t, keepTen, func(f *fixture) {
		begin := time.Now()
		f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR})
		f.measure(23)
		f.expectKept(begin, "")
		r, err := f.peer.Execute(f.ctx, path("/1/0/4"), "")
		f.want(r, err)(model.Changed, "")
		f.server.WaitEvent(server.Deregistered, "thermo-1") // a second later
		f.measure(24, 25)
		f.expectKept(begin, "24@2 25@3") // nobody has them, so they stay
		sleep(25 * time.Hour)
		f.peer = f.server.WaitRegistered("thermo-1")
		synctest.Wait()
		o := f.observe("/3303/0/5700", server.ObserveOptions{Accept: server.SenMLCBOR})
		f.notified(o, begin, "/3303/0/5700=24@2 /3303/0/5700=25@3")
	})
}
