package state

import (
	"slices"
	"strings"

	"failoverdns/record"
	"failoverdns/routing"
)

// answer works out what each cell of a group has at the sites that are answered.
func (t *txn) answer(g *Group, sites []string) {
	answers := make([]Answer, len(g.Cells))
	for i := range g.Cells {
		answers[i] = t.s.cellAnswer(&g.Cells[i], sites)
		if i >= len(g.Answers) || !answers[i].equal(&g.Answers[i]) {
			t.change(g.Zone, g.Name, i)
		}
	}
	g.Answers = answers
}

func (a *Answer) equal(b *Answer) bool {
	return a.Target == b.Target && slices.Equal(a.A, b.A) && slices.Equal(a.AAAA, b.AAAA)
}

func (s *State) cellAnswer(c *CellDecl, sites []string) Answer {
	var options []routing.Option
	for _, id := range sites {
		if site, ok := s.Sites.Get(id); ok {
			options = append(options, s.option(c, site))
		}
	}
	a, aaaa, target := routing.Answer(options)
	return Answer{a, aaaa, target}
}

// option is what a cell's names have at one site: addresses of their own, or the site's.
func (s *State) option(c *CellDecl, site *Site) routing.Option {
	addresses, target := s.Addresses(site), site.Target
	if site.Flatten {
		target = ""
	}
	for _, at := range c.At {
		if at.Site == site.ID() {
			addresses, target = at.Addresses, at.Target
		}
	}
	o := routing.Option{Target: target}
	for _, a := range addresses {
		o.Addresses = append(o.Addresses, routing.Address{IP: a, Healthy: s.AddressHealthy(site, a)})
	}
	return o
}

// Short is a site ID without the group that it belongs to: the name that people know.
func Short(siteID string) string { return siteID[strings.LastIndexByte(siteID, '/')+1:] }

// CellOf finds the group and cell that steer a name, if any.
func (s *State) CellOf(zone *Zone, name record.Name) (g *Group, cell int, ok bool) {
	ref, ok := zone.steered[name]
	if !ok {
		return nil, 0, false
	}
	g, ok = s.Groups.Get(ref.Group)
	return g, ref.Cell, ok
}
