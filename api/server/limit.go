package server

import (
	"net"
	"net/netip"
	"sync"
)

// maxConnsEach bounds the connections of one address that is not this machine: a stranger must not hold them all.
const maxConnsEach = maxConns / 4

// limit lets at most n connections of a listener be open at a time; more wait in the kernel's queue. Of one address
// elsewhere at most each are taken, and more are closed at once.
func limit(l net.Listener, n, each int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{}), each: each, of: map[netip.Addr]int{}}
}

type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
	each   int

	mu sync.Mutex
	of map[netip.Addr]int // guarded by mu; open connections by address, none with 0
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		select {
		case l.slots <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		from := remote(c)
		if l.enter(from) {
			return &limitedConn{Conn: c, free: func() { l.leave(from); <-l.slots }}, nil
		}
		c.Close()
		<-l.slots
	}
}

// remote is the address that a connection counts for; the zero one for this machine, which is not bounded by itself.
func remote(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil || ap.Addr().Unmap().IsLoopback() {
		return netip.Addr{}
	}
	return wide(ap.Addr())
}

func (l *limited) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from.IsValid() && l.of[from] >= l.each {
		return false
	}
	l.of[from]++
	return true
}

func (l *limited) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[from]--; l.of[from] == 0 {
		delete(l.of, from)
	}
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	once sync.Once
	free func()
}

func (c *limitedConn) Close() error {
	c.once.Do(c.free)
	return c.Conn.Close()
}
