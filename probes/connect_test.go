package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"failoverdns/health"
)

// closedPort is a port of loopback at which nobody listens.
func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// blackhole is a listener whose queue is full, so that the kernel drops what comes.
func blackhole(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*syscall.SockaddrInet4).Port))
	for range 8 {
		conn, err := net.DialTimeout("tcp", at.String(), 50*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("the listener's queue does not fill")
	return at
}

func TestTCPProbeAsksForAConnectionOnly(t *testing.T) {
	short := timeout(150 * time.Millisecond)
	expect(t, &Env{}, target(t, "tcp://:1", serve(t, block)), "", "")
	expect(t, &Env{}, target(t, "tcp://:1", closedPort(t)), health.Refused, "refused the connection")
	r := expect(t, &Env{}, target(t, "tcp://:1", blackhole(t), short), health.Timeout, "did not accept the connection within 150ms")
	if r.Duration > 20*time.Second { // the kernel would try for minutes
		t.Errorf("a timeout of 150 ms took %s", r.Duration)
	}
}

// dialTo makes an Env that gives an error for some addresses, hangs for others (nil), and knows no others.
func dialTo(outcomes map[string]error) *Env {
	return &Env{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			err, known := outcomes[address]
			switch {
			case !known:
				return nil, fmt.Errorf("unexpected dial of %s", address)
			case err == nil:
				<-ctx.Done()
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
			case err == errAccepts:
				c, s := net.Pipe()
				s.Close()
				return c, nil
			}
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
		},
		routes: func(a netip.AddrPort) bool { return a.Addr().Is4() },
	}
}

var errAccepts = errors.New("accepts")

func TestConnectErrorsAreToldApart(t *testing.T) {
	const v4, v6 = "192.0.2.1", "2001:db8::1"
	tests := []struct {
		err    error
		at     string
		reason health.Reason
	}{
		{errAccepts, v4, ""},
		{syscall.ECONNREFUSED, v4, health.Refused},
		{syscall.EHOSTUNREACH, v4, health.Unreachable},
		{syscall.ENETUNREACH, v4, health.Unreachable}, // this node has a route: a router on the way has none
		{syscall.ENETUNREACH, v6, health.NoRoute},
		{syscall.EADDRNOTAVAIL, v6, health.NoRoute},
		{syscall.EADDRNOTAVAIL, v4, health.Resources}, // no port left
		{syscall.EAFNOSUPPORT, v6, health.NoRoute},
		{syscall.EPERM, v4, health.NoRoute},
		{syscall.ENETDOWN, v4, health.NoRoute},
		{syscall.ETIMEDOUT, v4, health.Timeout},
		{syscall.ECONNRESET, v4, health.Reset},
		{syscall.EMFILE, v4, health.Resources},
		{syscall.ENFILE, v4, health.Resources},
		{syscall.ENOBUFS, v4, health.Resources},
		{syscall.EINVAL, v4, health.Unreachable},
	}
	for _, test := range tests {
		at := netip.AddrPortFrom(netip.MustParseAddr(test.at), 443)
		t.Run(fmt.Sprint(test.err, " ", test.at), func(t *testing.T) {
			expect(t, dialTo(map[string]error{at.String(): test.err}), target(t, "tcp://:443", at), test.reason, "")
		})
	}
}

func TestOutOfSocketsAbstains(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	at := serve(t, block)
	probe := target(t, "tcp://:1", at)
	lowered := syscall.Rlimit{Cur: 0, Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lowered); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	expect(t, &Env{}, probe, health.Resources, "too many open files")
}

func TestRouteIsAskedOfTheRoutingTable(t *testing.T) {
	if !hasRoute(netip.MustParseAddrPort("127.0.0.1:1")) {
		t.Error("no route to loopback")
	}
}

