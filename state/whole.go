package state

import (
	"fmt"
	"slices"
)

// checkWhole says whether everything that rows name is there. What this program wrote always is.
func (s *State) checkWhole() error {
	for _, z := range s.Zones.All() {
		for _, name := range z.Groups {
			if g, ok := s.Groups.Get(name); !ok || g.Zone != z.Name {
				return fmt.Errorf("zone %s has a group %q that is not there", z.Name.Bare(), name)
			}
		}
		for _, id := range z.Sites {
			if site, ok := s.Sites.Get(id); !ok || site.Zone != z.Name {
				return fmt.Errorf("zone %s has a site %q that is not there", z.Name.Bare(), id)
			}
		}
	}
	for name, g := range s.Groups.All() {
		if err := s.checkGroupWhole(g); err != nil {
			return fmt.Errorf("group %s: %w", name, err)
		}
	}
	for id, site := range s.Sites.All() {
		if z, ok := s.Zones.Get(ZoneKey(site.Zone)); !ok || !slices.Contains(z.Sites, id) {
			return fmt.Errorf("site %s is of a zone %q that does not have it", id, site.Zone)
		}
		for _, e := range site.Endpoints {
			if x, ok := s.Endpoints.Get(e); !ok || x.Site != id {
				return fmt.Errorf("site %s has an endpoint %q that is not there", id, e)
			}
		}
	}
	for id, e := range s.Endpoints.All() {
		if site, ok := s.Sites.Get(e.Site); !ok || !slices.Contains(site.Endpoints, id) {
			return fmt.Errorf("endpoint %s is of a site that does not have it", id)
		}
	}
	return nil
}

func (s *State) checkGroupWhole(g *Group) error {
	if z, ok := s.Zones.Get(ZoneKey(g.Zone)); !ok || !slices.Contains(z.Groups, g.Name) {
		return fmt.Errorf("it is of a zone %q that does not have it", g.Zone)
	}
	if len(g.States) != len(g.Sites) || len(g.Sites) == 0 {
		return fmt.Errorf("%d sites have %d states", len(g.Sites), len(g.States))
	}
	for i, id := range g.Sites {
		if !s.Sites.Has(id) || g.States[i].Site != id {
			return fmt.Errorf("its site %q is not there", id)
		}
	}
	if g.Active != "" && !slices.Contains(g.Sites, g.Active) || g.Pin != nil && !slices.Contains(g.Sites, g.Pin.Site) {
		return fmt.Errorf("its active site %q, or its pin, is none of its sites", g.Active)
	}
	return nil
}
