package listener

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds what is sure to come: only a failure takes so long, however busy the machine is.
const patience = time.Minute

// room is limits that no test reaches but those that set others.
var room = Connections{Total: 100, Network: 100, IPv4: 24, IPv6: 56}

// streaming is an address of connections on loopback.
func streaming(t *testing.T, limits Connections) (s *Streams, part func() *Stream) {
	t.Helper()
	return streamingWithin(t, limits, patience)
}

// streamingWithin is streaming with a bound for each write.
func streamingWithin(t *testing.T, limits Connections, write time.Duration) (s *Streams, part func() *Stream) {
	t.Helper()
	s = NewStreams(slog.New(slog.DiscardHandler))
	s.Limit(limits)
	return s, func() *Stream {
		one, err := s.Listen(testAddress, write, func() ([]net.Listener, error) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			return []net.Listener{l}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { one.Close() })
		return one
	}
}

// echo is a server that sends back what it gets, with its name.
func echo(l net.Listener, name string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for b := make([]byte, 64); ; {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				c.Write([]byte(name + string(b[:n])))
			}
		}()
	}
}

func tryDial(to net.Addr, from string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	return d.Dial("tcp", to.String())
}

// dial connects from an address of this machine.
func dial(t *testing.T, to net.Addr, from string) net.Conn {
	t.Helper()
	c, err := tryDial(to, from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// talk sends a word and gives what comes back.
func talk(c net.Conn, word string) (string, error) {
	if _, err := c.Write([]byte(word)); err != nil {
		return "", err
	}
	b := make([]byte, 64)
	n, err := c.Read(b)
	return string(b[:n]), err
}

func expectAnswer(t *testing.T, c net.Conn, want string) {
	t.Helper()
	if got, err := talk(c, "!"); err != nil || got != want+"!" {
		t.Errorf("Expected an answer of %s, got %q (%v)", want, got, err)
	}
}

func expectClosed(t *testing.T, c net.Conn) {
	t.Helper()
	var timeout net.Error
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("Expected the connection to be closed, got %v", err)
	}
}

// expectTurnedAway wants a connection to be closed at once. Who connects may see that before connect(2) returns.
func expectTurnedAway(t *testing.T, to net.Addr, from string) {
	t.Helper()
	c, err := tryDial(to, from)
	if errors.Is(err, syscall.ECONNRESET) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	expectClosed(t, c)
}

func TestNetworkBeyondItsShareIsTurnedAwayAndOthersAreNot(t *testing.T) {
	limits := room
	limits.Network, limits.Exempt = 2, []netip.Prefix{netip.MustParsePrefix("127.0.3.0/24")}
	s, part := streaming(t, limits)
	l := part()
	go echo(l, "a")
	first, second := dial(t, l.Addr(), "127.0.1.1"), dial(t, l.Addr(), "127.0.1.2")
	expectAnswer(t, first, "a")
	expectAnswer(t, second, "a")
	expectTurnedAway(t, l.Addr(), "127.0.1.3")
	expectAnswer(t, dial(t, l.Addr(), "127.0.2.1"), "a")
	for range 3 {
		expectAnswer(t, dial(t, l.Addr(), "127.0.3.1"), "a")
	}
	first.Close()
	eventuallyCounts(t, s, StreamCounts{Open: 5, Network: 1})
	expectAnswer(t, dial(t, l.Addr(), "127.0.1.3"), "a")
}

// eventuallyCounts waits for counts.
func eventuallyCounts(t *testing.T, s *Streams, want StreamCounts) {
	t.Helper()
	for deadline := time.Now().Add(patience); s.Counts()[testAddress] != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Expected %+v, got %+v", want, s.Counts()[testAddress])
		}
	}
}

