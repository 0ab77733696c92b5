package failover

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/plugin"

	"failoverdns/listener"
	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/state"
)

// corefile is all failover blocks of one Corefile. It belongs to one goroutine until it is complete, and is read only
// from then on.
type corefile struct {
	blocks  []*block
	byZone  map[record.Name]*block // the one that declares the zone, if any does
	defined map[string]*site       // the sites that groups may share
	once    local                  // what one block only may say
}

// Defaults of the node-local settings.
const (
	defaultDataDir = "./failoverdns-data"
	defaultAdmin   = "127.0.0.1:8053"
)

// readCorefile reads a whole Corefile without starting anything and without the other plugins' setup.
func readCorefile(in caddy.Input) (*corefile, error) {
	servers, err := caddyfile.Parse(in.Path(), bytes.NewReader(in.Body()), nil)
	if err != nil {
		return nil, err
	}
	c := new(corefile)
	for _, s := range servers {
		if tokens := s.Tokens[name]; tokens != nil {
			d := caddyfile.NewDispenserTokens(in.Path(), tokens)
			if _, err := c.read(&d, s.Keys, rootOf(s, in.Path())); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// rootOf is what the plugin root would set for a server block.
func rootOf(s caddyfile.ServerBlock, file string) string {
	d := caddyfile.NewDispenserTokens(file, s.Tokens["root"])
	if d.Next() && d.NextArg() {
		return d.Val()
	}
	return ""
}

// read reads the failover block of one server block.
func (c *corefile) read(d *caddyfile.Dispenser, keys []string, root string) (*block, error) {
	lines, err := readLines(d)
	if err != nil {
		return nil, err
	}
	first := lines[0]
	if len(lines) > 1 {
		return nil, lines[1].errorf("a second failover block for one zone, the first is at %s; groups of their own are records with checks", first.at())
	}
	zone, err := oneZone(first, keys)
	if err != nil {
		return nil, err
	}
	b, err := readFailover(first, zone, root)
	if err != nil {
		return nil, err
	}
	return b, c.add(b)
}

// oneZone is the zone of a server block. The same zone may have several keys, for several ports or transports.
func oneZone(l *line, keys []string) (record.Name, error) {
	var zones []string
	for _, k := range keys {
		for _, z := range plugin.Host(k).NormalizeExact() {
			if !slices.Contains(zones, z) {
				zones = append(zones, z)
			}
		}
	}
	if len(zones) != 1 {
		return "", l.errorf("failover needs a server block with exactly one zone, and this one has %d (%s); give each zone a server block of its own, and share what is common by a snippet: (sites) { ... } and import sites", len(zones), strings.Join(zones, ", "))
	}
	zone, err := record.ParseName(zones[0])
	if err != nil {
		return "", l.errorf("the zone of the server block: %w", err)
	}
	return zone, nil
}

// add puts a block beside the others and refuses what a Corefile may hold once only.
func (c *corefile) add(b *block) error {
	o := c.byZone[b.zone]
	if o != nil && o.declaring != nil && b.declaring != nil {
		return b.at.errorf("the zone %s is declared twice, first at %s; write failover without a block here: it serves the same zone", b.zone.Bare(), o.at.at())
	}
	if err := c.once.add(b); err != nil {
		return err
	}
	if err := c.define(b.sites); err != nil {
		return err
	}
	if c.byZone == nil {
		c.byZone = map[record.Name]*block{}
	}
	if o == nil || b.declaring != nil {
		c.byZone[b.zone] = b
	}
	c.blocks = append(c.blocks, b)
	return nil
}

// add takes over what a block says, for the whole node, that no other may say again.
func (c *local) add(b *block) error {
	l := &b.local
	switch {
	case c.cluster != nil && l.cluster != nil:
		return l.cluster.at.errorf("a second cluster block, the first is at %s; a Corefile has one node", c.cluster.at.at())
	case c.snapshots.Dir != "" && l.snapshots.Dir != "":
		return b.at.errorf("a second snapshots, beside %s; a Corefile has one node", c.snapshots.Dir)
	case c.admin != nil && l.admin != nil:
		return l.admin.at.errorf("a second admin address, the first is at %s; a Corefile has one node", c.admin.at.at())
	case c.rateLimit != nil && l.rateLimit != nil:
		return l.rateLimit.at.errorf("a second ratelimit, the first is at %s; it holds for the whole node", c.rateLimit.at.at())
	case c.connections != nil && l.connections != nil:
		return l.connections.at.errorf("a second connections, the first is at %s; it holds for the whole node", c.connections.at.at())
	case c.cookies != nil && l.cookies != nil:
		return l.cookies.at.errorf("a second cookies, the first is at %s; it holds for the whole node", c.cookies.at.at())
	}
	c.cluster, c.snapshots, c.admin = cmp.Or(c.cluster, l.cluster), cmp.Or(c.snapshots, l.snapshots), cmp.Or(c.admin, l.admin)
	c.rateLimit, c.connections, c.cookies = cmp.Or(c.rateLimit, l.rateLimit), cmp.Or(c.connections, l.connections), cmp.Or(c.cookies, l.cookies)
	return nil
}

// define takes over the sites that a block defines.
func (c *corefile) define(sites []*site) error {
	if c.defined == nil {
		c.defined = map[string]*site{}
	}
	for _, s := range sites {
		if !s.defined() {
			continue
		}
		if d := c.defined[s.name]; d != nil {
			return s.at.errorf("site %q is defined twice, first at %s; name it without a block here", s.name, d.at.at())
		}
		c.defined[s.name] = s
	}
	return nil
}

// config is what the Corefile means. It reads the zone files, and looks at that of cookies.
func (c *corefile) config() (node.Config, error) {
	cfg := node.Config{
		DataDir: defaultDataDir, Role: state.Voter, Probe: true, Timing: node.WAN,
		Admin: node.AdminConfig{Address: defaultAdmin}, Version: caddy.AppVersion,
	}
	for _, b := range c.blocks {
		b.local.apply(&cfg)
	}
	if err := c.check(&cfg); err != nil {
		return node.Config{}, err
	}
	if err := c.defend(new(listener.Config)); err != nil {
		return node.Config{}, err
	}
	for _, b := range c.blocks {
		if b.declaring == nil {
			continue
		}
		d, err := c.declare(b)
		if err != nil {
			return node.Config{}, err
		}
		cfg.Declarations = append(cfg.Declarations, d)
	}
	return cfg, c.checkLookups(&cfg)
}

// apply adds one block's node-local settings to the node's.
func (c *local) apply(cfg *node.Config) {
	cfg.Canary = append(cfg.Canary, c.canary...)
	cfg.AllowTargets = append(cfg.AllowTargets, c.allowTargets...)
	cfg.Resolvers = append(cfg.Resolvers, c.resolvers...)
	if c.cluster != nil {
		c.cluster.apply(cfg)
	}
	for _, h := range c.webhooks {
		cfg.Webhooks = append(cfg.Webhooks, h.Target)
	}
	if c.snapshots.Dir != "" {
		cfg.Snapshots = c.snapshots
	}
	if c.admin != nil {
		cfg.Admin = c.admin.AdminConfig
	}
}

// zones lists the zones of all blocks, those that only serve the stored zone included.
func (c *corefile) zones() []record.Name {
	var zones []record.Name
	for _, b := range c.blocks {
		zones = append(zones, b.zone)
	}
	return zones
}

// zoneFiles lists the paths of the zone files.
func (c *corefile) zoneFiles() []string {
	var paths []string
	for _, b := range c.blocks {
		if b.file != nil {
			paths = append(paths, b.zoneFile())
		}
	}
	return paths
}
