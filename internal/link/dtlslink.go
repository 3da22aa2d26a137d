package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/transport/v5/netctx"
)

// dtlsLink is one session, on either side.
type dtlsLink struct {
	records   *records
	conn      *dtls.Conn
	sink      Sink
	handshake Handshake
	owner     *DTLS         // of a client's Link
	key       string        // what owner or listener knows the session by
	listener  *dtlsListener // of a server's Link
	offered   offered       // to a server
	used      uint64        // of a server's Link: the last datagram; the listener's mu guards it

	mu     sync.Mutex
	base   Link // changes on a server, when the client comes from a new address
	closed bool
}

// start begins to receive.
func (l *dtlsLink) start() {
	l.records.establish(l.report, l.handshake.Kind == Resumed)
	go l.read()
}

// read passes on what arrives until the session ends. If it was the peer that
// ended it, the sink hears why.
func (l *dtlsLink) read() {
	buf := make([]byte, DefaultMaxDatagram)
	for {
		n, err := l.conn.Read(buf)
		switch {
		case err == nil:
			l.follow()
			if !l.isClosed() {
				l.sink.Input(l, buf[:n])
			}
		case errors.Is(err, io.EOF), errors.Is(err, dtls.ErrConnClosed), errors.Is(err, net.ErrClosed):
			l.ended()
			return
		default: // a warning of the peer, or a datagram beyond the buffer
			l.complain(err)
			if l.isClosed() {
				return
			}
		}
	}
}

// ended is the end that the peer or the network brought.
func (l *dtlsLink) ended() {
	if !l.end() {
		return
	}
	l.release()
	err := error(ErrClosed)
	if a := l.records.alert.take(); a != nil {
		err = fmt.Errorf("%w: %w", ErrClosed, a)
		if a.Number != AlertCloseNotify && l.owner != nil { // RFC 5246 §7.2.2: no resumption
			l.owner.change(l.key, func(s *savedSession) { s.session = dtls.Session{} })
		}
	}
	l.sink.Down(l, err)
}

// complain tells the sink of what does not end the session.
func (l *dtlsLink) complain(err error) {
	if a, ok := alertIn(err); ok {
		err = a
	} else {
		err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if !l.isClosed() {
		l.sink.Down(l, err)
	}
}

// report passes on the trouble of the Link below. It is called from within Send,
// where the sink could not close this Link, so it leaves that to a goroutine.
func (l *dtlsLink) report(err error) {
	go func() {
		if l.isClosed() {
			return
		}
		if errors.Is(err, ErrClosed) {
			l.Close()
		}
		l.sink.Down(l, err)
	}()
}

func (l *dtlsLink) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// end marks the Link as closed; false if it was before.
func (l *dtlsLink) end() bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.closed = true
	l.mu.Unlock()
	return true
}

// Send encrypts the datagram and sends it as one record.
func (l *dtlsLink) Send(datagram []byte) error {
	if len(datagram) > maxRecord {
		return fmt.Errorf("%w: %d bytes, more than the %d of a record", ErrTooLarge, len(datagram), maxRecord)
	}
	if l.isClosed() {
		return ErrClosed
	}
	if _, err := l.conn.Write(datagram); err != nil {
		if errors.Is(err, dtls.ErrConnClosed) || errors.Is(err, netctx.ErrClosing) || l.isClosed() {
			return ErrClosed
		}
		var fatal *dtls.FatalError // around an error of the Link below
		if errors.As(err, &fatal) {
			err = fatal.Err
		}
		return err
	}
	return nil
}

// MTU is that of the Link below. The size that RFC 7252 §4.6 advises leaves room
// for a record already; of more than that, what a record adds is taken off.
func (l *dtlsLink) MTU() int {
	mtu := l.under().MTU()
	if mtu <= DefaultMTU {
		return mtu
	}
	return max(DefaultMTU, mtu-dtlsOverhead)
}

// Reliable is false: DTLS retransmits during handshakes only.
func (l *dtlsLink) Reliable() bool { return false }

// Local is the address of this end.
func (l *dtlsLink) Local() net.Addr { return l.under().Local() }

// Remote is the address of the peer; that of a client with a connection ID may
// change.
func (l *dtlsLink) Remote() net.Addr { return l.under().Remote() }

// Handshake tells about the session.
func (l *dtlsLink) Handshake() Handshake { return l.handshake }

func (l *dtlsLink) under() Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base
}

// Close tells the peer (close_notify) and ends the session. It can be resumed.
func (l *dtlsLink) Close() error {
	if l.end() {
		l.release()
	}
	return nil
}

// Suspend closes the Link without telling the peer. A client keeps the session.
func (l *dtlsLink) Suspend() error {
	if !l.end() {
		return nil
	}
	l.records.freeze()
	defer l.release()
	if l.owner == nil {
		return nil
	}
	state, ok := l.conn.ConnectionState()
	if !ok {
		return fmt.Errorf("link: suspend: %w", ErrClosed)
	}
	saved, err := state.MarshalBinary()
	if err != nil {
		return fmt.Errorf("link: suspend: %w", err)
	}
	l.owner.change(l.key, func(s *savedSession) {
		s.state, s.connectionID = saved, l.handshake.ConnectionID
		s.local, s.remote = l.Local().String(), l.Remote().String()
	})
	return nil
}

// release ends the library's connection and then the Link below, which a listener
// may need for another session.
func (l *dtlsLink) release() {
	l.conn.Close()
	l.records.Close()
	if l.listener != nil {
		l.listener.forget(l)
	} else {
		l.under().Close()
	}
}

// restore goes on with a suspended session.
func (l *dtlsLink) restore(saved savedSession, options []dtls.Option) error {
	var state dtls.State
	if err := state.UnmarshalBinary(saved.state); err != nil {
		return err
	}
	conn, err := dtls.ResumeWithOptions(&state, l.records, linkAddr{l.under()}, options...)
	if err != nil {
		return err
	}
	if err := conn.Handshake(); err != nil { // there is none, the library only starts
		return err
	}
	l.conn, l.handshake = conn, handshakeOf(conn, Kept)
	return nil
}
