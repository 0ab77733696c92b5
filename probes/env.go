package probes

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
)

// Resolver looks up the addresses of names; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Env is what probes need of their node. The zero value works. It is shared by all probes, must not be copied after
// its first use, and is not changed while in use.
type Env struct {
	Dial     func(ctx context.Context, network, address string) (net.Conn, error) // nil: a plain net.Dialer
	Resolver Resolver                                                             // nil: the system's
	Allow    []netip.Prefix                                                       // exempt from the denied targets
	Roots    *x509.CertPool                                                       // nil: the system's
	ReadFile func(path string) ([]byte, error)                                    // reads header files; nil: ReadSecret
	Canaries []string                                                             // HOST:PORT; none: failures are believed
	Version  string                                                               // in the User-Agent

	// Steered says whether this cluster steers a name; nil: none. A redirect to such a name stays at the address
	// under probe: looking it up would give whichever site is active.
	Steered func(host string) bool

	routes func(netip.AddrPort) bool // tests only; nil: hasRoute
	canary canary
}

// dialer is shared: a probe's connection is too short for keep-alives.
var dialer = net.Dialer{KeepAlive: -1, KeepAliveConfig: net.KeepAliveConfig{Enable: false}}

func (e *Env) dial(ctx context.Context, address string) (net.Conn, error) {
	if e.Dial != nil {
		return e.Dial(ctx, "tcp", address)
	}
	return dialer.DialContext(ctx, "tcp", address)
}

func (e *Env) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if e.Resolver != nil {
		return e.Resolver.LookupNetIP(ctx, "ip", name)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

func (e *Env) readFile(path string) ([]byte, error) {
	if e.ReadFile != nil {
		return e.ReadFile(path)
	}
	return ReadSecret(path)
}

func (e *Env) routed(to netip.AddrPort) bool {
	if e.routes != nil {
		return e.routes(to)
	}
	return hasRoute(to)
}

func (e *Env) userAgent() string {
	if e.Version == "" {
		return "failoverdns"
	}
	return "failoverdns/" + e.Version
}

// hasRoute asks the routing table: connecting a UDP socket sends nothing.
func hasRoute(to netip.AddrPort) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// maxSecret bounds a header file, in bytes: common servers take no longer header line.
const maxSecret = 8 << 10

// ReadSecret reads a header's value from a regular file of at most 8 KiB, without the line break at its end.
func ReadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // reading a pipe would block the probe
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSecret {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, maxSecret)
	}
	return []byte(strings.TrimRight(string(data), "\r\n")), nil
}
