package state

import (
	"net/netip"
	"slices"

	"failoverdns/routing"
)

// SiteWord finds the operator's word over a site: one on its ID, else one on its name, which counts in every group.
func (s *State) SiteWord(site *Site) *Override {
	if o, ok := s.Overrides.Get(OverrideKey(ScopeSite, site.ID())); ok {
		return o
	}
	o, _ := s.Overrides.Get(OverrideKey(ScopeSite, site.Name))
	return o
}

// EndpointDown says whether an endpoint counts as down: an operator's word first, then a mute of its check, then the
// verdict. The override that decided is given, if one did.
func (s *State) EndpointDown(e *Endpoint) (down bool, by *Override) {
	if o, ok := s.Overrides.Get(OverrideKey(ScopeEndpoint, e.ID)); ok {
		return o.Word == ForceDown, o
	}
	if o, ok := s.Overrides.Get(OverrideKey(ScopeCheck, e.Check)); ok {
		return false, o
	}
	return e.Down(), nil
}

// AddressHealthy says whether an address of a site is healthy: none of its endpoints is down. Endpoints of a dial
// host belong to every address.
func (s *State) AddressHealthy(site *Site, a netip.Addr) bool {
	if o, ok := s.Overrides.Get(OverrideKey(ScopeAddress, AddressID(site.ID(), a))); ok {
		return o.Word == ForceUp
	}
	for _, id := range site.Endpoints {
		e, ok := s.Endpoints.Get(id)
		if !ok || e.Spec.Dial == "" && e.Address != a {
			continue
		}
		if down, _ := s.EndpointDown(e); down {
			return false
		}
	}
	return true
}

// RoutingSites puts a group's sites into the form that a choice is made from.
func (s *State) RoutingSites(g *Group) []routing.Site {
	out := make([]routing.Site, len(g.Sites))
	for i, id := range g.Sites {
		out[i] = routing.Site{ID: id, MinHealthy: 1}
		if i < len(g.States) {
			out[i].Held = g.States[i].Held
		}
		if site, ok := s.Sites.Get(id); ok {
			s.judge(site, &out[i])
		}
	}
	return out
}

func (s *State) judge(site *Site, r *routing.Site) {
	r.MinHealthy, r.Off = site.MinHealthy, s.SwitchedOff(site) != nil
	if o := s.SiteWord(site); o != nil {
		r.Force = routing.Force(o.Word)
	}
	addresses := s.Addresses(site)
	if site.Target != "" {
		r.Target, r.Healthy, r.Empty = true, s.targetUp(site), site.Flatten && len(addresses) == 0
		return
	}
	for _, a := range addresses {
		r.Addresses = append(r.Addresses, routing.Address{IP: a, Healthy: s.AddressHealthy(site, a)})
	}
}

func (s *State) targetUp(site *Site) bool {
	for _, id := range site.Endpoints {
		if e, ok := s.Endpoints.Get(id); ok {
			if down, _ := s.EndpointDown(e); down {
				return false
			}
		}
	}
	return true
}

// hasSiteUp says whether a group has a site that is up; one that an operator took out is not.
func (s *State) hasSiteUp(group string) bool {
	g, ok := s.Groups.Get(group)
	return ok && slices.Contains(routing.Standing(s.RoutingSites(g)), true)
}

// measured says of each site of a group whether it is up by health alone, as if no override were set.
func (s *State) measured(g *Group) []bool {
	bare := *s
	bare.Overrides = Table[*Override]{}
	return routing.Measured(bare.RoutingSites(g))
}
