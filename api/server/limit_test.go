package server

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

// dealt is a listener that gives connections from the addresses that it is told.
type dealt struct {
	net.Listener
	from chan string
}

type dealtConn struct {
	net.Conn
	addr net.Addr
}

func (l *dealt) Accept() (net.Conn, error) {
	from, ok := <-l.from
	if !ok {
		return nil, errors.New("no more")
	}
	return &dealtConn{addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}, nil
}

func (c *dealtConn) RemoteAddr() net.Addr { return c.addr }
func (c *dealtConn) Close() error         { return nil }

func TestOneAddressCannotHoldAllConnections(t *testing.T) {
	inner := &dealt{from: make(chan string, 20)}
	l := limit(inner, 100, 2)
	for _, from := range []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "[2001:db8::1]:1", "[2001:db8::2]:2", "[2001:db8::3]:3", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "192.0.2.2:1"} {
		inner.from <- from
	}
	close(inner.from)
	var got []net.Conn
	for {
		c, err := l.Accept()
		if err != nil {
			break
		}
		got = append(got, c)
	}
	if len(got) != 8 {
		t.Fatalf("%d connections were taken, want 2 and 2 of the first ones, 3 of this machine, and 1", len(got))
	}
	for _, c := range got {
		c.Close()
		c.Close() // counts once
	}
	if x := l.(*limited); len(x.of) != 0 || len(x.slots) != 0 {
		t.Errorf("after all are closed %d addresses and %d slots are held", len(x.of), len(x.slots))
	}
}
