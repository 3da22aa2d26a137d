package link

import (
	"net"
	"net/netip"
	"testing"
)

// Sockets for IPv4 only have control messages of their own; a Listener gets one
// where the system has no IPv6.
func TestOriginOfIPv4Socket(t *testing.T) {
	server, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	o := askOrigin(server, true)
	if o != origin4 {
		t.Fatalf("origin %d, want IP_PKTINFO", o)
	}
	asked := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), addrPort(server.LocalAddr()).Port())
	client, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(asked))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	var space controlSpace
	buf := make([]byte, 10)
	n, nc, _, from, err := server.ReadMsgUDPAddrPort(buf, space.bytes[:])
	if err != nil {
		t.Fatal(err)
	}
	local := o.received(space.bytes[:nc])
	if local != asked.Addr() {
		t.Fatalf("sent to %s, want %s", local, asked.Addr())
	}
	if _, _, err := server.WriteMsgUDPAddrPort(buf[:n], o.control(new(controlSpace), local), from); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(buf); err != nil || string(buf[:n]) != "ping" {
		t.Errorf("client read %q, %v", buf[:n], err)
	}
}

func TestOriginOfNonsense(t *testing.T) {
	for _, control := range [][]byte{nil, {1}, make([]byte, 16), make([]byte, 64)} {
		if a := origin6.received(control); a.IsValid() {
			t.Errorf("%v gives %s", control, a)
		}
	}
	if a := noOrigin.received(make([]byte, 64)); a.IsValid() {
		t.Errorf("noOrigin gives %s", a)
	}
}
