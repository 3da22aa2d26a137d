package link

import (
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// origin says how a socket tells the address that a datagram was sent to, and
// is told the address to answer from: a host with several addresses would else
// answer from another one, and the peer would drop that as coming from a
// stranger.
type origin int

const (
	noOrigin  origin = iota
	origin4          // IP_PKTINFO
	origin6          // IPV6_PKTINFO, also for IPv4 on a socket for both
	sizeInfo4 = int(unsafe.Sizeof(unix.Inet4Pktinfo{}))
	sizeInfo6 = int(unsafe.Sizeof(unix.Inet6Pktinfo{}))
)

// controlSpace has room for the larger of the two control messages, and the
// alignment of their header.
type controlSpace struct {
	_     [0]unix.Cmsghdr
	bytes [64]byte
}

// askOrigin switches the control messages on. Without them all works, but for
// hosts with several addresses.
func askOrigin(conn *net.UDPConn, is4 bool) (o origin) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return noOrigin
	}
	err = raw.Control(func(fd uintptr) {
		if is4 && unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1) == nil {
			o = origin4
		}
		if !is4 && unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1) == nil {
			o = origin6
		}
	})
	if err != nil {
		return noOrigin
	}
	return o
}

// received gives the address that a datagram was sent to, or the zero address.
func (o origin) received(control []byte) netip.Addr {
	for o != noOrigin && len(control) >= unix.SizeofCmsghdr {
		hdr, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		switch {
		case hdr.Level == unix.IPPROTO_IP && hdr.Type == unix.IP_PKTINFO && len(data) >= sizeInfo4:
			return netip.AddrFrom4([4]byte(data[4:8])) // ipi_spec_dst, after ifindex
		case hdr.Level == unix.IPPROTO_IPV6 && hdr.Type == unix.IPV6_PKTINFO && len(data) >= sizeInfo6:
			a := netip.AddrFrom16([16]byte(data[:16])).Unmap()
			if !a.IsGlobalUnicast() && !a.IsLoopback() {
				return netip.Addr{} // link-local or to many: the route knows better
			}
			return a
		}
		control = rest
	}
	return netip.Addr{}
}

// control builds in space the message that makes a datagram leave from local.
func (o origin) control(space *controlSpace, local netip.Addr) []byte {
	size, level, kind := sizeInfo6, int32(unix.IPPROTO_IPV6), int32(unix.IPV6_PKTINFO)
	if o == origin4 {
		size, level, kind = sizeInfo4, unix.IPPROTO_IP, unix.IP_PKTINFO
	}
	hdr := (*unix.Cmsghdr)(unsafe.Pointer(space))
	hdr.Level, hdr.Type = level, kind
	hdr.SetLen(unix.CmsgLen(size))
	data := space.bytes[unix.CmsgLen(0):]
	if o == origin4 {
		a := local.As4()
		copy(data[4:8], a[:]) // ipi_spec_dst, after ifindex
	} else {
		a := local.As16()
		copy(data[:16], a[:])
	}
	return space.bytes[:unix.CmsgSpace(size)]
}
