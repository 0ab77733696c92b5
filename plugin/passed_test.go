package failover

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
)

func TestPassedSocketBelongsToTheServerOfItsAddress(t *testing.T) {
	for _, c := range []struct {
		network, address, wanted, hostPort string
		serves                             bool
	}{
		{"udp", "[::]:53", "udp", ":53", true},
		{"udp", "0.0.0.0:53", "udp", ":53", true},
		{"udp", "[::]:53", "udp", "0.0.0.0:53", true},
		{"udp", "[::]:53", "tcp", ":53", false},
		{"tcp", "[::]:53", "tcp", ":5353", false},
		{"tcp", "[::]:53", "tcp", "192.0.2.1:53", false},
		{"tcp", "192.0.2.1:53", "tcp", ":53", false},
		{"tcp", "192.0.2.1:53", "tcp", "192.0.2.1:53", true},
		{"tcp", "[::ffff:192.0.2.1]:53", "tcp", "192.0.2.1:53", true},
		{"tcp", "[2001:db8::1]:853", "tcp", "[2001:db8::1]:853", true},
		{"tcp", "[2001:db8::1]:853", "tcp", "[2001:db8::2]:853", false},
	} {
		s := &passedSocket{network: c.network, address: netip.MustParseAddrPort(c.address)}
		if got := s.serves(c.wanted, c.hostPort); got != c.serves {
			t.Errorf("%s %s for %s %s: got %t", c.network, c.address, c.wanted, c.hostPort, got)
		}
	}
}

// fileOf is the descriptor of a socket, as a process gets it.
func fileOf(t *testing.T, socket interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestPassedSocketIsKnownForWhatItIs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, c := range []struct {
		file    *os.File
		network string
		address net.Addr
	}{
		{fileOf(t, l.(*net.TCPListener)), "tcp", l.Addr()},
		{fileOf(t, p.(*net.UDPConn)), "udp", p.LocalAddr()},
	} {
		if s, err := newPassedSocket(c.file); err != nil || s.network != c.network || s.address.String() != c.address.String() {
			t.Errorf("Expected %s %s, got %v (%v)", c.network, c.address, s, err)
		}
	}
	local, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	if s, err := newPassedSocket(fileOf(t, local.(*net.UnixListener))); err == nil {
		t.Errorf("Expected a socket of the file system to be refused, got %v", s)
	}
}

func TestPassedSocketThatNoServerHasIsNamed(t *testing.T) {
	name, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer name.Close()
	pass := passing{used: map[*passedSocket]bool{}, all: []*passedSocket{
		{file: name, network: "udp", address: netip.MustParseAddrPort("[::]:53")},
		{file: name, network: "tcp", address: netip.MustParseAddrPort("[::]:853")},
	}}
	if n := len(pass.to("udp", ":53")); n != 1 {
		t.Errorf("Expected one socket, got %d", n)
	}
	if err := pass.rest(); err == nil || !strings.Contains(err.Error(), "tcp [::]:853 (") || strings.Contains(err.Error(), "udp") {
		t.Errorf("Expected TCP's to be named, got %v", err)
	}
	pass.to("tcp", "0.0.0.0:853")
	if err := pass.rest(); err != nil {
		t.Errorf("Expected every socket to be used, got %v", err)
	}
}
