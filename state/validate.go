package state

import (
	"net/netip"
	"slices"
	"strings"

	"failoverdns/health"
)

// checkForm refuses a declaration that no block can mean. A node reads its own Corefile strictly; this holds for
// whatever else may stand in the log, since a command that could not be applied would stop every node at once.
func (d *Declaration) checkForm() *Refusal {
	if d == nil || d.Zone == "" {
		return refuse(RefusedInvalid, "a declaration has no zone")
	}
	if d.Agree != "" {
		if _, err := health.ParseAgree(string(d.Agree)); err != nil {
			return refuse(RefusedInvalid, "%s: %s", d.Source, err)
		}
	}
	seen := map[string]bool{}
	for i := range d.Sites {
		s := &d.Sites[i]
		if seen[s.ID()] {
			return refuse(RefusedConflict, "%s: site %s is defined twice", d.Source, s.ID())
		}
		seen[s.ID()] = true
		if r := d.checkSite(s); r != nil {
			return r
		}
	}
	if r := d.checkGroupForms(); r != nil {
		return r
	}
	return d.checkSwitchForms()
}

func (d *Declaration) checkSite(s *SiteDecl) *Refusal {
	if !goodWord(s.Name) {
		return refuse(RefusedInvalid, "%s: site name %q is empty or holds one of: / @ and space", d.Source, s.Name)
	}
	if r := d.checkAddresses(s.ID(), s.Addresses); r != nil {
		return r
	}
	if s.Flatten && s.Target == "" || s.Target != "" && len(s.Addresses) > 0 {
		return refuse(RefusedInvalid, "%s: site %s needs either addresses or a target, and only a target is flattened", d.Source, s.ID())
	}
	seen := map[string]bool{}
	for i := range s.Checks {
		c := s.Checks[i]
		if !goodWord(c.Name) || seen[c.Name] {
			return refuse(RefusedInvalid, "%s: site %s: check name %q is empty, not the only one, or holds one of: / @ and space", d.Source, s.ID(), c.Name)
		}
		seen[c.Name] = true
		if c.Check.Interval <= 0 {
			return refuse(RefusedInvalid, "%s: check %s has no interval", d.Source, CheckID(s.ID(), c.Name))
		}
		if err := c.Check.Complete(); err != nil { // of the copy: nothing is filled in here
			return refuse(RefusedInvalid, "%s: check %s: %s", d.Source, CheckID(s.ID(), c.Name), err)
		}
	}
	return nil
}

// goodWord says whether a site's or check's name can be a part of an ID.
func goodWord(s string) bool { return s != "" && !strings.ContainsAny(s, "/@ \t\r\n") }

func (d *Declaration) checkAddresses(of string, addresses []netip.Addr) *Refusal {
	for _, a := range addresses {
		if !a.IsValid() || a.Is4In6() || a.Zone() != "" {
			return refuse(RefusedInvalid, "%s: %s: %q is no address that DNS can answer with", d.Source, of, a)
		}
	}
	return nil
}

func (d *Declaration) checkGroupForms() *Refusal {
	seen := map[string]bool{}
	for i := range d.Groups {
		g := &d.Groups[i]
		switch {
		case g.Name == "":
			return refuse(RefusedInvalid, "%s: a group has no name", d.Source)
		case seen[g.Name]:
			return refuse(RefusedConflict, "%s: group %s is defined twice", d.Source, g.Name)
		case len(g.Sites) == 0:
			return refuse(RefusedInvalid, "%s: group %s has no site", d.Source, g.Name)
		}
		seen[g.Name] = true
		for _, s := range g.Drills {
			if why := s.wrong(g.Sites); why != "" {
				return refuse(RefusedInvalid, "%s: group %s: drill %s: %s", d.Source, g.Name, s, why)
			}
		}
		for j, id := range g.Sites {
			if slices.Contains(g.Sites[:j], id) {
				return refuse(RefusedConflict, "%s: group %s names site %s twice", d.Source, g.Name, id)
			}
		}
		for j := range g.Cells {
			for _, at := range g.Cells[j].At {
				if r := d.checkAddresses(g.Name, at.Addresses); r != nil {
					return r
				}
			}
		}
	}
	return nil
}
