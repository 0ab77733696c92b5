package failover

import (
	"net/netip"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

// site is a line "primary" or "secondary", with what it defines of the site; a line without a block only names one
// that is defined elsewhere.
type site struct {
	at   *line
	name string
	root string

	addresses  []netip.Addr
	target     record.Name
	targetAt   *line
	flatten    bool
	minHealthy int // 0: nothing is said
	minAt      *line
	checks     []*check
}

func (s *site) defined() bool { return s.at.open }

var siteProperties = map[string]property[site]{
	"address":     {usage: "address IP...", least: 1, most: many, repeat: true, read: readAddress},
	"target":      {usage: "target NAME [flatten]", least: 1, most: 2, read: readTarget},
	"check":       {usage: "check [NAME] URL { ... }", least: 1, most: 2, repeat: true, block: mayBlock, read: readSiteCheck},
	"min-healthy": {usage: "min-healthy 1", least: 1, most: 1, read: readMinHealthy},
}

func readPrimary(b *block, l *line) error {
	if len(b.sites) > 0 {
		first := b.sites[0]
		if first.at.word() == "primary" {
			return l.errorf("a second primary, %q; the first is %q at %s: write secondary %s", l.args()[0], first.name, first.at.at(), l.args()[0])
		}
		return l.errorf("primary %q stands behind a secondary; the order is that of preference: put it first", l.args()[0])
	}
	return readSite(b, l)
}

func readSecondary(b *block, l *line) error { return readSite(b, l) }

func readSite(b *block, l *line) error {
	name, err := l.label("site", l.args()[0])
	if err != nil {
		return err
	}
	for _, o := range b.sites {
		if o.name == name {
			return l.errorf("site %q is listed twice, first at %s", name, o.at.at())
		}
	}
	s := &site{at: l, name: name, root: b.root}
	if err := readBlock(s, "a site", l.block, siteProperties); err != nil {
		return err
	}
	b.sites = append(b.sites, s)
	return s.whole()
}

// whole says whether a site that is defined is defined wholly.
func (s *site) whole() error {
	switch {
	case !s.defined():
		return nil
	case len(s.addresses) == 0 && s.target == "":
		return s.at.errorf("site %q has neither an address nor a target; write: address IP, or without a block where the site is defined elsewhere", s.name)
	case len(s.addresses) > 0 && s.target != "":
		return s.targetAt.errorf("site %q has both addresses and a target; keep one of them", s.name)
	case s.target != "" && s.minAt != nil:
		return s.minAt.errorf("min-healthy counts addresses, and site %q has a target; leave it out", s.name)
	}
	return nil
}

func readAddress(s *site, l *line) (err error) {
	s.addresses, err = l.addresses(l.args(), s.addresses)
	return err
}

func readTarget(s *site, l *line) (err error) {
	if s.target, err = l.absolute(l.args()[0]); err != nil {
		return err
	}
	s.targetAt = l
	if len(l.args()) == 1 {
		return nil
	}
	if _, err := l.oneOf(l.args()[1], "flatten"); err != nil {
		return err
	}
	s.flatten = true
	return nil
}

func readMinHealthy(s *site, l *line) (err error) {
	s.minAt = l
	s.minHealthy, err = l.number(l.args()[0], 1, 255)
	return err
}

func readSiteCheck(s *site, l *line) (err error) {
	s.checks, err = addCheck(s.checks, "site \""+s.name+"\"", s.root, l)
	return err
}

// declaration is the site as the replicated state has it, with the defaults filled in.
func (s *site) declaration() state.SiteDecl {
	return state.SiteDecl{
		Name: s.name, Addresses: s.addresses, Target: s.target, Flatten: s.flatten,
		MinHealthy: max(1, s.minHealthy), Checks: checkDecls(s.checks),
	}
}

func checkDecls(checks []*check) []state.CheckDecl {
	var decls []state.CheckDecl
	for _, c := range checks {
		decls = append(decls, state.CheckDecl{Name: c.name, Check: c.spec})
	}
	return decls
}

// check is a line "check".
type check struct {
	at     *line
	name   string
	root   string
	spec   health.Check
	dialAt *line
}
