package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
)

// Unbound is the resolver in front of clients. Debian has it as package unbound.
var Unbound = Software{Name: "unbound", binary: "unbound", args: []string{"-d", "-p", "-c"}}

// Resolver is a caching resolver that asks all nodes for the cluster's zones, as resolvers on the Internet would. It
// keeps no answer beyond its TTL.
type Resolver struct {
	*Process
	DNS string // HOST:PORT
}

// Resolver makes one at the place of this name, and starts nothing; Close ends it. It also asks for zones that the spec
// does not name.
func (c *Cluster) Resolver(place string, zones ...string) (*Resolver, error) {
	path, err := Unbound.path()
	if err != nil {
		return nil, err
	}
	port, err := c.ports.take()
	if err != nil {
		return nil, err
	}
	at := c.spec.Place(place)
	dir := filepath.Join(c.dir, place)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", place, err)
	}
	config := filepath.Join(dir, "conf")
	if err := os.WriteFile(config, []byte(c.unboundConfig(at, port, append(zones, c.spec.Zone))), 0o600); err != nil {
		return nil, fmt.Errorf("configure %s: %w", place, err)
	}
	r := &Resolver{DNS: at.at(port), Process: &Process{name: "resolver " + place, log: filepath.Join(dir, "log"), command: func() *exec.Cmd {
		return at.command(append(append([]string{path}, Unbound.args...), config)...)
	}}}
	c.others = append(c.others, r.Process)
	return r, nil
}

func (c *Cluster) unboundConfig(at Place, port int, zones []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n  interface: %s@%d\n  access-control: 0.0.0.0/0 allow\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n  use-syslog: no\n  logfile: \"\"\n", at.Address, port)
	fmt.Fprintf(&b, "  module-config: iterator\n  do-not-query-localhost: no\n  do-ip6: no\n")
	for _, z := range zones {
		fmt.Fprintf(&b, "  local-zone: %q nodefault\n", z+".")
	}
	fmt.Fprintf(&b, "remote-control:\n  control-enable: no\n")
	for _, z := range zones {
		fmt.Fprintf(&b, "stub-zone:\n  name: %q\n  stub-prime: no\n", z+".")
		for _, n := range c.nodes {
			host, port, _ := net.SplitHostPort(n.DNS)
			fmt.Fprintf(&b, "  stub-addr: %s@%s\n", host, port)
		}
	}
	return b.String()
}

// Ask asks the resolver as a client does.
func (r *Resolver) Ask(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	c := &dns.Client{Net: "udp"}
	m, _, err := c.ExchangeContext(ctx, q, r.DNS)
	if err != nil {
		return nil, fmt.Errorf("ask the resolver for %s %s: %w", name, dns.TypeToString[qtype], err)
	}
	return m, nil
}
