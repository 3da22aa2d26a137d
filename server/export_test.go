package server

import "time"

// Peers is the number of addresses that s remembers.
func (s *Server) Peers() int {
	n := make(chan int, 1)
	s.do(func(time.Time) { n <- len(s.peers) })
	return <-n
}

// Timers is the number of deadlines that s waits for.
func (s *Server) Timers() int {
	n := make(chan int, 1)
	s.do(func(time.Time) { n <- s.loop.Timers() })
	return <-n
}

// Has reports whether a Client may register under a name by default.
func Has(i Identity, name string) bool { return i.has(name) }
