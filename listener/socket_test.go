//go:build linux

package listener

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"failoverdns/record"
	"failoverdns/zone"
)

const testAddress = "dns://test"

// slow is what stands for CoreDNS's answers: REFUSED for everything.
var slow = dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg).SetRcode(r, dns.RcodeRefused)
	if r.IsEdns0() != nil {
		m.SetEdns0(1232, false)
	}
	w.WriteMsg(m)
})

// listening is a listener on one address, its zone served, and its port's name.
func listening(t testing.TB, host string, blocks ...Block) (l *Listener, at string) {
	t.Helper()
	return defended(t, Config{}, host, blocks...)
}

// defended is listening with a rate limit or cookies.
func defended(t testing.TB, c Config, host string, blocks ...Block) (l *Listener, at string) {
	t.Helper()
	l, at = prepared(t, c, host, blocks...)
	l.Serve(testAddress, Server{Handler: slow})
	return l, at
}

// prepared is defended before anything is answered.
func prepared(t testing.TB, c Config, host string, blocks ...Block) (l *Listener, at string) {
	t.Helper()
	l = New(slog.New(slog.DiscardHandler))
	zones := served(t)
	if len(blocks) == 0 {
		blocks = []Block{{Zone: record.MustParseName("example"), Fast: true, Payload: 1232, Timed: true}}
	}
	c.Addresses, c.Zones = []Address{{Name: testAddress, Host: host, Blocks: blocks}}, func() *zone.Set { return zones }
	if err := l.Prepare(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Stop(context.Background()) })
	return l, l.ports[testAddress].sockets[0].local.String()
}

func exchange(t testing.TB, at, name string, qtype uint16) *dns.Msg {
	t.Helper()
	return exchangeMsg(t, at, new(dns.Msg).SetQuestion(name, qtype))
}

