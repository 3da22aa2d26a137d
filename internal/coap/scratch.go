package coap

// Scratch is working memory that the Conns driven by one goroutine can share,
// so that an idle Conn holds none. The zero value is ready for use.
type Scratch struct{ free []*frame }

// frame is what the handling of one message takes: the parsed or composed
// message, the request handed to the owner, and room to encode in or to read a
// block into.
type frame struct {
	msg    Message
	req    Request
	encode []byte
	block  [16 << maxSZX]byte
}

// get hands out a frame. Frames nest as calls do: a callback that enters a
// Conn again gets another one.
func (s *Scratch) get() *frame {
	if n := len(s.free); n > 0 {
		f := s.free[n-1]
		s.free = s.free[:n-1]
		return f
	}
	return new(frame)
}

// put takes a frame back.
func (s *Scratch) put(f *frame) {
	f.msg = Message{Options: f.msg.Options[:0]}
	f.req = Request{}
	s.free = append(s.free, f)
}
