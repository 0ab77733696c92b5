package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"failoverdns/record"
)

// socket is one of an address's sockets with its buffers. Its goroutine owns all but what mu guards.
type socket struct {
	fd       int
	file     *os.File // the same, for those who answer later
	local    *net.UDPAddr
	wildcard bool
	passed   bool // opened by somebody else
	shared   bool // another one reads the same, and counts what the kernel drops
	batch    *batch
	answerer answerer
	active   *active // as the goroutine saw it last

	mu      sync.Mutex // guards what follows
	tallies map[record.Name]*Tally
	byBlock []*Tally // the same by the active blocks' places; nil while nothing was counted
	touched []*Tally // in the batch at hand
	dropped uint64   // by the kernel, as it was last asked
}

// idle is how long a socket waits for packets before its goroutine looks whether it shall end.
const idle = 200 * time.Millisecond

// turn is how long a socket's goroutine answers before it lets others run: giving way wakes a thread, which with small
// batches costs a tenth of a microsecond for each answer.
const turn = 2 * time.Millisecond

// receiveBuffer is what a socket holds of a burst, in octets; the system may allow less (net.core.rmem_max) to those who
// may not administer the network. It bridges the times in which the process has no processor.
const receiveBuffer = 4 << 20

// open opens n sockets at an address that share what arrives there. Packets go to the socket that belongs to the
// processor that took them in, and to none but these, though CoreDNS's own socket joins them later: the program counts
// sockets in the order in which they were bound.
func open(host string, n int) (sockets []*socket, err error) {
	defer func() {
		if err != nil {
			for _, s := range sockets {
				s.close()
			}
		}
	}()
	if err := free(host); err != nil {
		return nil, err
	}
	for range n {
		s, err := openOne(host)
		if err != nil {
			return sockets, err
		}
		sockets = append(sockets, s)
		if host = s.local.String(); s.wildcard {
			_, port, _ := net.SplitHostPort(host) // port 0 has become a number
			host = net.JoinHostPort("", port)
		}
	}
	if err := steer(sockets[0].fd, byProcessor(n)); err != nil {
		return sockets, fmt.Errorf("steer packets to the sockets at %s: %w", host, err)
	}
	return sockets, nil
}

// free says whether nobody has bound an address yet: the program counts on being the first.
func free(host string) error {
	conn, err := net.ListenPacket("udp", host)
	if errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("the address is bound already; the fast path begins with the next start: %w", err)
	}
	if err != nil {
		return err
	}
	return conn.Close()
}

func openOne(host string) (*socket, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); e != nil {
			return e
		}
		return os.NewSyscallError("setsockopt", err)
	}}
	conn, err := lc.ListenPacket(context.Background(), "udp", host)
	if err != nil {
		return nil, err
	}
	return takeOver(conn, false)
}

// takeOver closes a connection, whose socket goes on in a descriptor that the runtime's poller does not know.
func takeOver(conn net.PacketConn, passed bool) (*socket, error) {
	defer conn.Close()
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, fmt.Errorf("%s is no UDP socket", conn.LocalAddr().Network())
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{local: conn.LocalAddr().(*net.UDPAddr), passed: passed, tallies: map[record.Name]*Tally{}}
	s.wildcard = s.local.IP.IsUnspecified()
	if e := raw.Control(func(fd uintptr) { err = s.take(int(fd)) }); e != nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	s.batch = newBatch(s.wildcard)
	return s, nil
}

// adopt reads sockets that somebody else has opened, with n goroutines at least: several of them may read one socket. They
// are not steered: there are no others at the address, and their holder has chosen how much they take in.
func adopt(files []*os.File, n int) (sockets []*socket, err error) {
	for i := range max(n, len(files)) {
		s, err := adoptOne(files[i%len(files)])
		if err != nil {
			for _, s := range sockets {
				s.close()
			}
			return nil, err
		}
		s.shared = i >= len(files)
		sockets = append(sockets, s)
	}
	return sockets, nil
}

func adoptOne(file *os.File) (*socket, error) {
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return nil, err
	}
	return takeOver(conn, true)
}

// take makes a blocking copy of a descriptor the socket's own. For the process they are one socket.
func (s *socket) take(fd int) error {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if err := s.set(own); err != nil {
		unix.Close(own)
		return err
	}
	s.fd, s.file = own, os.NewFile(uintptr(own), s.local.String())
	return nil
}

func (s *socket) set(fd int) error {
	if err := unix.SetNonblock(fd, false); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	wait := unix.NsecToTimeval(idle.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if !s.passed && unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer) // less will do
	}
	// Whoever forges a report of a small path MTU must not have answers sent in fragments, into which others can be
	// forged (RFC 9715). IPv6 needs none of it: answers fit its least MTU. A system without the option knows no reports.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
	if !s.wildcard {
		return nil
	}
	return os.NewSyscallError("setsockopt", tellDestination(fd))
}

// tellDestination has each packet come with the address that it was sent to.
func tellDestination(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	switch {
	case err != nil:
		return err
	case domain == unix.AF_INET6:
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
}

// byProcessor is a program that gives each packet to the socket of its processor, of n.
func byProcessor(n int) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0xfffff000 + 36}, // SKF_AD_OFF + SKF_AD_CPU
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(n)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
}

// behind is a program that gives each packet to the first socket behind n: CoreDNS's.
func behind(n int) []unix.SockFilter {
	return []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: uint32(n)}}
}

// steer sets the program that chooses among the sockets that share fd's address.
func steer(fd int, program []unix.SockFilter) error {
	p := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &p))
}

// leave gives packets that come from now on to CoreDNS's socket. When the sockets are closed, one after the other, those that
// are left change their places, and packets are spread by their senders over all but connected ones: so each is connected,
// to itself. What comes into it meanwhile is still answered.
func leave(sockets []*socket) error {
	if err := steer(sockets[0].fd, behind(len(sockets))); err != nil {
		return err
	}
	for _, s := range sockets {
		own, err := unix.Getsockname(s.fd)
		if err == nil {
			err = unix.Connect(s.fd, own)
		}
		if err != nil {
			return os.NewSyscallError("connect", err)
		}
	}
	return nil
}

func (s *socket) close() {
	s.mu.Lock()
	s.lost() // for those who count later
	s.mu.Unlock()
	s.file.Close()
}

// run answers until the socket shall end, and then what has come before: only a receive that began after the end was
// told shows that nothing is left.
func (s *socket) run(p *port) {
	var yielded time.Time
	for {
		ending := p.ending.Load()
		if p.kept && ending {
			return
		}
		n, err := s.batch.receive(s.fd, !ending)
		switch {
		case err != nil:
			p.log.Error("the fast path's socket failed; CoreDNS's own takes over", "address", p.name, "error", err)
			return
		case n == 0 && ending:
			return
		case n > 0:
			if s.serve(p, n).Sub(yielded) >= turn { // under full load other goroutines have no other moment
				runtime.Gosched()
				yielded = time.Now()
			}
		}
	}
}

// serve answers or passes on the packets of one receive, and says when it began.
func (s *socket) serve(p *port, n int) (start time.Time) {
	start = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if next := p.active.Load(); next != s.active {
		s.follow(next)
	}
	zones, now := s.active.zones(), moment{start, s.pressed(n)}
	for i := range n {
		s.one(p, i, zones, now)
	}
	s.batch.send(s.fd)
	s.measure(start)
	return start
}
