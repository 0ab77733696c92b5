package probes

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"failoverdns/health"
)

// TestMain has this process be starved for longer before it suspects itself: machines that run tests are busy.
func TestMain(m *testing.M) {
	stall = 20 * time.Second
	os.Exit(m.Run())
}

// serve runs a TCP server on loopback that hands each connection to a function and then closes it.
func serve(t testing.TB, talk func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	done := make(chan struct{})
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				stop := make(chan struct{})
				defer close(stop)
				go func() { // ends a conversation that waits for ever
					select {
					case <-done:
						conn.Close()
					case <-stop:
					}
				}()
				talk(conn)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() { l.Close(); close(done); all.Wait() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// answer reads a request and sends a text.
func answer(text string) func(net.Conn) {
	return func(c net.Conn) {
		if readRequest(c) != nil {
			c.Write([]byte(text))
		}
	}
}

func readRequest(c net.Conn) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return nil
	}
	return r
}

// trickle sends a text over and over until the other side is gone.
func trickle(c net.Conn, text string, pause time.Duration) {
	for {
		if _, err := c.Write([]byte(text)); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// block reads until the other side closes.
func block(c net.Conn) {
	buf := make([]byte, 512)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// reset closes with RST.
func reset(c net.Conn) {
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// target is a completed check of a URL at an address; options change it before it is completed.
func target(t testing.TB, url string, at netip.AddrPort, options ...func(*health.Check)) Target {
	t.Helper()
	c, err := health.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	if at.Port() != 0 {
		c.Port = at.Port()
	}
	c.Interval, c.Timeout = time.Minute, 30*time.Second // never reached but by what hangs: those tests set their own
	for _, o := range options {
		o(&c)
	}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	return Target{Endpoint: "azure/http@" + at.Addr().String(), Revision: 7, Check: c, Address: at.Addr()}
}

func timeout(d time.Duration) func(*health.Check) { return func(c *health.Check) { c.Timeout = d } }
func match(s string) func(*health.Check)          { return func(c *health.Check) { c.Match = s } }

// expect probes and compares; an empty reason is a success.
func expect(t *testing.T, e *Env, target Target, reason health.Reason, detail string) Result {
	t.Helper()
	r := e.Probe(context.Background(), target)
	want := health.Success
	if reason != "" {
		want = (&fault{reason: reason}).outcome()
	}
	if r.Outcome != want || r.Reason != reason || !strings.Contains(r.Detail, detail) || reason == "" && r.Detail != "" {
		t.Errorf("got %s %q %q, want %s %q with %q", r.Outcome, r.Reason, r.Detail, want, reason, detail)
	}
	if r.Endpoint != target.Endpoint || r.Revision != target.Revision || r.Started.IsZero() || r.Duration <= 0 {
		t.Errorf("result is not filled in: %+v", r)
	}
	return r
}

// names is a resolver with a fixed table; an error stands for a broken one.
type fixedNames struct {
	addrs map[string][]string
	err   error
	asked []string
}

func (f *fixedNames) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	f.asked = append(f.asked, host)
	if f.err != nil {
		return nil, f.err
	}
	var out []netip.Addr
	for _, a := range f.addrs[host] {
		out = append(out, netip.MustParseAddr(a))
	}
	if out == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return out, nil
}
