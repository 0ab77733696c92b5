//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"failoverdns/e2e/cluster"
)

// hold opens a node's sockets in the service manager's stead.
func hold(t *testing.T, n *cluster.Node) {
	t.Helper()
	packets, err := net.ListenPacket("udp", n.DNS)
	ok(t, err)
	t.Cleanup(func() { packets.Close() })
	widen(t, packets.(*net.UDPConn))
	conns, err := net.Listen("tcp", n.DNS)
	ok(t, err)
	t.Cleanup(func() { conns.Close() })
	for _, s := range []interface{ File() (*os.File, error) }{packets.(*net.UDPConn), conns.(*net.TCPListener)} {
		f, err := s.File()
		ok(t, err)
		t.Cleanup(func() { f.Close() })
		n.Passed = append(n.Passed, f)
	}
}

// Clients of the load, how many queries each sends at once, and its pause then: up to four thousand queries a second.
const (
	loadClients = 4
	loadBurst   = 4
	loadPause   = 4 * time.Millisecond
)

// load is clients that ask all the time and never again: what is not answered is lost.
type load struct {
	sent, answered, wrong  atomic.Int64
	connects, again, fault atomic.Int64
	first                  atomic.Pointer[error] // of connections
	all                    sync.WaitGroup
	stop                   context.CancelFunc
}

func startLoad(t *testing.T, n *cluster.Node) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop}
	for range loadClients {
		conn, err := net.Dial("udp", n.DNS)
		ok(t, err)
		t.Cleanup(func() { conn.Close() })
		widen(t, conn.(*net.UDPConn))
		l.all.Go(func() { l.send(ctx, conn) })
		go l.receive(conn)
	}
	l.all.Go(func() { l.connect(ctx, n.DNS) })
	return l
}

// widen gives a socket room for all that comes at once after a wait.
func widen(t *testing.T, c *net.UDPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	ok(t, err)
	var refused error
	ok(t, raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	}))
	if refused != nil {
		t.Skipf("a socket that holds what comes during a restart needs the rights of a service manager: %v", refused)
	}
}

func (l *load) send(ctx context.Context, conn net.Conn) {
	for ctx.Err() == nil {
		for range loadBurst {
			b, err := new(dns.Msg).SetQuestion(login+".", dns.TypeA).Pack()
			if err == nil {
				_, err = conn.Write(b)
			}
			if err == nil {
				l.sent.Add(1)
			}
		}
		pause(ctx, loadPause)
	}
}

func (l *load) receive(conn net.Conn) {
	for b := make([]byte, 4096); ; {
		size, err := conn.Read(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			l.wrong.Add(1) // refused: nobody held the socket
			continue
		}
		m := new(dns.Msg)
		if m.Unpack(b[:size]) != nil || cluster.Answer(m) != azure {
			l.wrong.Add(1)
			continue
		}
		l.answered.Add(1)
	}
}

// connect asks over a new connection each time. A connection that ends without an answer is tried once more, as resolvers do
// (RFC 7766, section 6.2.4); one that is refused is a fault, and so is a second end.
func (l *load) connect(ctx context.Context, at string) {
	for ctx.Err() == nil {
		l.connects.Add(1)
		err := askOnce(at)
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			l.again.Add(1)
			err = askOnce(at)
		}
		if err != nil {
			l.fault.Add(1)
			l.first.CompareAndSwap(nil, &err)
		}
		pause(ctx, 5*time.Millisecond)
	}
}

func askOnce(at string) error {
	c := &dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	m, _, err := c.Exchange(new(dns.Msg).SetQuestion(login+".", dns.TypeA), at)
	if err == nil && cluster.Answer(m) != azure {
		err = fmt.Errorf("answered %s", cluster.Answer(m))
	}
	return err
}

// lost stops asking and gives how many queries over UDP had no answer.
func (l *load) lost() int64 {
	l.stop()
	l.all.Wait()
	for end := time.Now().Add(10 * time.Second); l.answered.Load() < l.sent.Load() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	return l.sent.Load() - l.answered.Load()
}

func (l *load) check(t *testing.T, may int64) {
	t.Helper()
	lost := l.lost()
	t.Logf("%d queries over UDP, %d without an answer; %d connections, %d of them tried once more", l.sent.Load(), lost, l.connects.Load(), l.again.Load())
	if lost > may || l.wrong.Load() > 0 {
		t.Errorf("Expected at most %d queries without an answer, got %d, and %d wrong", may, lost, l.wrong.Load())
	}
	if err := l.first.Load(); err != nil {
		t.Errorf("%d connections failed, the first with: %v", l.fault.Load(), *err)
	}
	if l.sent.Load() < 1000 || l.connects.Load() < 20 {
		t.Error("that was no load")
	}
}

// restarts is how often each test ends the server.
const restarts = 4

func TestRestartLosesNoQueryWhereTheSocketsArePassed(t *testing.T) {
	c := prepare(t, cluster.Spec{Nodes: 1, Interval: fast})
	n := c.Nodes()[0]
	hold(t, n)
	ok(t, c.Start(soon(t)))
	l := startLoad(t, n)
	for range restarts {
		time.Sleep(500 * time.Millisecond)
		ok(t, n.Stop())
		ok(t, n.Start())
		ok(t, n.WaitReady(soon(t)))
	}
	time.Sleep(500 * time.Millisecond)
	ok(t, n.Reload())
	time.Sleep(500 * time.Millisecond)
	l.check(t, 0)
}

// batch is how many queries one goroutine of the server reads at once: docs/listener.md.
const batch = 64

// A killed server takes with it what it has read and not answered.
func TestKilledServerLosesAtMostWhatItHadInHandWhereTheSocketsArePassed(t *testing.T) {
	c := prepare(t, cluster.Spec{Nodes: 1, Interval: fast})
	n := c.Nodes()[0]
	hold(t, n)
	ok(t, c.Start(soon(t)))
	l := startLoad(t, n)
	for range restarts {
		time.Sleep(500 * time.Millisecond)
		n.Kill()
		ok(t, n.Start())
		ok(t, n.WaitReady(soon(t)))
	}
	time.Sleep(500 * time.Millisecond)
	l.check(t, int64(restarts*runtime.NumCPU()*batch))
}

func TestPassedSocketWithoutAServerBlockIsNamedAtTheStart(t *testing.T) {
	c := prepare(t, cluster.Spec{Nodes: 1, Interval: fast})
	n := c.Nodes()[0]
	hold(t, n)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer other.Close()
	f, err := other.(*net.TCPListener).File()
	ok(t, err)
	defer f.Close()
	n.Passed = append(n.Passed, f)
	ok(t, n.Start())
	for end := time.Now().Add(20 * time.Second); n.Running() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if want := "no server block listens on tcp " + other.Addr().String(); n.Running() || !strings.Contains(n.Log(), want) {
		t.Errorf("Expected it to end with %q, running %t", want, n.Running())
	}
}
