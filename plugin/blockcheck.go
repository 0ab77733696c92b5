package failover

import (
	"slices"
	"strings"

	"failoverdns/record"
)

// check says whether the lines of a block fit together, as far as the block alone can tell.
func (b *block) check() error {
	if b.declaring == nil {
		return nil // it serves the stored zone
	}
	for _, rule := range []func(*block) error{
		(*block).checkZone, (*block).checkPrimary, (*block).checkSource, (*block).checkNames, (*block).checkRecords, (*block).checkDrills,
	} {
		if err := rule(b); err != nil {
			return err
		}
	}
	return nil
}

func (b *block) checkZone() error {
	if b.zone == record.Root {
		return b.at.errorf("the zone of this server block is the root; put the zone's name in front of the block: auth.example.com { failover { ... } }")
	}
	return nil
}

func (b *block) checkPrimary() error {
	switch {
	case len(b.sites) == 0:
		return b.at.errorf("this block has no primary; write: primary SITE { address IP } (a zone with nothing to fail over belongs to the plugin file)")
	case b.sites[0].at.word() != "primary":
		return b.sites[0].at.errorf("this block has no primary; the first site is the primary: write primary %s", b.sites[0].name)
	}
	return nil
}

// checkSource wants the rest of the zone from a file or from name servers.
func (b *block) checkSource() error {
	switch {
	case b.file != nil && len(b.servers) > 0:
		return b.servers[0].at.errorf("nameserver stands beside file (%s); the zone file has the NS records: remove one of the two", b.file.at())
	case b.file == nil && len(b.servers) == 0:
		return b.at.errorf("the zone %s needs its name servers; write: nameserver NAME IP, or: file PATH with a zone file", b.zone.Bare())
	}
	return nil
}

// served is the names that follow the group: those of serve, or the zone's own name where nothing else has it.
func (b *block) served() []ownedName {
	if len(b.serve) > 0 {
		return b.serve
	}
	for _, r := range b.records {
		for _, n := range r.names {
			if n.name == b.zone {
				return nil
			}
		}
	}
	return []ownedName{{b.zone, b.at}}
}

// checkNames wants each name steered once, and name servers' names not at all.
func (b *block) checkNames() error {
	owner := map[record.Name]*line{}
	take := func(names []ownedName) error {
		for _, n := range names {
			switch o := owner[n.name]; {
			case o == nil:
				owner[n.name] = n.at
			case o.word() != n.at.word():
				return n.at.errorf("%q is in both serve and record (%s); keep one", n.name.Bare(), o.at())
			default:
				return n.at.errorf("%q is in %s twice, first at %s", n.name.Bare(), n.at.word(), o.at())
			}
		}
		return nil
	}
	if err := take(b.served()); err != nil {
		return err
	}
	for _, r := range b.records {
		if err := take(r.names); err != nil {
			return err
		}
	}
	for _, s := range b.servers {
		if o := owner[s.name]; o != nil && len(s.addresses) > 0 {
			return s.at.errorf("nameserver %q follows a group (%s); a name server's name has addresses that never move: take another name", s.name.Bare(), o.at())
		}
	}
	return nil
}

// checkRecords wants every site of the block in every record, and no other.
func (b *block) checkRecords() error {
	for _, r := range b.records {
		for _, s := range b.sites {
			if r.find(s.name) == nil {
				return r.at.errorf("record %q says nothing of the site %q; every site of the block must appear: at %s IP", r.names[0].name.Bare(), s.name, s.name)
			}
		}
		for _, at := range r.sites {
			if !b.lists(at.site) {
				return at.at.errorf("site %q is not one of this block's: %s%s", at.site, strings.Join(b.siteList(), ", "), didYouMean(at.site, b.siteList()))
			}
		}
	}
	return nil
}

func (b *block) lists(site string) bool {
	return slices.Contains(b.siteList(), site)
}

func (b *block) siteList() []string {
	var list []string
	for _, s := range b.sites {
		list = append(list, s.name)
	}
	return list
}
