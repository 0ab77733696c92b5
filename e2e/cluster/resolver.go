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

// Resolver is a caching resolver, as those on the Internet. It keeps no answer beyond its TTL.
type Resolver struct {
	*Process
	DNS string // HOST:PORT
}

// Resolver makes one at the place of this name that is told all nodes' addresses, and starts nothing; Close ends it. It also
// asks them for zones that the spec does not name.
func (c *Cluster) Resolver(place string, zones ...string) (*Resolver, error) {
	var b strings.Builder
	for _, z := range append(zones, c.spec.Zone) {
		fmt.Fprintf(&b, "server:\n  local-zone: %[1]q nodefault\nstub-zone:\n  name: %[1]q\n  stub-prime: no\n", z+".")
		for _, n := range c.nodes {
			host, port, _ := net.SplitHostPort(n.DNS)
			fmt.Fprintf(&b, "  stub-addr: %s@%s\n", host, port)
		}
	}
	return c.resolver(place, b.String())
}

// ResolverBelow is a resolver that knows the root's address alone, and is led from there to the nodes.
func (c *Cluster) ResolverBelow(p *Parent, place string) (*Resolver, error) {
	return c.resolver(place, fmt.Sprintf("server:\n  root-hints: %q\n", p.hints))
}

// resolver makes one that finds zones by these lines of its configuration.
func (c *Cluster) resolver(place, lines string) (*Resolver, error) {
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
	if err := os.WriteFile(config, []byte(fmt.Sprintf(unboundConfig, at.Address, port)+lines), 0o600); err != nil {
		return nil, fmt.Errorf("configure %s: %w", place, err)
	}
	r := &Resolver{DNS: at.at(port), Process: &Process{name: "resolver " + place, log: filepath.Join(dir, "log"), command: func() *exec.Cmd {
		return at.command(append(append([]string{path}, Unbound.args...), config)...)
	}}}
	c.others = append(c.others, r.Process)
	return r, nil
}

// unboundConfig is what all resolvers have, with address and port.
const unboundConfig = `server:
  interface: %s@%d
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  username: ""
  chroot: ""
  use-syslog: no
  logfile: ""
  module-config: iterator
  do-not-query-localhost: no
  do-ip6: no
remote-control:
  control-enable: no
`

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