func TestNamesAreLookedUpAnewAndTriedInOrder(t *testing.T) {
	names := &fixedNames{addrs: map[string][]string{"web.example.com.": {"2001:db8::1", "192.0.2.1", "::ffff:192.0.2.2", "192.0.2.1"}}}
	var dialled []string
	env := dialTo(map[string]error{
		"192.0.2.1:443": syscall.ECONNREFUSED, "192.0.2.2:443": nil, "[2001:db8::1]:443": errAccepts,
	})
	env.Resolver = names
	bare := env.Dial
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = append(dialled, address)
		return bare(ctx, network, address)
	}
	probe := target(t, "tcp://:443", netip.AddrPort{}, timeout(3*time.Second))
	probe.Host = "web.example.com"
	if r := expect(t, env, probe, "", ""); r.Address != netip.MustParseAddr("2001:db8::1") {
		t.Errorf("used %s", r.Address)
	}
	if want := []string{"192.0.2.1:443", "192.0.2.2:443", "[2001:db8::1]:443"}; !slices.Equal(dialled, want) {
		t.Errorf("dialled %v, want %v", dialled, want)
	}
	names.addrs["web.example.com."] = []string{"192.0.2.1"}
	expect(t, env, probe, health.Refused, "192.0.2.1:443 refused")
	if len(names.asked) != 2 {
		t.Errorf("asked %v, want one look-up for each probe", names.asked)
	}
}

func TestFailureOutweighsAbstentionAmongAddresses(t *testing.T) {
	env := dialTo(map[string]error{"192.0.2.1:443": syscall.ECONNREFUSED, "[2001:db8::1]:443": syscall.ENETUNREACH})
	env.Resolver = &fixedNames{addrs: map[string][]string{
		"both.example.com.": {"169.254.169.254", "192.0.2.1", "2001:db8::1"},
		"v6.example.com.":   {"2001:db8::1"},
	}}
	probe := target(t, "tcp://:443", netip.AddrPort{})
	probe.Host = "both.example.com"
	expect(t, env, probe, health.Refused, "192.0.2.1:443")
	probe.Host = "v6.example.com"
	expect(t, env, probe, health.NoRoute, "no route to [2001:db8::1]:443")
}

func TestDialOverridesAddressAndPort(t *testing.T) {
	env := dialTo(map[string]error{"192.0.2.9:8443": errAccepts, "[2001:db8::9]:443": errAccepts, "192.0.2.8:99": errAccepts})
	env.Resolver = &fixedNames{addrs: map[string][]string{"lb": {"192.0.2.8"}}}
	for _, dial := range []string{"192.0.2.9:8443", "2001:db8::9", "[2001:db8::9]:443", "lb:99"} {
		probe := target(t, "tcp://:443", netip.AddrPort{}, func(c *health.Check) { c.Dial = dial })
		probe.Address = netip.MustParseAddr("198.51.100.1")
		expect(t, env, probe, "", "")
	}
}

func TestBrokenResolverAbstainsAndMissingNameFails(t *testing.T) {
	probe := target(t, "tcp://:443", netip.AddrPort{}, timeout(100*time.Millisecond))
	probe.Host = "web.example.com"
	expect(t, &Env{Resolver: &fixedNames{}}, probe, health.Unreachable, `the name "web.example.com" has no address`)
	servfail := &net.DNSError{Err: "server misbehaving", Name: "web.example.com", IsTemporary: true}
	expect(t, &Env{Resolver: &fixedNames{err: servfail}}, probe, health.Resolver, "server misbehaving")
	late := &net.DNSError{Err: "i/o timeout", Name: "web.example.com", IsTimeout: true}
	expect(t, &Env{Resolver: &fixedNames{err: late}}, probe, health.Resolver, "no answer")
}

func TestUnknownTypeAbstains(t *testing.T) {
	probe := target(t, "tcp://:443", netip.MustParseAddrPort("192.0.2.1:443"))
	probe.Check.Kind = "icmp"
	expect(t, &Env{}, probe, health.Resources, `no probe of type "icmp"`)
}
