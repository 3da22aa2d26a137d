//go:build !linux

package link

import (
	"net"
	"net/netip"
)

// origin is of use on Linux only; elsewhere answers leave from the address that
// the system chooses.
type origin struct{}

type controlSpace struct{ bytes [0]byte }

func askOrigin(*net.UDPConn, bool) origin { return origin{} }

func (origin) received([]byte) netip.Addr { return netip.Addr{} }

func (origin) control(*controlSpace, netip.Addr) []byte { return nil }