func TestNewcomerGetsThePlaceOfWhoHasWaitedLongest(t *testing.T) {
	limits := room
	limits.Total = 3
	s, part := streaming(t, limits)
	l := part()
	go echo(l, "a")
	var conns []net.Conn
	for range 3 {
		c := dial(t, l.Addr(), "127.0.0.1")
		expectAnswer(t, c, "a")
		conns = append(conns, c)
	}
	expectAnswer(t, conns[0], "a") // now the second has waited longest
	waitReading(t, s, 3)
	expectAnswer(t, dial(t, l.Addr(), "127.0.0.1"), "a")
	expectClosed(t, conns[1])
	expectAnswer(t, conns[0], "a")
	expectAnswer(t, conns[2], "a")
	eventuallyCounts(t, s, StreamCounts{Open: 3, Evicted: 1})
}

// waitReading waits until so many connections wait for their client.
func waitReading(t *testing.T, s *Streams, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s.gate.mu.Lock()
		n := 0
		for e := s.gate.waiting.Front(); e != nil; e = e.Next() {
			if e.Value.(*conn).reading {
				n++
			}
		}
		s.gate.mu.Unlock()
		if n == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Expected %d to be read from, got %d", want, n)
		}
	}
}

func TestConnectionThatIsBeingAnsweredKeepsItsPlace(t *testing.T) {
	limits := room
	limits.Total = 1
	_, part := streaming(t, limits)
	l := part()
	read, answer := make(chan bool), make(chan bool)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.ReadFull(c, make([]byte, 1))
		read <- true
		<-answer
		c.Write([]byte("late"))
	}()
	c := dial(t, l.Addr(), "127.0.0.1")
	if _, err := c.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	<-read
	expectTurnedAway(t, l.Addr(), "127.0.1.1")
	answer <- true
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "late" {
		t.Errorf("Expected the answer, got %q (%v)", b, err)
	}
}

func TestClientThatTakesNothingIsCutOff(t *testing.T) {
	_, part := streamingWithin(t, room, 100*time.Millisecond)
	l := part()
	dial(t, l.Addr(), "127.0.0.1")
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for block := make([]byte, 1<<20); err == nil; {
		_, err = c.Write(block)
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("Expected a timeout, got %v", err)
	}
}

func TestNoConnectionIsLostWhenServersTakeTurns(t *testing.T) {
	s, part := streaming(t, room)
	l := part()
	go echo(l, "a")
	at := l.Addr()
	asked := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(asked)
		for ctx.Err() == nil {
			c, err := net.Dial("tcp", at.String())
			if err == nil {
				c.SetDeadline(time.Now().Add(patience))
				_, err = talk(c, "!")
				c.Close()
			}
			asked <- err
		}
	}()
	for turn := range 200 {
		if turn%10 == 9 {
			next := part()
			go echo(next, "b")
			l.Drain(patience)
			l.Close()
			l = next
		}
		if err := <-asked; err != nil {
			t.Fatalf("turn %d: %v", turn, err)
		}
	}
	cancel()
	for range asked {
	}
	l.Close()
	if _, err := net.Dial("tcp", at.String()); err == nil {
		t.Error("Expected the address to be closed with its last server")
	}
	if c := s.Counts()[testAddress]; c.Network+c.Total+c.Evicted != 0 {
		t.Errorf("Expected nobody turned away, got %+v", c)
	}
}

func TestReloadThatFailsLeavesTheConnectionsToTheOldServer(t *testing.T) {
	_, part := streaming(t, room)
	l := part()
	go echo(l, "a")
	expectAnswer(t, dial(t, l.Addr(), "127.0.0.1"), "a")
	part().Close()
	expectAnswer(t, dial(t, l.Addr(), "127.0.0.1"), "a")
}

