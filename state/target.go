package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"failoverdns/record"
)

// MaxResolved bounds the addresses of a flattened target: more make no answer that fits into a packet.
const MaxResolved = 64

// Target is a name whose addresses stand for sites: it is flattened. It is there from its declaration on, without
// addresses until a look-up has found some.
type Target struct {
	Name      record.Name  `json:"name"`
	Addresses []netip.Addr `json:"addresses,omitempty"` // of both families, in order
	Node      string       `json:"node,omitempty"`      // that looked it up
	At        Clock        `json:"at,omitempty"`        // when they became these
	Wall      time.Time    `json:"wall,omitzero"`
	Index     uint64       `json:"index,omitempty"`
}

// TargetKey is a target's key in State.Targets.
func TargetKey(name record.Name) string { return string(name.Key()) }

// Resolved is a look-up's result: the target has these addresses now. The leader sends it when they changed. There is
// none without addresses: what cannot be looked up keeps the last.
type Resolved struct {
	Target    record.Name  `json:"target"`
	Addresses []netip.Addr `json:"addresses"`
}

func (*Resolved) kind() kind { return kindResolved }

func (c *Resolved) apply(t *txn) *Refusal {
	old, ok := t.s.Targets.Get(TargetKey(c.Target))
	if !ok {
		return refuse(RefusedNotFound, "no site flattens the target %q", c.Target.Bare())
	}
	addresses := Normal(c.Addresses)
	if len(addresses) == 0 || len(addresses) > MaxResolved {
		return refuse(RefusedInvalid, "target %s: %d addresses, and 1 to %d can be answered", c.Target.Bare(), len(addresses), MaxResolved)
	}
	for _, a := range addresses {
		if !a.IsValid() || a.Zone() != "" {
			return refuse(RefusedInvalid, "target %s: %q is no address that DNS can answer with", c.Target.Bare(), a)
		}
	}
	if slices.Equal(addresses, old.Addresses) {
		return nil
	}
	t.s.Targets = t.s.Targets.With(TargetKey(c.Target), &Target{c.Target, addresses, t.h.Node, t.s.Clock, t.s.Wall, t.s.Index})
	t.event(Event{Type: "resolved", Node: t.h.Node, Text: fmt.Sprintf("target %s has the addresses %s%s", c.Target.Bare(), list(addresses), before(old.Addresses))})
	for _, id := range t.s.flattening(c.Target) {
		t.touchSite(id)
	}
	return nil
}

// Normal is the one form of a set of addresses: sorted, each once, IPv4 as such.
func Normal(addresses []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, len(addresses))
	for i, a := range addresses {
		out[i] = a.Unmap()
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

func list(addresses []netip.Addr) string {
	words := make([]string, len(addresses))
	for i, a := range addresses {
		words[i] = a.String()
	}
	return strings.Join(words, " ")
}

func before(addresses []netip.Addr) string {
	if len(addresses) == 0 {
		return ""
	}
	return ", before: " + list(addresses)
}

// flattening are the IDs of the sites that flatten a target.
func (s *State) flattening(target record.Name) (ids []string) {
	for _, l := range s.lookups.Prefix(lookupKey(target, "")) {
		if site, ok := s.Sites.Get(l.site); ok && site.Flatten && site.Target == target {
			ids = append(ids, l.site)
		}
	}
	return ids
}

// TargetTTL is the least TTL, in seconds, of the answers that a flattened target's addresses go into; ok is false if
// there are none.
func (s *State) TargetTTL(target record.Name) (ttl uint32, ok bool) {
	for _, id := range s.flattening(target) {
		for _, name := range s.groupsOf(id) {
			g, _ := s.Groups.Get(name)
			for i := range g.Cells {
				if !ok || g.Cells[i].TTL < ttl {
					ttl, ok = g.Cells[i].TTL, true
				}
			}
		}
	}
	return ttl, ok
}

// Addresses are a site's addresses: declared, or its flattened target's. A target without a result yet leaves the site
// those that it had before it was flattened.
func (s *State) Addresses(site *Site) []netip.Addr {
	if !site.Flatten {
		return site.SiteDecl.Addresses
	}
	if x, ok := s.Targets.Get(TargetKey(site.Target)); ok && len(x.Addresses) > 0 {
		return x.Addresses
	}
	return site.Kept
}

// flatten gives a newly declared site its target, and what it answers until that is looked up.
func (t *txn) flatten(site *Site) {
	if !site.Flatten {
		return
	}
	x, ok := t.s.Targets.Get(TargetKey(site.Target))
	if !ok {
		x = &Target{Name: site.Target}
		t.s.Targets = t.s.Targets.With(TargetKey(site.Target), x)
	}
	if old, ok := t.was.Sites.Get(site.ID()); ok && len(x.Addresses) == 0 {
		site.Kept = t.was.Addresses(old)
	}
}

// releaseTargets drops the targets that no site flattens any more, of those sites that a declaration gave up.
func (t *txn) releaseTargets() {
	for _, site := range t.gaveUp {
		if site.Flatten && len(t.s.flattening(site.Target)) == 0 {
			t.s.Targets = t.s.Targets.Without(TargetKey(site.Target))
		}
	}
}
