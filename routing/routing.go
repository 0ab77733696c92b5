// Package routing is the pure choice: from a group's sites in order, their health, overrides, holds and pin, to the
// active site, the addresses that are answered, and the rule that decided. It has no I/O, no clock and no memory: the
// same input gives the same choice, and a caller passes in what was active before.
package routing

import (
	"net/netip"
	"slices"

	"failoverdns/record"
)

// Force is an operator's word over a site.
type Force string

// The words of Force; None leaves the measurement in place.
const (
	None Force = ""
	Up   Force = "up"
	Down Force = "down"
)

// Address is one of a site's addresses, judged.
type Address struct {
	IP      netip.Addr
	Healthy bool
}

// Site is what a choice needs to know of one site of a group.
type Site struct {
	ID         string
	Addresses  []Address
	Target     bool // a name stands for the site; Healthy judges it
	Healthy    bool // of a target
	Empty      bool // a flattened target that has no addresses yet: there is nothing to answer with
	MinHealthy int  // of each address family, at least 1
	Off        bool // a routing switch took it out: above Force, and above a pin that did not break the glass
	Force      Force
	Held       bool
}

// Measured says of each site whether it is up by health alone. A family is healthy when min(MinHealthy, its size)
// addresses are; a family that is unhealthy at every site that has it is left out of account, at each site where
// another family remains.
func Measured(sites []Site) []bool {
	var blind [2]bool
	for f := range blind {
		blind[f] = deadEverywhere(sites, f)
	}
	up := make([]bool, len(sites))
	for i := range sites {
		up[i] = siteUp(&sites[i], blind)
	}
	return up
}

// Standing says of each site whether it is up: a switch that is off first, then an operator's word, then health.
func Standing(sites []Site) []bool {
	up := Measured(sites)
	for i, s := range sites {
		switch {
		case s.Off:
			up[i] = false
		case s.Force != None:
			up[i] = s.Force == Up
		}
	}
	return up
}

// family is 0 for IPv4 and 1 for IPv6.
func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// familyHealth says whether a site has a family, and whether it is healthy there.
func familyHealth(s *Site, f int) (has, healthy bool) {
	size, good := 0, 0
	for _, a := range s.Addresses {
		if family(a.IP) != f {
			continue
		}
		size++
		if a.Healthy {
			good++
		}
	}
	return size > 0, good >= min(max(s.MinHealthy, 1), size)
}

func deadEverywhere(sites []Site, f int) bool {
	found := false
	for i := range sites {
		has, healthy := familyHealth(&sites[i], f)
		if has && healthy {
			return false
		}
		found = found || has
	}
	return found
}

func siteUp(s *Site, blind [2]bool) bool {
	if s.Target {
		return s.Healthy
	}
	counted, up := false, true
	for f := range blind {
		if has, healthy := familyHealth(s, f); has && !blind[f] {
			counted, up = true, up && healthy
		}
	}
	if counted {
		return up
	}
	return len(s.Addresses) == 0 // else it has only families that are dead everywhere: none may be left out
}

// Rule names what decided, in the order in which the rules are asked.
type Rule string

// The rules.
const (
	PinForced      Rule = "pin-forced"       // a forced pin stands whatever is measured, unless a switch took its site out
	Pinned         Rule = "pin"              // a pin, while its site is up
	Preferred      Rule = "preferred"        // the most preferred site is up and not held
	Failover       Rule = "failover"         // the first that is up and not held
	HeldUp         Rule = "held"             // only held sites are up: the first of them
	AllDownPrimary Rule = "all-down-primary" // none is up: the first that no operator took out
	AllDownLast    Rule = "all-down-last"    // none is up: the one that was active last
	AllDownAll     Rule = "all-down-all"     // none is up: all sites together
)

// AllDown is a group's rule for the time when no site is up.
type AllDown string

// The values of AllDown.
const (
	Primary AllDown = "primary"
	Last    AllDown = "last"
	All     AllDown = "all"
)

