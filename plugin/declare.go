package failover

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

// declare is what a block, with its zone file, says of its zone: every default filled in, every name absolute.
func (c *corefile) declare(b *block) (*state.Declaration, error) {
	d := &state.Declaration{Zone: b.zone, Source: b.at.at(), Agree: b.agree, NoQuorum: b.noQuorum}
	if d.Agree == "" {
		d.Agree = health.AgreeMajority
	}
	if d.NoQuorum.Mode == "" {
		d.NoQuorum.Mode = state.NoQuorumHold
	}
	var err error
	if d.SOA, d.Sets, err = b.statics(); err != nil {
		return nil, err
	}
	for _, s := range b.sites {
		if s.defined() {
			d.Sites = append(d.Sites, s.declaration())
		}
	}
	if b.hasGroup() {
		if err := c.declareGroup(d, b); err != nil {
			return nil, err
		}
	}
	for _, r := range b.records {
		if r.group() != "" {
			if err := declareRecord(d, b, r); err != nil {
				return nil, err
			}
		}
	}
	b.declareSwitches(d)
	return d, nil
}

// statics is all of the zone that does not move.
func (b *block) statics() (state.SOA, []record.Set, error) {
	if b.file == nil {
		var servers []zone.NameServer
		for _, s := range b.servers {
			servers = append(servers, zone.NameServer{Name: s.name, Addresses: s.addresses})
		}
		soa, sets := zone.Made(b.zone, servers, b.policy.complete().ttl)
		return soa, sorted(sets), nil
	}
	f, err := os.Open(b.zoneFile())
	if err != nil {
		return state.SOA{}, nil, b.file.errorf("file: %w", err)
	}
	defer f.Close()
	soa, sets, err := zone.ParseFile(f, b.zoneFile(), b.zone)
	if err != nil {
		return state.SOA{}, nil, b.file.errorf("file: %w", err)
	}
	return soa, sorted(sets), nil
}

func (b *block) zoneFile() string { return path(b.root, b.file.args()[0]) }

// sorted puts record sets in the order of the replicated state, so that a zone file's order does not change the
// declaration.
func sorted(sets []record.Set) []record.Set {
	slices.SortStableFunc(sets, func(a, b record.Set) int {
		return cmp.Or(record.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
	})
	return sets
}

// declareGroup adds the block's own group.
func (c *corefile) declareGroup(d *state.Declaration, b *block) error {
	p := b.policy.complete()
	g := state.GroupDecl{Name: b.zone.Bare(), Sites: b.siteList(), Failback: p.failback, AllDown: p.allDown, Drills: b.drillDecls()}
	var cells []steeredCell
	if served := b.served(); len(served) > 0 {
		cell := steeredCell{cell: state.CellDecl{Names: names(served), TTL: p.ttl}, names: served}
		for _, s := range b.sites {
			if t := c.defined[s.name]; t.target != "" && !t.flatten {
				cell.target = t.target
			}
		}
		cells = append(cells, cell)
	}
	for _, r := range b.records {
		if r.group() == "" {
			ttl := r.policy.within(b.policy).complete().ttl
			cells = append(cells, steeredCell{r.cell(b.sites, ttl), r.names, r.target()})
		}
	}
	return addGroup(d, b, g, p, cells)
}

// declareRecord adds the group of a record with checks of its own, and its sites.
func declareRecord(d *state.Declaration, b *block, r *recordBlock) error {
	p := r.policy.within(b.policy).complete()
	g := state.GroupDecl{Name: r.group(), Failback: p.failback, AllDown: p.allDown}
	for _, s := range b.sites {
		at := r.find(s.name)
		sd := state.SiteDecl{
			Name: s.name, Group: g.Name, Addresses: at.addresses, Target: at.target, MinHealthy: 1, Checks: checkDecls(r.checks),
		}
		d.Sites = append(d.Sites, sd)
		g.Sites = append(g.Sites, sd.ID())
	}
	return addGroup(d, b, g, p, []steeredCell{{r.cell(b.sites, p.ttl), r.names, r.target()}})
}

// target is the CNAME target that the record has at some site, or "".
func (r *recordBlock) target() record.Name {
	for _, s := range r.sites {
		if s.target != "" {
			return s.target
		}
	}
	return ""
}

// steeredCell is a cell with the lines of its names, and the CNAME target that it has at some site, if any.
type steeredCell struct {
	cell   state.CellDecl
	names  []ownedName
	target record.Name
}

// addGroup adds a group whose cells fit into the zone.
func addGroup(d *state.Declaration, b *block, g state.GroupDecl, p policy, cells []steeredCell) error {
	for _, c := range cells {
		if c.target != "" && p.allDown == state.AllDownAll {
			return p.allDownAt.errorf("all-down all would answer with several CNAMEs at %s, and one is all that is allowed (RFC 2181 section 10.1); write all-down primary, or give the sites addresses", c.names[0].name.Bare())
		}
		for _, n := range c.names {
			if err := fitsZone(d, n.name, c.target); err != nil {
				return n.at.errorf("%s %q: %w", n.word(b), n.name.Bare(), err)
			}
		}
		g.Cells = append(g.Cells, c.cell)
	}
	d.Groups = append(d.Groups, g)
	return nil
}

// word is the property that gives the name; the zone's own name is served without one.
func (n ownedName) word(b *block) string {
	if n.at == b.at {
		return "serve (default)"
	}
	return n.at.word()
}

// fitsZone says whether a name may be steered beside the static records of its zone.
func fitsZone(d *state.Declaration, n record.Name, target record.Name) error {
	types := []record.Type{}
	if target != "" {
		types = append(types, record.CNAME)
	}
	if n == d.Zone {
		types = append(types, record.SOA)
	}
	for _, s := range d.Sets {
		switch {
		case s.Name == n && (s.Type == record.A || s.Type == record.AAAA || s.Type == record.CNAME):
			return fmt.Errorf("the zone file has %s records of this name, which follows the group; remove them there, or serve other names", s.Type)
		case s.Type == record.NS && s.Name != d.Zone && n.Under(s.Name):
			return fmt.Errorf("the zone file delegates %s; nothing at or below it is answered here", s.Name.Bare())
		case s.Type == record.DNAME && s.Name != n && n.Under(s.Name):
			return fmt.Errorf("the zone file redirects everything below %s (DNAME)", s.Name.Bare())
		case s.Name == n:
			types = append(types, s.Type)
		}
	}
	if err := record.CheckBeside(types, n == d.Zone); err != nil && target != "" {
		return fmt.Errorf("target %s: %w; give the site addresses, or serve other names", target.Bare(), err)
	}
	return nil
}
