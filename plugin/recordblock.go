package failover

import (
	"net/netip"

	"failoverdns/record"
	"failoverdns/state"
)

// recordBlock is a line "record": names with addresses of their own at each site, and with a check a group of their
// own.
type recordBlock struct {
	at     *line
	root   string
	names  []ownedName
	sites  []recordSite
	checks []*check
	policy policy
}

// recordSite is a line "at".
type recordSite struct {
	at        *line
	site      string
	addresses []netip.Addr
	target    record.Name
}

var recordProperties = map[string]property[recordBlock]{
	"at":       {usage: "at SITE IP..., or at SITE target NAME", least: 2, most: many, repeat: true, read: readAt},
	"check":    {usage: "check [NAME] URL { ... }", least: 1, most: 2, repeat: true, block: mayBlock, read: readRecordCheck},
	"ttl":      {usage: "ttl 60", least: 1, most: 1, read: func(r *recordBlock, l *line) error { return r.policy.readTTL(l) }},
	"failback": {usage: "failback auto|after DURATION|manual", least: 1, most: 2, read: func(r *recordBlock, l *line) error { return r.policy.readFailback(l) }},
	"all-down": {usage: "all-down primary|last|all", least: 1, most: 1, read: func(r *recordBlock, l *line) error { return r.policy.readAllDown(l) }},
}

func readRecord(b *block, l *line) error {
	r := &recordBlock{at: l, root: b.root}
	for _, w := range l.args() {
		n, err := l.nameIn(w, b.zone)
		if err != nil {
			return err
		}
		r.names = append(r.names, ownedName{n, l})
	}
	if err := readBlock(r, "a record", l.block, recordProperties); err != nil {
		return err
	}
	b.records = append(b.records, r)
	return r.ownPolicy()
}

// ownPolicy refuses a policy where the record follows the block's group.
func (r *recordBlock) ownPolicy() error {
	for _, l := range []*line{r.policy.failbackAt, r.policy.allDownAt} {
		if l != nil && len(r.checks) == 0 {
			return l.errorf("%s is a group's, and this record follows the block's group; give the record a check of its own, or write %s in the failover block", l.word(), l.word())
		}
	}
	return nil
}

func readAt(r *recordBlock, l *line) (err error) {
	s := recordSite{at: l, site: l.args()[0]}
	for _, o := range r.sites {
		if o.site == s.site {
			return l.errorf("site %q is given twice in this record, first at %s; put all its addresses on one line", s.site, o.at.at())
		}
	}
	if rest := l.args()[1:]; rest[0] == "target" {
		if len(rest) != 2 {
			return l.errorf("at %s target takes one name; write: at %s target NAME", s.site, s.site)
		}
		s.target, err = l.absolute(rest[1])
	} else {
		s.addresses, err = l.addresses(rest, nil)
	}
	r.sites = append(r.sites, s)
	return err
}

func readRecordCheck(r *recordBlock, l *line) (err error) {
	r.checks, err = addCheck(r.checks, "record \""+r.names[0].name.Bare()+"\"", r.root, l)
	return err
}

// group is the name of the record's own group, or "" if it follows the block's.
func (r *recordBlock) group() string {
	if len(r.checks) == 0 {
		return ""
	}
	return r.names[0].name.Bare()
}

// find is the line for a site.
func (r *recordBlock) find(site string) *recordSite {
	for i := range r.sites {
		if r.sites[i].site == site {
			return &r.sites[i]
		}
	}
	return nil
}

// cell is the record's answer in a group; with a group of its own the names have the sites' own addresses.
func (r *recordBlock) cell(order []*site, ttl uint32) state.CellDecl {
	c := state.CellDecl{Names: names(r.names), TTL: ttl}
	if len(r.checks) > 0 {
		return c
	}
	for _, s := range order {
		at := r.find(s.name)
		c.At = append(c.At, state.CellSite{Site: s.name, Addresses: at.addresses, Target: at.target})
	}
	return c
}

func names(owned []ownedName) []record.Name {
	var ns []record.Name
	for _, o := range owned {
		ns = append(ns, o.name)
	}
	return ns
}
