package raftstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"failoverdns/trust"
)

// The protocols of the one port, told apart by ALPN.
const (
	protocolRaft  = "failover-raft/1"
	protocolCalls = "failover-rpc/1"
)

const (
	handshakeTimeout = 5 * time.Second
	// maxHandshakes bounds the work that strangers can cause; members need a few at a time.
	maxHandshakes = 32
	// maxConns bounds finished connections: a few for each pair of members.
	maxConns = 256
)

// Why a connection was refused, as counted.
const (
	refusedBusy      = "busy"
	refusedHandshake = "handshake"
	refusedStranger  = "not-a-member"
	refusedToken     = "token" // it came to join, and was not let in: its token is not good, or it sent something else
)

// port is the one listening socket of a node in a cluster, and all its connections, dialled ones included.
type port struct {
	network Network
	trust   *trust.Files
	log     *slog.Logger
	admit   func(id, protocol string) bool

	listener net.Listener
	raft     chan net.Conn
	calls    chan net.Conn
	joins    chan net.Conn
	door     door
	ctx      context.Context // ends with the port
	cancel   context.CancelFunc
	slots    chan struct{} // one for each handshake under way
	workers  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	conns   map[*peerConn]struct{}
	refused map[string]uint64
	down    bool
}

func openPort(c *Config, admit func(id, protocol string) bool) (*port, error) {
	l, err := c.Network.Listen(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for other nodes on %q: %w", c.Listen, err)
	}
	p := &port{network: c.Network, trust: c.Trust, log: c.Logger, admit: admit, listener: l,
		raft: make(chan net.Conn), calls: make(chan net.Conn), joins: make(chan net.Conn), slots: make(chan struct{}, maxHandshakes),
		conns: map[*peerConn]struct{}{}, refused: map[string]uint64{refusedBusy: 0, refusedHandshake: 0, refusedStranger: 0, refusedToken: 0}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.workers.Go(p.accept)
	return p, nil
}

func (p *port) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || p.ctx.Err() != nil {
				return
			}
			p.log.Warn("accept a connection of another node", "error", err)
			select {
			case <-time.After(100 * time.Millisecond): // out of sockets, most likely
			case <-p.ctx.Done():
				return
			}
			continue
		}
		select {
		case p.slots <- struct{}{}:
			p.workers.Go(func() { p.welcome(c) })
		default:
			p.count(refusedBusy)
			c.Close()
		}
	}
}

// welcome does the handshake, looks who it is and what it wants, and hands the connection on.
func (p *port) welcome(raw net.Conn) {
	c, err := p.handshake(raw)
	<-p.slots
	if err != nil {
		p.log.Debug("a connection was refused", "from", raw.RemoteAddr(), "error", err)
		raw.Close()
		return
	}
	to, conn := p.calls, net.Conn(c)
	switch c.protocol {
	case protocolRaft:
		to = p.raft
	case protocolJoin:
		if !p.door.enter() {
			p.count(refusedBusy)
			c.Close()
			return
		}
		to, conn = p.joins, p.guest(c)
	}
	timer := time.NewTimer(handshakeTimeout) // nobody takes Raft streams while Raft is being opened anew
	defer timer.Stop()
	select {
	case to <- conn:
	case <-p.ctx.Done():
		conn.Close()
	case <-timer.C:
		conn.Close()
	}
}

func (p *port) handshake(raw net.Conn) (*peerConn, error) {
	tc := tls.Server(raw, p.trust.ServerConfig(protocolRaft, protocolCalls, protocolJoin))
	ctx, cancel := context.WithTimeout(p.ctx, handshakeTimeout)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		p.count(refusedHandshake)
		return nil, fmt.Errorf("handshake: %w", err)
	}
	state := tc.ConnectionState()
	id, err := trust.Peer(state)
	if err != nil {
		p.count(refusedHandshake)
		return nil, err
	}
	if !p.admit(id, state.NegotiatedProtocol) {
		p.count(refusedStranger)
		return nil, fmt.Errorf("node %q is no member: %s refused", id, state.NegotiatedProtocol)
	}
	return p.track(tc, id, state.NegotiatedProtocol)
}

// dial reaches a node and makes sure that it is that one.
func (p *port) dial(ctx context.Context, id, address, protocol string) (*peerConn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	raw, err := p.network.Dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("reach node %q at %s: %w", id, address, err)
	}
	tc := tls.Client(raw, p.trust.ClientConfig(id, protocol))
	if err := tc.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("reach node %q at %s: %w", id, address, err)
	}
	c, err := p.track(tc, id, protocol)
	if err != nil {
		raw.Close()
	}
	return c, err
}

// peerConn is a connection with a known node at the other end.
type peerConn struct {
	net.Conn
	peer     string
	protocol string
	port     *port
}

func (c *peerConn) Close() error {
	c.port.mu.Lock()
	delete(c.port.conns, c)
	c.port.mu.Unlock()
	return c.Conn.Close()
}

func (p *port) track(tc *tls.Conn, id, protocol string) (*peerConn, error) {
	c := &peerConn{tc, id, protocol, p}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.down:
		return nil, net.ErrClosed
	case len(p.conns) >= maxConns:
		p.refused[refusedBusy]++
		return nil, fmt.Errorf("%d connections are open already", maxConns)
	}
	p.conns[c] = struct{}{}
	return c, nil
}

// drop closes the connections that match.
func (p *port) drop(match func(id, protocol string) bool) {
	p.mu.Lock()
	var gone []*peerConn
	for c := range p.conns {
		if match(c.peer, c.protocol) {
			gone = append(gone, c)
		}
	}
	p.mu.Unlock()
	for _, c := range gone {
		// The raw connection first: a TLS close would wait to say goodbye over a dead link.
		c.Conn.(*tls.Conn).NetConn().Close()
		c.Close()
	}
}

func (p *port) close() {
	p.mu.Lock()
	was := p.down
	p.down = true
	p.mu.Unlock()
	if was {
		return
	}
	p.cancel()
	p.listener.Close()
	p.drop(func(string, string) bool { return true })
	p.workers.Wait()
}

func (p *port) count(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused[why]++
}

// handed is a net.Listener of the connections that the port hands on.
type handed struct {
	from   chan net.Conn
	port   *port
	addr   net.Addr
	closed chan struct{}
	once   sync.Once
}

func (p *port) listen(from chan net.Conn, addr net.Addr) *handed {
	return &handed{from: from, port: p, addr: addr, closed: make(chan struct{})}
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.from:
		return c, nil
	case <-h.closed:
	case <-h.port.ctx.Done():
	}
	return nil, net.ErrClosed
}

func (h *handed) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handed) Addr() net.Addr { return h.addr }
