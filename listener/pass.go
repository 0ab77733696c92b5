package listener

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Server is the CoreDNS server of an address, which answers all that is passed on.
type Server struct {
	Handler    dns.Handler
	TsigSecret map[string]string
	Opcodes    []int // those that plugins take beside QUERY and NOTIFY
}

// Bounds of what waits for CoreDNS. What comes beyond is dropped: clients ask again, and under a flood of odd packets
// this node's own answers go on.
const (
	queueSize = 1024
	atWork    = 1024 // answered at a time
)

// passed is a packet for CoreDNS. To the DNS library it is the client's address.
type passed struct {
	data   []byte
	client *net.UDPAddr
	reply  func(answer []byte) error
}

// Network makes it a net.Addr.
func (p *passed) Network() string { return "udp" }

// String is the client's address.
func (p *passed) String() string { return p.client.String() }

// passage takes packets to a CoreDNS server by way of the DNS library's own server, so that they get what they would
// have got on CoreDNS's socket. To that server it is the socket.
type passage struct {
	local net.Addr
	queue chan *passed
	room  chan struct{} // holds one for each packet at work
	done  chan struct{}
	once  sync.Once

	server  *dns.Server
	opcodes []int
	ended   chan struct{} // closed when server has ended
}

func newPassage(local net.Addr, to Server) *passage {
	p := &passage{
		local: local, queue: make(chan *passed, queueSize), room: make(chan struct{}, atWork), done: make(chan struct{}),
		opcodes: to.Opcodes, ended: make(chan struct{}),
	}
	p.server = &dns.Server{
		PacketConn: p, Net: "udp", UDPSize: dns.MaxMsgSize, TsigSecret: to.TsigSecret,
		MsgAcceptFunc: p.accept, MsgInvalidFunc: func([]byte, error) { p.leave() },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			defer p.leave()
			to.Handler.ServeDNS(writer{w}, r)
		}),
	}
	go func() {
		defer close(p.ended)
		p.server.ActivateAndServe()
	}()
	return p
}

// put queues a packet. Where there is no room any more it is lost: its socket has others to answer.
func (p *passage) put(one *passed) {
	select {
	case p.queue <- one:
	default:
	}
}

// accept is the library's own rule, or CoreDNS's where a plugin takes more opcodes. What is not accepted has left.
func (p *passage) accept(h dns.Header) dns.MsgAcceptAction {
	action := dns.DefaultMsgAcceptFunc(h)
	if action == dns.MsgRejectNotImplemented {
		for _, opcode := range p.opcodes {
			if int(h.Bits>>11)&0xf == opcode {
				action = dns.MsgAccept
				if h.Qdcount != 1 {
					action = dns.MsgReject
				}
			}
		}
	}
	if action != dns.MsgAccept {
		p.leave()
	}
	return action
}

func (p *passage) leave() { <-p.room }

// stop answers what has been queued, as far as the context allows.
func (p *passage) stop(ctx context.Context) error {
	for len(p.queue) > 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	err := p.server.ShutdownContext(ctx)
	p.Close()
	return err
}

// ReadFrom gives the library the next packet.
func (p *passage) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case <-p.done:
		return 0, nil, net.ErrClosed
	case p.room <- struct{}{}:
	}
	select {
	case <-p.done:
		return 0, nil, net.ErrClosed
	case one := <-p.queue:
		return copy(b, one.data), one, nil
	}
}

var errForeign = errors.New("the packet did not come this way")

// WriteTo sends an answer.
func (p *passage) WriteTo(b []byte, addr net.Addr) (int, error) {
	one, ok := addr.(*passed)
	if !ok {
		return 0, errForeign
	}
	return len(b), one.reply(b)
}

// LocalAddr is the address that is served.
func (p *passage) LocalAddr() net.Addr { return p.local }

// Close ends reading.
func (p *passage) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// SetDeadline is SetReadDeadline; writing never waits.
func (p *passage) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline ends reading when the time is in the past: so the library's server stops.
func (p *passage) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && t.Before(time.Now()) {
		p.Close()
	}
	return nil
}

// SetWriteDeadline does nothing: writing never waits.
func (p *passage) SetWriteDeadline(time.Time) error { return nil }

// writer shows CoreDNS the client's address in the form by which it knows UDP.
type writer struct{ dns.ResponseWriter }

// RemoteAddr is the client's address.
func (w writer) RemoteAddr() net.Addr {
	if one, ok := w.ResponseWriter.RemoteAddr().(*passed); ok {
		return one.client
	}
	return w.ResponseWriter.RemoteAddr()
}