func exchangeMsg(t testing.TB, at string, q *dns.Msg) *dns.Msg {
	t.Helper()
	m, _, err := (&dns.Client{Timeout: patience}).Exchange(q, at)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestServedNamesAreAnsweredHereAndOthersByCoreDNS(t *testing.T) {
	l, at := listening(t, "127.0.0.1:0")
	for name, want := range map[string]int{"NS1.example.": dns.RcodeSuccess, "none.example.": dns.RcodeNameError, "example.net.": dns.RcodeRefused} {
		if m := exchange(t, at, name, dns.TypeA); m.Rcode != want || m.Question[0].Name != name {
			t.Errorf("%s gets %v", name, m)
		}
	}
	sum := l.Tallies()[testAddress][record.MustParseName("example")]
	p := l.Packets()[testAddress]
	if sum.Rcodes[dns.RcodeSuccess] != 1 || sum.Rcodes[dns.RcodeNameError] != 1 || p.Passed != 1 || len(sum.Took.Amounts()) == 0 {
		t.Errorf("counted %v, %+v", sum.Rcodes, p)
	}
}

func TestAnswerComesFromTheAddressThatWasAsked(t *testing.T) {
	_, at := listening(t, ":0")
	_, port, _ := net.SplitHostPort(at)
	for _, host := range []string{"127.0.0.1", "127.0.0.9", "::1"} {
		for _, name := range []string{"ns1.example.", "example.net."} { // here, and by CoreDNS
			// A connected socket takes answers from that address only.
			exchange(t, net.JoinHostPort(host, port), name, dns.TypeA)
		}
	}
}

func TestReportsOfSmallPathsDoNotFragmentAnswers(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", ":0"} { // the second has both families
		sockets, err := open(host, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer sockets[0].close()
		got, err := unix.GetsockoptInt(sockets[0].fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER)
		if err != nil || got != unix.IP_PMTUDISC_OMIT {
			t.Errorf("at %s path MTU discovery is %d, %v; want %d", host, got, err, unix.IP_PMTUDISC_OMIT)
		}
	}
}

func TestFamiliesAreToldApart(t *testing.T) {
	l, at := listening(t, ":0")
	_, port, _ := net.SplitHostPort(at)
	exchange(t, net.JoinHostPort("127.0.0.1", port), "ns1.example.", dns.TypeA)
	exchange(t, net.JoinHostPort("::1", port), "ns1.example.", dns.TypeA)
	got := l.Tallies()[testAddress][record.MustParseName("example")].Requests
	if got[0][0] != 1 || got[1][0] != 1 {
		t.Errorf("counted %v", got)
	}
}

func TestBlockThatIsNotFastIsCoreDNSs(t *testing.T) {
	_, at := listening(t, "127.0.0.1:0", Block{Zone: record.MustParseName("example"), Fast: true, Payload: 1232},
		Block{Zone: record.MustParseName("w.example")})
	if m := exchange(t, at, "ns1.example.", dns.TypeA); m.Rcode != dns.RcodeSuccess {
		t.Errorf("got %v", m)
	}
	if m := exchange(t, at, "x.w.example.", dns.TypeA); m.Rcode != dns.RcodeRefused {
		t.Errorf("got %v", m)
	}
}

// asked sends n queries at once, waits until all are answered or held back, and gives how many answers were whole and
// cut, and how long that took.
func asked(t *testing.T, l *Listener, at string, n int, q *dns.Msg) (whole, cut int, took time.Duration) {
	t.Helper()
	c, err := dns.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	limited := func() int { return int(l.Packets()[testAddress].Limited) }
	before, began := limited(), time.Now()
	for range n {
		if err := c.WriteMsg(q); err != nil {
			t.Fatal(err)
		}
	}
	for whole+limited()-before < n || cut < (n-whole)/2 {
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		m, err := c.ReadMsg()
		switch {
		case time.Since(began) > patience:
			t.Fatalf("of %d queries %d got a whole answer, %d one that was cut, %d are limited", n, whole, cut, limited()-before)
		case err != nil:
		case m.Truncated && len(m.Answer)+len(m.Ns) == 0 && len(m.Question) == 1:
			cut++
		default:
			whole++
		}
	}
	return whole, cut, time.Since(began)
}

func TestRateLimitHoldsBackAnswersMadeHereAndByCoreDNS(t *testing.T) {
	l, at := defended(t, Config{RateLimit: &RateLimit{Answers: 20, Errors: 10, Slip: 2, IPv4: 24, IPv6: 56}}, "127.0.0.1:0")
	for _, c := range []struct {
		by, name string
		rate     int
	}{{"answers made here", "ns1.example.", 20}, {"CoreDNS's answers", "example.net.", 10}} {
		const n = 200
		whole, cut, took := asked(t, l, at, n, new(dns.Msg).SetQuestion(c.name, dns.TypeA))
		none := n - whole - cut
		free := c.rate + int(took.Seconds()*float64(c.rate)) + 1 // a second's answers, and what becomes free meanwhile
		if whole < c.rate || whole > free || none < cut-1 || none > cut+1 {
			t.Errorf("%s, within %s: %d whole, %d cut, %d held back", c.by, took, whole, cut, none)
		}
	}
}

// cookieOf is the cookie of an answer, in hexadecimal digits.
func cookieOf(m *dns.Msg) string {
	for _, o := range m.IsEdns0().Option {
		if c, ok := o.(*dns.EDNS0_COOKIE); ok {
			return c.Cookie
		}
	}
	return ""
}

func TestClientWithAGoodCookieGetsAllAnswers(t *testing.T) {
	c := Config{RateLimit: &RateLimit{Answers: 5, Errors: 5, IPv4: 24, IPv6: 56}, Secrets: secrets(t, "e5e973e5a6b2a43f48e7dc849e37bfcf")}
	_, at := defended(t, c, "127.0.0.1:0")
	ask := func(name, cookie string) *dns.Msg {
		q := new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(1232, false)
		q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie}}
		return exchangeMsg(t, at, q)
	}
	for _, name := range []string{"ns1.example.", "example.net."} { // here, and by CoreDNS
		whole := cookieOf(ask(name, "2464c4abcf10c957"))
		if len(whole) != 2*wholeCookie || !strings.HasPrefix(whole, "2464c4abcf10c957") {
			t.Fatalf("%s: got the cookie %q", name, whole)
		}
		for range 50 {
			if m := ask(name, whole); m.Truncated || cookieOf(m) == "" {
				t.Fatalf("%s: got %v", name, m)
			}
		}
	}
	if m := ask("ns1.example.", "2464"); m.Rcode != dns.RcodeFormatError {
		t.Errorf("a damaged cookie gets %v", m)
	}
}