// Pin is an operator's choice of a site.
type Pin struct {
	Site       string
	Forced     bool
	BreakGlass bool // with Forced: above a switch that is off, too
}

// Stands says whether a pin is in effect: its site is up; or it is forced, and either no switch took its site out or
// the pin broke the glass.
func (p *Pin) Stands(sites []Site, up []bool) bool {
	if p == nil {
		return false
	}
	i := slices.IndexFunc(sites, func(s Site) bool { return s.ID == p.Site })
	return i >= 0 && (up[i] || p.Forced && (p.BreakGlass || !sites[i].Off)) && !sites[i].Empty
}

// Choice is what a group does: the active site, and the sites whose addresses are answered (more than one only under
// all-down all).
type Choice struct {
	Site   string
	Rule   Rule
	Answer []string
}

// Choose picks the active site. sites must not be empty, up is as Standing gives it, last the site that was active
// before ("" at first). A site that is empty comes into question only if all are: a look-up that is still to come must
// not take an answer away.
func Choose(sites []Site, up []bool, pin *Pin, allDown AllDown, last string) Choice {
	sites = answering(sites)
	one := func(id string, r Rule) Choice { return Choice{id, r, []string{id}} }
	if pin.Stands(sites, up) {
		if pin.Forced {
			return one(pin.Site, PinForced)
		}
		return one(pin.Site, Pinned)
	}
	for i, s := range sites {
		if up[i] && !s.Held && !s.Empty {
			if i == 0 {
				return one(s.ID, Preferred)
			}
			return one(s.ID, Failover)
		}
	}
	for i, s := range sites {
		if up[i] && !s.Empty {
			return one(s.ID, HeldUp)
		}
	}
	return chooseDown(candidates(sites), allDown, last)
}

// answering is the sites as a choice takes them: where all are empty, none counts as such.
func answering(sites []Site) []Site {
	if slices.ContainsFunc(sites, func(s Site) bool { return !s.Empty }) {
		return sites
	}
	sites = slices.Clone(sites)
	for i := range sites {
		sites[i].Empty = false
	}
	return sites
}

// candidates are the sites that no operator took out, or all where each was taken out.
func candidates(sites []Site) []string {
	var in, all []string
	for _, s := range sites {
		if s.Empty {
			continue
		}
		all = append(all, s.ID)
		if s.Force != Down && !s.Off {
			in = append(in, s.ID)
		}
	}
	if in == nil {
		return all
	}
	return in
}

func chooseDown(ids []string, allDown AllDown, last string) Choice {
	switch allDown {
	case All:
		return Choice{ids[0], AllDownAll, ids}
	case Last:
		if slices.Contains(ids, last) {
			return Choice{last, AllDownLast, []string{last}}
		}
		return Choice{ids[0], AllDownLast, ids[:1]}
	}
	return Choice{ids[0], AllDownPrimary, ids[:1]}
}

// Option is what a name has at one site.
type Option struct {
	Addresses []Address
	Target    record.Name
}

// Answer is what a name has now, from its options at the sites that are answered together: of each family the healthy
// addresses, or all where none is. Health never makes it empty. A target excludes addresses.
func Answer(options []Option) (a, aaaa []netip.Addr, target record.Name) {
	var addresses []Address
	for _, o := range options {
		if o.Target != "" {
			return nil, nil, o.Target
		}
		addresses = append(addresses, o.Addresses...)
	}
	return pick(addresses, 0), pick(addresses, 1), ""
}

func pick(addresses []Address, f int) []netip.Addr {
	var healthy, all []netip.Addr
	for _, a := range addresses {
		if family(a.IP) != f {
			continue
		}
		all = appendNew(all, a.IP)
		if a.Healthy {
			healthy = appendNew(healthy, a.IP)
		}
	}
	if healthy == nil {
		return all
	}
	return healthy
}

func appendNew(to []netip.Addr, a netip.Addr) []netip.Addr {
	if slices.Contains(to, a) {
		return to
	}
	return append(to, a)
}
