package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"failoverdns/api"
	"failoverdns/trust"
)

// Cluster is nodes and toy sites. What it is made of never changes; only its processes do.
type Cluster struct {
	spec     Spec
	dir      string
	ports    *ports
	sitePort int
	nodes    []*Node
	sites    []*Site

	secondaries []*Secondary
	others      []*Process // that are killed in the end
}

// New writes certificates and Corefiles, and starts nothing.
func New(spec Spec) (c *Cluster, err error) {
	spec.complete()
	if spec.Binaries, err = filepath.Abs(spec.Binaries); err != nil { // nodes have working directories of their own
		return nil, fmt.Errorf("find the binaries: %w", err)
	}
	for _, name := range []string{"failoverdns", "failoverctl"} {
		if _, err := os.Stat(filepath.Join(spec.Binaries, name)); err != nil {
			return nil, fmt.Errorf("the binaries are not built (run: make build): %w", err)
		}
	}
	c = &Cluster{spec: spec}
	defer func() {
		if err != nil {
			_ = c.Close()
		}
	}()
	if c.dir, err = os.MkdirTemp("", "failoverdns-"); err != nil {
		return nil, fmt.Errorf("make the cluster's directory: %w", err)
	}
	if c.ports, err = reserve(); err != nil {
		return nil, err
	}
	if c.sitePort, err = c.ports.take(); err != nil {
		return nil, err
	}
	return c, c.build()
}

func (c *Cluster) build() error {
	for i := range c.spec.Nodes {
		n, err := c.newNode(fmt.Sprintf("%s%d", c.spec.Prefix, i+1))
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
	}
	for _, s := range c.spec.Sites {
		site, err := c.newSite(s)
		if err != nil {
			return err
		}
		c.sites = append(c.sites, site)
	}
	if err := c.certificates(); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := n.WriteCorefile(c.corefile(n)); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(n.Dir, zoneFile), []byte(c.spec.ZoneFile), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// TrustDir holds the cluster's CA.
func (c *Cluster) TrustDir() string { return c.trustDir() }

func (c *Cluster) trustDir() string { return filepath.Join(c.dir, "trust") }

// certificates makes the CA, each node's pair in its directory, and the toy sites' pairs.
func (c *Cluster) certificates() error {
	const validity = 365 * 24 * time.Hour // long enough for no node to warn of its end
	if err := trust.InitCA(c.trustDir()); err != nil {
		return err
	}
	for _, site := range []struct {
		name, host string
		validity   time.Duration
	}{
		{goodCertificate, "login." + c.spec.Zone, validity},
		{ExpiredCertificate, "login." + c.spec.Zone, time.Nanosecond},
		{ForeignCertificate, "login.example.net", validity},
	} {
		if err := trust.Issue(c.trustDir(), c.trustDir(), site.name, []string{site.host}, site.validity); err != nil {
			return err
		}
	}
	ca, err := os.ReadFile(filepath.Join(c.trustDir(), trust.CAFile))
	if err != nil {
		return fmt.Errorf("read the CA: %w", err)
	}
	for _, n := range c.nodes {
		if err := trust.Issue(c.trustDir(), n.Dir, n.ID, []string{"127.0.0.1", n.place.Address}, validity); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(n.Dir, trust.CAFile), ca, 0o600); err != nil {
			return fmt.Errorf("write the CA for %s: %w", n.ID, err)
		}
	}
	return nil
}

// Spec is what the cluster was made from, complete.
func (c *Cluster) Spec() Spec { return c.spec }

// Dir holds all its files, the processes' logs among them.
func (c *Cluster) Dir() string { return c.dir }

// Nodes are all nodes: ns1, ns2 and so on.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Node is the node with this ID; there must be one.
func (c *Cluster) Node(id string) *Node {
	for _, n := range c.nodes {
		if n.ID == id {
			return n
		}
	}
	panic("cluster: no node " + id)
}

// Sites are all sites, the primary first.
func (c *Cluster) Sites() []*Site { return c.sites }

// Site is the site with this name; there must be one.
func (c *Cluster) Site(name string) *Site {
	for _, s := range c.sites {
		if s.Name == name {
			return s
		}
	}
	panic("cluster: no site " + name)
}

// Start starts all sites and nodes, and waits until all nodes are ready and know that all sites are up.
func (c *Cluster) Start(ctx context.Context) error {
	for _, s := range c.sites {
		if err := s.Start(ctx); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := n.WaitReady(ctx); err != nil {
			return err
		}
	}
	return c.WaitVerdicts(ctx, "up")
}

// WaitVerdicts waits until every endpoint has this verdict by the votes of all nodes, as seen on every node that runs.
func (c *Cluster) WaitVerdicts(ctx context.Context, verdict string) error {
	for _, n := range c.nodes {
		if !n.Running() {
			continue
		}
		err := until(ctx, n.Process, func(ctx context.Context) error {
			sites, err := n.API().Sites(ctx)
			if err != nil {
				return err
			}
			return agreed(n.ID, sites, verdict)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// agreed says which endpoint has another verdict, or not all votes for it.
func agreed(node string, sites *api.Sites, verdict string) error {
	for _, s := range sites.Sites {
		for _, e := range s.Endpoints {
			votes := map[string]int{"up": e.Tally.Up, "down": e.Tally.Down}[verdict]
			if e.Verdict != verdict || votes < e.Tally.Probers {
				return fmt.Errorf("%s: %s is %s by %d of %d votes, not %s by all", node, e.ID, e.Verdict, votes, e.Tally.Probers, verdict)
			}
		}
	}
	return nil
}

// Leader waits until a node that runs says that it leads, and gives it.
func (c *Cluster) Leader(ctx context.Context) (*Node, error) {
	var leader *Node
	err := until(ctx, nil, func(ctx context.Context) error {
		for _, n := range c.nodes {
			if !n.Running() {
				continue
			}
			if m, err := n.API().Members(ctx); err == nil && m.Cluster.Quorum && m.Cluster.Leader == n.ID {
				leader = n
				return nil
			}
		}
		return errors.New("no node leads")
	})
	return leader, err
}

// Close ends all processes and removes all files.
func (c *Cluster) Close() error {
	c.stopNodes()
	for _, s := range c.sites {
		s.Kill()
	}
	for _, s := range c.secondaries {
		_ = s.Terminate(stopWithin) // it may have been stopped already
	}
	for _, p := range c.others {
		p.Kill()
	}
	if c.ports != nil {
		c.ports.release()
	}
	if c.dir == "" {
		return nil
	}
	return os.RemoveAll(c.dir)
}

// stopNodes stops all nodes at once, the clean way for those that obey.
func (c *Cluster) stopNodes() {
	var all sync.WaitGroup
	for _, n := range c.nodes {
		if n.Running() {
			_ = n.Resume() // a paused one would not hear of it
			all.Go(func() { _ = n.Terminate(stopWithin) })
		}
	}
	all.Wait()
}
