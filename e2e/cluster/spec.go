package cluster

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Spec is what a cluster is to be. The zero value of a field is the default that its comment gives.
type Spec struct {
	Binaries string        // directory of failoverdns and failoverctl; required
	Nodes    int           // 3; 1 makes a node with no cluster block at all
	Prefix   string        // of the nodes' names: ns
	Founders int           // all; fewer: the others join, each with a token in the file TokenFile of its directory
	Zone     string        // auth.example.com
	Serve    []string      // names in the zone that follow the sites: @ login api
	Sites    []SiteSpec    // the primary first; azure at 127.0.0.11, aws at 127.0.0.12
	TLS      bool          // sites speak HTTPS, and nodes verify them
	Interval time.Duration // 1 s
	Timeout  time.Duration // 0.4 of the interval
	Timing   string        // Raft's: lan
	Lines    []string      // more lines of the failover block
	ZoneFile string        // text of a zone file; without one, nameserver lines make the zone

	// Delegated has nodes answer at port 53 of addresses that are the zone's name servers', so that resolvers find them from
	// the root of the name space on. Each node needs a place of its own.
	Delegated bool

	Place func(name string) Place // where a node (ns1), a site or a resolver runs; this machine's loopback
}

// Place is where a process runs.
type Place struct {
	Address string   // IP address of its own, where others reach it
	Within  []string // stands before each command line, such as: ip netns exec NAME

	// Dial reaches what listens on that place's own loopback, where a node's admin API is.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// command is a command line run there.
func (p Place) command(words ...string) *exec.Cmd {
	words = append(slices.Clone(p.Within), words...)
	return exec.Command(words[0], words[1:]...)
}

// at is an address and port there.
func (p Place) at(port int) string { return net.JoinHostPort(p.Address, strconv.Itoa(port)) }

// SiteSpec is a toy site.
type SiteSpec struct {
	Name      string
	Addresses []string
}

// Failures and Successes are the counts of every check: the server's defaults.
const (
	Failures  = 3
	Successes = 3
)

func (s *Spec) complete() {
	if s.Nodes == 0 {
		s.Nodes = 3
	}
	if s.Prefix == "" {
		s.Prefix = "ns"
	}
	if s.Zone == "" {
		s.Zone = "auth.example.com"
	}
	if s.Serve == nil {
		s.Serve = []string{"@", "login", "api"}
	}
	if s.Sites == nil {
		s.Sites = []SiteSpec{{"azure", []string{"127.0.0.11"}}, {"aws", []string{"127.0.0.12"}}}
	}
	if s.Interval == 0 {
		s.Interval = time.Second
	}
	if s.Timing == "" {
		s.Timing = "lan"
	}
	if s.Place == nil {
		s.Place = func(string) Place { return Place{Address: "127.0.0.1"} }
	}
	if s.Timeout == 0 {
		s.Timeout = s.Interval * 2 / 5
	}
}

// Detection is the longest time from a site's death to the moment at which every node has counted enough failures:
// the first failed probe comes up to one interval later, and the last one may take its whole timeout.
func (s *Spec) Detection() time.Duration { return Failures*s.Interval + s.Timeout }

// Return is the same for a site's return.
func (s *Spec) Return() time.Duration { return Successes*s.Interval + s.Timeout }

// corefile is a node's Corefile. All paths in it are relative to the node's directory, and so equal on all nodes.
func (c *Cluster) corefile(n *Node) string {
	var b strings.Builder
	host, port, _ := net.SplitHostPort(n.DNS)
	line := func(depth int, format string, args ...any) {
		b.WriteString(strings.Repeat("    ", depth))
		fmt.Fprintf(&b, format+"\n", args...)
	}
	line(0, "%s:%s {", c.spec.Zone, port)
	line(1, "bind %s", host)
	line(1, "errors")
	line(1, "prometheus %s", n.Metrics)
	line(1, "ready %s {", n.ReadyAt)
	line(2, "monitor continuously")
	line(1, "}")
	line(1, "failover {")
	for i, s := range c.spec.Sites {
		c.siteLines(line, i, s)
	}
	line(2, "serve %s", strings.Join(c.spec.Serve, " "))
	c.zoneLines(line)
	for _, l := range c.spec.Lines {
		line(2, "%s", l)
	}
	c.localLines(line, n)
	line(1, "}")
	line(0, "}")
	return b.String()
}

func (c *Cluster) siteLines(line func(int, string, ...any), i int, s SiteSpec) {
	rank, scheme := "secondary", "http"
	if i == 0 {
		rank = "primary"
	}
	if c.spec.TLS {
		scheme = "https"
	}
	line(2, "%s %s {", rank, s.Name)
	line(3, "address %s", strings.Join(s.Addresses, " "))
	line(3, "check health %s://login.%s/healthz {", scheme, net.JoinHostPort(c.spec.Zone, strconv.Itoa(c.sitePort)))
	line(4, "interval %s", c.spec.Interval)
	line(4, "timeout %s", c.spec.Timeout)
	line(4, "header %s file:node.id", nodeHeader)
	line(4, "match healthy")
	line(3, "}")
	line(2, "}")
}

// zoneLines say where SOA and NS come from.
func (c *Cluster) zoneLines(line func(int, string, ...any)) {
	if c.spec.ZoneFile != "" {
		line(2, "file %s", zoneFile)
		return
	}
	for i := range c.nodes {
		line(2, "nameserver %s %s", c.nameServer(i), c.nameServerAddress(i))
	}
}

func (c *Cluster) nameServer(i int) string { return fmt.Sprintf("ns%d.%s", i+1, c.spec.Zone) }

func (c *Cluster) nameServerAddress(i int) string {
	if c.spec.Delegated {
		return c.nodes[i].place.Address
	}
	return fmt.Sprintf("192.0.2.%d", i+1)
}

// zoneFile is the zone file's name in each node's directory.
const zoneFile = "db.zone"

// localLines are what a Corefile says of its node.
func (c *Cluster) localLines(line func(int, string, ...any), n *Node) {
	line(2, "admin %s", n.Admin)
	if len(c.nodes) == 1 {
		return
	}
	line(2, "cluster {")
	line(3, "id %s", n.ID)
	line(3, "data data")
	line(3, "listen %s", n.Raft)
	c.peerLines(line, n)
	line(3, "tls %s.pem %s-key.pem ca.pem", n.ID, n.ID)
	line(3, "timing %s", c.spec.Timing)
	line(2, "}")
}

// TokenFile is the name of the join token's file in a node's directory.
const TokenFile = "join.token"

// peerLines say with whom a node is in a cluster: the founders list each other, the others join by way of the first.
func (c *Cluster) peerLines(line func(int, string, ...any), n *Node) {
	founders := c.nodes
	if c.spec.Founders > 0 {
		founders = c.nodes[:c.spec.Founders]
	}
	if !slices.Contains(founders, n) {
		line(3, "join %s %s", founders[0].Raft, TokenFile)
		return
	}
	for _, p := range founders {
		line(3, "peer %s %s", p.ID, p.Raft)
	}
}
