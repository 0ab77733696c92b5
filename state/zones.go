package state

import (
	"fmt"
	"slices"
	"strings"

	"failoverdns/record"
)

// CreateZone makes a zone that no file declares, or with Replace gives such a one another SOA and other name servers;
// its dynamic record sets stay.
type CreateZone struct {
	Zone    record.Name  `json:"zone"`
	SOA     SOA          `json:"soa"`
	Sets    []record.Set `json:"sets"` // NS and glue
	Replace bool         `json:"replace,omitempty"`
	Reason  string       `json:"reason,omitempty"`
}

// DeleteZone takes a zone away that no node's file declares any more, with all that is in it.
type DeleteZone struct {
	Zone   record.Name `json:"zone"`
	Reason string      `json:"reason,omitempty"`
	Force  bool        `json:"force,omitempty"` // even if it still steers names, or has dynamic record sets
}

// Withdraw says that a node's files do not have some zones any more. It changes no zone: it only lets them be deleted.
type Withdraw struct {
	Node        string        `json:"node"`
	Incarnation string        `json:"incarnation"`
	Zones       []record.Name `json:"zones"`
}

func (*CreateZone) kind() kind { return kindCreateZone }
func (*DeleteZone) kind() kind { return kindDeleteZone }
func (*Withdraw) kind() kind   { return kindWithdraw }

func (c *CreateZone) apply(t *txn) *Refusal {
	old, ok := t.s.Zones.Get(ZoneKey(c.Zone))
	switch {
	case ok && old.Author == "":
		return refuse(RefusedConflict, "zone %s is there already: %s declares it", c.Zone.Bare(), old.Source)
	case ok && !c.Replace:
		return refuse(RefusedConflict, "zone %s is there already: %s made it; --replace gives it other name servers", c.Zone.Bare(), old.Author)
	case t.h.Author == "":
		return refuse(RefusedInvalid, "zone %s: nobody is named as its author", c.Zone.Bare())
	case !slices.ContainsFunc(c.Sets, func(s record.Set) bool { return s.Name == c.Zone && s.Type == record.NS }):
		return refuse(RefusedInvalid, "zone %s has no name server", c.Zone.Bare())
	}
	d := &Declaration{Zone: c.Zone, Source: "a command of " + t.h.Author, NoQuorum: NoQuorum{Mode: NoQuorumHold}, SOA: c.SOA, Sets: c.Sets}
	if r := d.checkForm(); r != nil {
		return r
	}
	if r := t.declare([]*Declaration{d}); r != nil {
		return r
	}
	z, _ := t.s.Zones.Get(ZoneKey(c.Zone))
	made := *z
	made.Author = t.h.Author
	t.s.Zones = t.s.Zones.With(ZoneKey(c.Zone), &made)
	return nil
}

func (c *DeleteZone) apply(t *txn) *Refusal {
	key := ZoneKey(c.Zone)
	z, ok := t.s.Zones.Get(key)
	if !ok {
		return refuse(RefusedNotFound, "there is no zone %s", c.Zone.Bare())
	}
	if by := t.s.declaredBy(c.Zone); by != nil {
		return refuse(RefusedConflict, "zone %s is still declared by %s: take it out of the files there, reload, and then delete it", c.Zone.Bare(), strings.Join(by, ", "))
	}
	if lost := z.lost(); lost != "" && !c.Force {
		return refuse(RefusedUnsafe, "zone %s still answers for %s; --force deletes it all the same", c.Zone.Bare(), lost)
	}
	t.dropGroups(z, new(Zone))
	t.dropSites(z, new(Zone))
	t.s.Zones = t.s.Zones.Without(key)
	for id := range t.s.Nodes.All() {
		t.s.Offers = t.s.Offers.Without(offerKey(id, c.Zone))
	}
	t.change(c.Zone, "", -1)
	t.releaseTargets()
	t.endSessions()
	for id := range t.s.Nodes.All() {
		t.countIn(id) // the endpoint that its first full round lacked may be gone
	}
	t.event(Event{Type: "zone-deleted", Zone: c.Zone.Bare(), Reason: c.Reason, Text: fmt.Sprintf("zone %s is deleted", c.Zone.Bare())})
	return t.checkGroups()
}

// declaredBy names the nodes whose files have a zone, each with where.
func (s *State) declaredBy(zone record.Name) (by []string) {
	for id := range s.Nodes.All() {
		if o, ok := s.Offer(id, zone); ok && !o.Gone {
			by = append(by, fmt.Sprintf("%s (%s)", id, o.Source))
		}
	}
	return by
}

// lost says what of a zone would be gone with it, beside what every zone has.
func (z *Zone) lost() string {
	var what []string
	if n := len(z.steered); n > 0 {
		what = append(what, count(n, "steered name"))
	}
	if n := z.Dynamic.Len(); n > 0 {
		what = append(what, count(n, "dynamic record set"))
	}
	return strings.Join(what, " and ")
}

func (c *Withdraw) apply(t *txn) *Refusal {
	n, ok := t.s.Nodes.Get(c.Node)
	switch {
	case !ok:
		return refuse(RefusedNotFound, "node %q is no member of this cluster", c.Node)
	case n.Incarnation != "" && n.Incarnation != c.Incarnation:
		return refuse(RefusedStale, "node %q is known with another data directory; remove it, then join", c.Node)
	}
	for _, zone := range c.Zones {
		o, ok := t.s.Offer(c.Node, zone)
		if !ok || o.Gone {
			continue
		}
		gone := *o
		gone.Gone, gone.Drift, gone.Declaration = true, false, nil
		t.s.Offers = t.s.Offers.With(offerKey(c.Node, zone), &gone)
		t.event(Event{Type: "withdrawn", Zone: zone.Bare(), Node: c.Node, Text: fmt.Sprintf("%s has zone %s in its files no more (it was %s); it is served as before", c.Node, zone.Bare(), o.Source)})
	}
	return nil
}
