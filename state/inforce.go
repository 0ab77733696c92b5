package state

import "failoverdns/record"

// InForce is the declaration that a zone is served by, as Declare would bring it into force again; its record sets
// stand in the order of names. ok is false for a zone that nobody declared.
func (s *State) InForce(zone record.Name) (d *Declaration, ok bool) {
	z, ok := s.Zones.Get(ZoneKey(zone))
	if !ok {
		return nil, false
	}
	d = &Declaration{Zone: z.Name, Source: z.Source, Agree: z.Agree, NoQuorum: z.NoQuorum, SOA: z.SOA}
	for _, set := range z.Sets.All() {
		d.Sets = append(d.Sets, *set)
	}
	for _, id := range z.Sites {
		if site, ok := s.Sites.Get(id); ok {
			d.Sites = append(d.Sites, site.SiteDecl)
		}
	}
	for _, name := range z.Groups {
		if g, ok := s.Groups.Get(name); ok {
			d.Groups = append(d.Groups, g.GroupDecl)
		}
	}
	for _, name := range z.Switches {
		if sw, ok := s.Switches.Get(name); ok {
			d.Switches = append(d.Switches, sw.SwitchDecl)
		}
	}
	for _, name := range z.Rules {
		if r, ok := s.Rules.Get(name); ok {
			d.Rules = append(d.Rules, r.RuleDecl)
		}
	}
	return d, true
}