// The holder of a passed socket keeps it open: connections that come after the end wait for the next process.
func TestConnectionsWaitInAPassedSocketForTheNextServer(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	file, err := held.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	next := func(name string) *Stream {
		s := NewStreams(slog.New(slog.DiscardHandler))
		s.Limit(room)
		l, err := s.Listen(testAddress, 0, func() ([]net.Listener, error) {
			l, err := net.FileListener(file)
			return []net.Listener{l}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		go echo(l, name)
		return l
	}
	l := next("a")
	expectAnswer(t, dial(t, held.Addr(), "127.0.0.1"), "a")
	l.Drain(patience)
	waiting := dial(t, held.Addr(), "127.0.0.1")
	l.Close()
	l = next("b")
	defer l.Close()
	expectAnswer(t, waiting, "b")
}

// TestClientsAreCountedByTheirNetworkWhateverTheyComeBy: IPv4, IPv6, or no address at all.
func TestClientsAreCountedByTheirNetworkWhateverTheyComeBy(t *testing.T) {
	for client, want := range map[string]string{"192.0.2.77": "192.0.2.0/24", "2001:db8:1:2ff::1": "2001:db8:1:200::/56"} {
		if got := room.network(netip.MustParseAddr(client)).String(); got != want {
			t.Errorf("%s is of %s", client, got)
		}
	}
	g := newGate()
	g.limit(Connections{Total: 100, Network: 1})
	here, there := net.Pipe()
	defer there.Close()
	c := g.admit(testAddress, here, 0)
	if c == nil || c.network != (netip.Prefix{}) {
		t.Fatalf("a connection without an address: %+v", c)
	}
	if g.admit(testAddress, there, 0) != nil {
		t.Error("two without an address are not of one network")
	}
	c.Close()
	if _, err := c.Write([]byte("late")); err == nil || g.waiting.Len() != 0 {
		t.Errorf("an answer after the end: %v, %d are open", err, g.waiting.Len())
	}
	reset(there)
	if _, err := there.Write(nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("it is open: %v", err)
	}
}

// failing is a listening socket that has no descriptors left for a while.
type failing struct {
	errs []error
	net.Listener
}

func (f *failing) Accept() (net.Conn, error) {
	if len(f.errs) == 0 {
		return nil, net.ErrClosed
	}
	err := f.errs[0]
	f.errs = f.errs[1:]
	return nil, err
}

// TestSocketWithoutDescriptorsLeftIsTriedAgain, and one line in the log says so, however often.
func TestSocketWithoutDescriptorsLeftIsTriedAgain(t *testing.T) {
	var log bytes.Buffer
	s := NewStreams(slog.New(slog.NewTextHandler(&log, nil)))
	socket := &failing{errs: []error{syscall.EMFILE, syscall.EMFILE}}
	s.accept(&streamPort{name: testAddress}, socket)
	if n := strings.Count(log.String(), "connections cannot be accepted"); n != 1 || len(socket.errs) != 0 {
		t.Errorf("it is said %d times, %d tries are left: %s", n, len(socket.errs), &log)
	}
	if _, err := s.Listen(testAddress, 0, func() ([]net.Listener, error) { return nil, syscall.EMFILE }); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("an address that cannot be opened: %v", err)
	}
}

// TestServerThatBeginsLateLeavesTheConnectionsToTheNewerOne.
func TestServerThatBeginsLateLeavesTheConnectionsToTheNewerOne(t *testing.T) {
	_, part := streaming(t, room)
	old, next := part(), part()
	go echo(next, "b")
	expectAnswer(t, dial(t, next.Addr(), "127.0.0.1"), "b")
	accepted := make(chan error)
	go func() {
		_, err := old.Accept()
		accepted <- err
	}()
	<-old.over
	expectAnswer(t, dial(t, next.Addr(), "127.0.0.1"), "b")
	old.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("it ended with %v", err)
	}
}

// TestConnectionThatNobodyIsLeftForIsClosed: the last server's turn is over, and no newer one has begun.
func TestConnectionThatNobodyIsLeftForIsClosed(t *testing.T) {
	s, part := streaming(t, room)
	l := part()
	l.port.taker.Store(l)
	l.finish()
	here, there := net.Pipe()
	defer there.Close()
	l.port.hand(s.gate.admit(testAddress, here, 0))
	if _, err := there.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("it is open: %v", err)
	}
	if n := s.Counts()[testAddress].Open; n != 0 || l.fresh.Load() != 0 {
		t.Errorf("%d are open, %d wait for a first answer", n, l.fresh.Load())
	}
}
