package failover

import (
	"net/netip"
	"slices"

	"failoverdns/node"
	"failoverdns/record"
)

// check is what only all blocks together can tell.
func (c *corefile) check(cfg *node.Config) error {
	for _, rule := range []func(*corefile, *node.Config) error{
		(*corefile).checkPeers, (*corefile).checkDefinitions, (*corefile).checkGroups, (*corefile).checkZones, (*corefile).checkSwitches,
		(*corefile).checkFlatten, (*corefile).checkWebhooks,
	} {
		if err := rule(c, cfg); err != nil {
			return err
		}
	}
	return nil
}

func (c *corefile) checkPeers(*node.Config) error {
	if c.once.cluster == nil {
		return nil
	}
	return c.once.cluster.outside(c.zones())
}

// checkDefinitions wants every site that a block's own group needs to be defined somewhere.
func (c *corefile) checkDefinitions(*node.Config) error {
	for _, b := range c.blocks {
		if b.declaring == nil || !b.hasGroup() {
			continue
		}
		for _, s := range b.sites {
			if c.defined[s.name] == nil {
				return s.at.errorf("site %q is defined nowhere in this Corefile; write: %s %s { address IP }", s.name, s.at.word(), s.name)
			}
		}
	}
	return nil
}

// checkGroups wants group names once: a zone's, or the first name of a record with checks of its own.
func (c *corefile) checkGroups(*node.Config) error {
	first := map[string]*line{}
	take := func(group string, at *line) error {
		if o := first[group]; o != nil {
			return at.errorf("two groups are named %q, the first at %s; put another name first in the record", group, o.at())
		}
		first[group] = at
		return nil
	}
	for _, b := range c.blocks {
		if b.declaring == nil {
			continue
		}
		if b.hasGroup() {
			if err := take(b.zone.Bare(), b.at); err != nil {
				return err
			}
		}
		for _, r := range b.records {
			if r.group() == "" || r.group() == b.zone.Bare() && !b.hasGroup() {
				continue
			}
			if err := take(r.group(), r.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkZones refuses names that stand in a deeper zone with a block of its own: they would never be answered here.
func (c *corefile) checkZones(*node.Config) error {
	for _, b := range c.blocks {
		for _, n := range b.steered() {
			if o := c.deepest(n.name); o.zone != b.zone {
				return n.at.errorf("%q is in the zone %s, which has a server block of its own (%s); write it there", n.name.Bare(), o.zone.Bare(), o.at.at())
			}
		}
	}
	return nil
}

// deepest is the block whose zone a name of some block's zone belongs to.
func (c *corefile) deepest(name record.Name) *block {
	b := c.byZone[name]
	for parent, ok := name.Parent(); b == nil && ok; parent, ok = parent.Parent() {
		b = c.byZone[parent]
	}
	return b
}

// checkFlatten wants a resolver where the cluster itself looks names up for its answers.
func (c *corefile) checkFlatten(cfg *node.Config) error {
	for _, b := range c.blocks {
		for _, s := range b.sites {
			if s.flatten && len(cfg.Resolvers) == 0 {
				return s.targetAt.errorf("target %s is flattened, and no resolver is named; write: resolver IP", s.target.Bare())
			}
		}
	}
	return nil
}

// steered lists the names of a block that follow a group.
func (b *block) steered() []ownedName {
	if b.declaring == nil {
		return nil
	}
	all := slices.Clip(b.served())
	for _, r := range b.records {
		all = append(all, r.names...)
	}
	return all
}

// hasGroup says whether any name follows the block's own group, rather than one of a record.
func (b *block) hasGroup() bool {
	if len(b.served()) > 0 {
		return true
	}
	for _, r := range b.records {
		if r.group() == "" {
			return true
		}
	}
	return false
}

// checkLookups refuses names to probe that this cluster steers itself: a flip would move the probe with it.
func (c *corefile) checkLookups(cfg *node.Config) error {
	lookups := c.lookups()
	if len(lookups) == 0 {
		return nil
	}
	steered := map[record.Name]*line{}
	for _, b := range c.blocks {
		for _, n := range b.steered() {
			steered[n.name] = n.at
		}
	}
	static := map[record.Name]bool{} // of each name that is looked up: whether it has records of its own
	for _, l := range lookups {
		static[l.name] = false
	}
	for _, d := range cfg.Declarations {
		for _, s := range d.Sets {
			if _, asked := static[s.Name]; asked {
				static[s.Name] = true
			}
		}
	}
	by := func(n record.Name) *line {
		if at := steered[n]; at != nil || static[n] {
			return at
		}
		for parent, ok := n.Parent(); ok; parent, ok = parent.Parent() {
			if wildcard, ok := parent.Child("*"); ok && steered[wildcard] != nil {
				return steered[wildcard]
			}
		}
		return nil
	}
	for _, l := range lookups {
		if at := by(l.name); at != nil {
			return l.at.errorf("%s %q is a name that this cluster steers itself (%s); a probe must not follow a failover: use an address, or another name", l.at.word(), l.name.Bare(), at.at())
		}
	}
	return nil
}

// lookups lists the names that nodes look up.
func (c *corefile) lookups() []ownedName {
	var all []ownedName
	dials := func(checks []*check) {
		for _, k := range checks {
			host := k.dialHost()
			if _, err := netip.ParseAddr(host); err == nil || host == "" {
				continue
			}
			if n, err := record.ParseName(host); err == nil {
				all = append(all, ownedName{n, k.dialAt})
			}
		}
	}
	for _, b := range c.blocks {
		for _, s := range b.sites {
			if s.target != "" {
				all = append(all, ownedName{s.target, s.targetAt})
			}
			dials(s.checks)
		}
		for _, r := range b.records {
			for _, s := range r.sites {
				if s.target != "" {
					all = append(all, ownedName{s.target, s.at})
				}
			}
			dials(r.checks)
		}
	}
	return all
}
