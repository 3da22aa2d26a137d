package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/internal/link"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/oma"
)

// BenchmarkIdleClients measures the memory of clients that are registered and idle, each with
// Security, Server, Device and one sensor, on the network in memory. What their server
// remembers does not count: it forgets at once. The sensor's own data is reported apart, as it is the application's.
func BenchmarkIdleClients(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for range b.N {
				idle(b, n)
			}
		})
	}
}

// registrar accepts every request of a client at once.
type registrar struct {
	accepted chan struct{}
}

func (r *registrar) Down(link.Link, error) {}

func (r *registrar) Input(l link.Link, datagram []byte) {
	var m coap.Message
	if m.Parse(datagram) != nil || !m.Code.IsRequest() {
		return
	}
	answer := coap.Message{Type: coap.Acknowledgement, Code: coap.Created, MessageID: m.MessageID, Token: m.Token}
	if m.Code == coap.DELETE {
		answer.Code = coap.Deleted
	}
	answer.Options.AddPath(coap.LocationPath, "rd/1")
	if reply, err := answer.Append(nil); err == nil {
		_ = l.Send(reply)
		_ = l.Close()
		if m.Code == coap.POST {
			r.accepted <- struct{}{}
		}
	}
}

func idle(b *testing.B, n int) {
	network := link.NewMemory(1)
	r := &registrar{accepted: make(chan struct{}, 2*n)}
	listener, err := network.Listen(context.Background(), "198.51.100.1:5683", r)
	if err != nil {
		b.Fatal(err)
	}
	host := lwm2m.NewHost(lwm2m.HostConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- host.Run(ctx) }()
	goroutines := runtime.NumGoroutine()
	sensorHeap, _ := memory()
	sensors := make([]*ipso.Temperature, n)
	for i := range sensors {
		sensors[i] = ipso.NewTemperature(0)
		_ = sensors[i].SensorUnits.Set("Cel")
		_ = sensors[i].SensorValue.Set(22.5)
	}
	heap, rss := memory()
	for i := range n {
		if err := host.Add(newIdle(b, network, i, sensors[i])); err != nil {
			b.Fatal(err)
		}
		if i >= 1000 { // keep the crowd that connects small
			<-r.accepted
		}
	}
	for range min(n, 1000) {
		<-r.accepted
	}
	heapAfter, rssAfter := memory()
	b.ReportMetric(float64(heap-sensorHeap)/float64(n), "heap-B/sensor")
	b.ReportMetric(float64(heapAfter-heap)/float64(n), "heap-B/client")
	b.ReportMetric(float64(rssAfter-rss)/float64(n), "rss-B/client")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(n), "goroutines/client")
	cancel()
	<-ended
	_ = listener.Close()
}

func newIdle(b *testing.B, network lwm2m.Network, i int, temp *ipso.Temperature) *lwm2m.Client {
	device := oma.NewDevice()
	_ = device.Manufacturer.Set("Acme")
	_ = device.ModelNumber.Set("T-1000")
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint: fmt.Sprintf("bench-%06d", i),
		Servers:  []lwm2m.ServerAccount{{URI: "coap://198.51.100.1", Security: lwm2m.NoSec{}}},
		Objects:  []lwm2m.ObjectInstance{device, temp},
		Network:  network,
	})
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// memory gives the live heap and the resident set of this process, in bytes.
func memory() (heap, rss int64) {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return int64(m.HeapAlloc), 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kB, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			rss = kB << 10
		}
	}
	return int64(m.HeapAlloc), rss
}
