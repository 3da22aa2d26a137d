//go:build linux

package bench

import (
	"context"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/internal/coap"
	"github.com/lwm2m-go/lwm2m/ipso"
	"github.com/lwm2m-go/lwm2m/oma"
)

// window is how many requests are on their way at once.
const window = 32

// BenchmarkRead measures a Read of one Resource over UDP on loopback, with the
// requests made and the answers taken by this thread. Beside time and allocations it
// reports the processor time of everything but this thread, per request.
// "echo" is the same with a raw Go UDP echo in place of the client.
func BenchmarkRead(b *testing.B) {
	b.Run("echo", func(b *testing.B) { exchange(b, startEcho(b), 0) })
	b.Run("client", func(b *testing.B) { exchange(b, startClient(b), coap.Content) })
}

// startEcho runs a raw echo server and returns a socket that is connected to it.
func startEcho(b *testing.B) *net.UDPConn {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { server.Close() })
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := server.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = server.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	conn, err := net.DialUDP("udp4", nil, server.LocalAddr().(*net.UDPAddr))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// startClient runs a client, accepts its registration, and returns the server's socket, connected to it.
func startClient(b *testing.B) *net.UDPConn {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	temp := ipso.NewTemperature(0)
	_ = temp.SensorValue.Set(22.5)
	client, err := lwm2m.NewClient(lwm2m.Config{
		Endpoint:     "bench",
		Servers:      []lwm2m.ServerAccount{{URI: "coap://" + server.LocalAddr().String(), Security: lwm2m.NoSec{}}},
		Objects:      []lwm2m.ObjectInstance{oma.NewDevice(), temp},
		Transmission: lwm2m.Transmission{DedupEntries: 2 * window},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	host := lwm2m.NewHost(lwm2m.HostConfig{Shards: 1, ShutdownTimeout: time.Millisecond})
	if err := host.Add(client); err != nil {
		b.Fatal(err)
	}
	go func() { ended <- host.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		<-ended
	})
	buf := make([]byte, 2048)
	n, from, err := server.ReadFromUDP(buf)
	if err != nil {
		b.Fatal(err)
	}
	var register coap.Message
	if err := register.Parse(buf[:n]); err != nil {
		b.Fatal(err)
	}
	answer := coap.Message{Type: coap.Acknowledgement, Code: coap.Created, MessageID: register.MessageID, Token: register.Token}
	answer.Options.AddPath(coap.LocationPath, "rd/1")
	datagram, err := answer.Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := server.WriteToUDP(datagram, from); err != nil {
		b.Fatal(err)
	}
	local := server.LocalAddr().(*net.UDPAddr)
	server.Close()
	conn, err := net.DialUDP("udp4", local, from)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// exchange sends b.N requests, window of them at a time, and takes as many answers.
func exchange(b *testing.B, conn *net.UDPConn, want coap.Code) {
	request := coap.Message{Type: coap.Confirmable, Code: coap.GET, Token: coap.MakeToken([]byte{1, 2})}
	request.Options.AddPath(coap.UriPath, "3303/0/5700")
	datagram, err := request.Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 2048)
	send := func(i int) {
		datagram[2], datagram[3] = byte(i>>8), byte(i)
		if _, err := conn.Write(datagram); err != nil {
			b.Fatal(err)
		}
	}
	take := func() {
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := conn.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		if n < 4 || want != 0 && coap.Code(buf[1]) != want {
			b.Fatalf("answer %x", buf[:n])
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	before := processorTime(syscall.RUSAGE_SELF) - processorTime(rusageThread)
	b.ResetTimer()
	for i := range min(window, b.N) {
		send(i)
	}
	for i := range b.N {
		take()
		if next := i + window; next < b.N {
			send(next)
		}
	}
	b.StopTimer()
	after := processorTime(syscall.RUSAGE_SELF) - processorTime(rusageThread)
	b.ReportMetric(float64(after-before)/float64(b.N), "cpu-ns/op")
}

const rusageThread = 1 // RUSAGE_THREAD of Linux

func processorTime(who int) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(who, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
