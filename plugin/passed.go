package failover

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"
)

// passedSockets are those that this process was started with (sd_listen_fds(3)). They stay open, for reloads to find them.
var passedSockets = sync.OnceValues(func() ([]*passedSocket, error) {
	var all []*passedSocket
	for _, file := range activation.Files(true) {
		s, err := newPassedSocket(file)
		if err != nil {
			return nil, fmt.Errorf("the socket %q that was passed to this process: %w", file.Name(), err)
		}
		all = append(all, s)
	}
	return all, nil
})

// passedSocket is a socket that the service manager holds open when this process ends.
type passedSocket struct {
	file    *os.File
	network string // tcp or udp
	address netip.AddrPort
}

// newPassedSocket looks what a descriptor is.
func newPassedSocket(file *os.File) (*passedSocket, error) {
	if l, err := net.FileListener(file); err == nil {
		defer l.Close()
		if a, ok := l.Addr().(*net.TCPAddr); ok {
			return &passedSocket{file, "tcp", a.AddrPort()}, nil
		}
		return nil, fmt.Errorf("%s %s: DNS is served over UDP and TCP", l.Addr().Network(), l.Addr())
	}
	p, err := net.FilePacketConn(file)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if a, ok := p.LocalAddr().(*net.UDPAddr); ok {
		return &passedSocket{file, "udp", a.AddrPort()}, nil
	}
	return nil, fmt.Errorf("%s %s: DNS is served over UDP and TCP", p.LocalAddr().Network(), p.LocalAddr())
}

// String names the socket as its unit does.
func (s *passedSocket) String() string {
	return fmt.Sprintf("%s %s (%s)", s.network, s.address, s.file.Name())
}

// serves says whether a server at HOST:PORT is meant to have the socket. No host stands for all addresses of the machine, of
// both families, as it does for CoreDNS; there may be a socket for each family then.
func (s *passedSocket) serves(network, hostPort string) bool {
	a, err := net.ResolveTCPAddr("tcp", hostPort)
	if err != nil || network != s.network || a.Port != int(s.address.Port()) {
		return false
	}
	mine := s.address.Addr().Unmap()
	if a.IP == nil || a.IP.IsUnspecified() {
		return mine.IsUnspecified()
	}
	return a.AddrPort().Addr().Unmap() == mine
}

// passing gives sockets out to servers, and knows which nobody wanted.
type passing struct {
	all  []*passedSocket
	used map[*passedSocket]bool
}

func newPassing() (*passing, error) {
	all, err := passedSockets()
	return &passing{all: all, used: map[*passedSocket]bool{}}, err
}

// to are the sockets of a server, which several may share.
func (p *passing) to(network, hostPort string) (files []*os.File) {
	for _, s := range p.all {
		if s.serves(network, hostPort) {
			p.used[s] = true
			files = append(files, s.file)
		}
	}
	return files
}

// rest is an error that names the sockets that no server has: queries would wait in them for ever.
func (p *passing) rest() error {
	var left []string
	for _, s := range p.all {
		if !p.used[s] {
			left = append(left, s.String())
		}
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("no server block listens on %s, passed to this process by its service manager; take it from the socket unit, or give it a server block", strings.Join(left, ", "))
}