func TestAddressThatIsBoundAlreadyIsLeftAlone(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l := New(slog.New(slog.DiscardHandler))
	err = l.Prepare(Config{Addresses: []Address{{Name: testAddress, Host: c.LocalAddr().String()}}})
	if err == nil || !strings.Contains(err.Error(), "bound already") || l.Open(testAddress) {
		t.Errorf("got %v, open: %v", err, l.Open(testAddress))
	}
}

func TestRollbackClosesWhatPrepareHasOpened(t *testing.T) {
	l := New(slog.New(slog.DiscardHandler))
	if err := l.Prepare(Config{Addresses: []Address{{Name: testAddress, Host: "127.0.0.1:0"}}}); err != nil {
		t.Fatal(err)
	}
	l.Rollback()
	if l.Open(testAddress) {
		t.Error("it is still open")
	}
}

// TestNoQueryIsLostWhenTheSocketsClose has clients ask all the time while CoreDNS's socket, which is there beside ours,
// takes over.
func TestNoQueryIsLostWhenTheSocketsClose(t *testing.T) {
	l, at := listening(t, "127.0.0.1:0")
	beside, err := openOne(at)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.FilePacketConn(beside.file)
	if err != nil {
		t.Fatal(err)
	}
	beside.close()
	core := &dns.Server{PacketConn: conn, Handler: slow}
	go core.ActivateAndServe()
	t.Cleanup(func() { core.Shutdown() })

	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	var ours, theirs, lost atomic.Int64
	for i := range 4 {
		clients.Go(func() {
			c, err := dns.Dial("udp", at)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for n := 0; ctx.Err() == nil; n++ {
				c.SetDeadline(time.Now().Add(patience))
				if c.WriteMsg(new(dns.Msg).SetQuestion(fmt.Sprintf("c%dn%d.w.example.", i, n), dns.TypeA)) != nil {
					lost.Add(1)
				} else if m, err := c.ReadMsg(); err != nil {
					lost.Add(1)
				} else if m.Rcode == dns.RcodeSuccess {
					ours.Add(1)
				} else {
					theirs.Add(1)
				}
			}
		})
	}
	until := func(n *atomic.Int64) {
		for end := time.Now().Add(patience); n.Load() < 500 && lost.Load() == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	until(&ours)
	if theirs.Load() > 0 {
		t.Errorf("%d queries came past the fast path", theirs.Load())
	}
	l.Stop(context.Background())
	until(&theirs)
	cancel()
	clients.Wait()
	if lost.Load() > 0 || ours.Load() < 500 || theirs.Load() < 500 {
		t.Errorf("%d answers here, %d by CoreDNS's socket, %d lost", ours.Load(), theirs.Load(), lost.Load())
	}
}

// TestQueriesWaitInAPassedSocketForTheNextProcess stops reading a socket that somebody else holds while queries come, and
// begins again.
func TestQueriesWaitInAPassedSocketForTheNextProcess(t *testing.T) {
	held, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	file, err := held.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	at, zones := held.LocalAddr().String(), served(t)
	next := func() *Listener {
		l := New(slog.New(slog.DiscardHandler))
		blocks := []Block{{Zone: record.MustParseName("example"), Fast: true, Payload: 1232}}
		a := Address{Name: testAddress, Host: at, Blocks: blocks, Passed: []*os.File{file}}
		if err := l.Prepare(Config{Addresses: []Address{a}, Zones: func() *zone.Set { return zones }}); err != nil {
			t.Fatal(err)
		}
		l.Serve(testAddress, Server{Handler: slow})
		return l
	}
	l := next()
	for _, name := range []string{"ns1.example.", "example.net."} { // here, and by CoreDNS
		exchange(t, at, name, dns.TypeA)
	}
	l.Stop(context.Background())
	c, err := dns.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 50 {
		if err := c.WriteMsg(new(dns.Msg).SetQuestion("ns1.example.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
	}
	l = next()
	defer l.Stop(context.Background())
	c.SetReadDeadline(time.Now().Add(patience))
	for i := range 50 {
		if m, err := c.ReadMsg(); err != nil || m.Rcode != dns.RcodeSuccess {
			t.Fatalf("Expected 50 answers, after %d got %v (%v)", i, m, err)
		}
	}
}
