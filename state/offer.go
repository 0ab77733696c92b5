package state

import (
	"fmt"

	"failoverdns/record"
)

// Declare is one node's offer: the zones whose declarations differ from what this incarnation of it last offered.
// Every offer is recorded. One comes into force if the zone is undeclared, or if this node's previous offer is the
// one in force; an equal one is only recorded; any other is drift. The changed zones of one offer come into force
// together or not at all: if one of them drifts, all do.
type Declare struct {
	Node         string         `json:"node"`
	Incarnation  string         `json:"incarnation"`
	Declarations []*Declaration `json:"declarations"`
}

// Adopt brings a node's drifting offer into force: for one zone, or for all at once where Zone is empty.
type Adopt struct {
	Node string      `json:"node"`
	Zone record.Name `json:"zone,omitempty"`
}

func (*Declare) kind() kind { return kindDeclare }
func (*Adopt) kind() kind   { return kindAdopt }

func (c *Declare) apply(t *txn) *Refusal {
	if r := c.check(t.s); r != nil {
		return r
	}
	var changed []*Declaration
	drift := false
	for _, d := range c.Declarations {
		if z, ok := t.s.Zones.Get(ZoneKey(d.Zone)); ok && z.Digest == t.digest(d) {
			t.offer(c, d, false)
			continue
		}
		changed = append(changed, d)
		drift = drift || !t.was.mayDeclare(c, d)
	}
	for _, d := range changed {
		t.offer(c, d, drift)
	}
	if drift {
		return nil
	}
	return t.declare(changed)
}

// check refuses an offer of a node that is no member, or that lost its data, and one that no Corefile can mean.
func (c *Declare) check(s *State) *Refusal {
	n, ok := s.Nodes.Get(c.Node)
	switch {
	case !ok:
		return refuse(RefusedNotFound, "node %q is no member of this cluster", c.Node)
	case n.Incarnation != "" && n.Incarnation != c.Incarnation:
		return refuse(RefusedStale, "node %q is known with another data directory; remove it, then join", c.Node)
	}
	seen := map[record.Name]bool{}
	for _, d := range c.Declarations {
		if r := d.checkForm(); r != nil {
			return r
		}
		if seen[d.Zone] {
			return refuse(RefusedConflict, "%s: zone %s is declared twice", d.Source, d.Zone.Bare())
		}
		seen[d.Zone] = true
	}
	return nil
}

// mayDeclare says whether a node's offer may replace what is in force.
func (s *State) mayDeclare(c *Declare, d *Declaration) bool {
	z, declared := s.Zones.Get(ZoneKey(d.Zone))
	if !declared {
		return true
	}
	previous, ok := s.Offers.Get(offerKey(c.Node, d.Zone))
	return ok && previous.Incarnation == c.Incarnation && previous.Digest == z.Digest
}

// offer records what a node offers for a zone.
func (t *txn) offer(c *Declare, d *Declaration, drift bool) {
	o := &Offer{Node: c.Node, Incarnation: c.Incarnation, Zone: d.Zone, Digest: t.digest(d), Source: d.Source, At: t.s.Clock, Wall: t.s.Wall}
	if drift {
		o.Drift, o.Declaration = true, d
		text := fmt.Sprintf("%s offers zone %s (%s) together with others that differ from those in force", c.Node, d.Zone.Bare(), d.Source)
		if z, ok := t.s.Zones.Get(ZoneKey(d.Zone)); ok {
			text = fmt.Sprintf("%s offers another form of %s (%s) than the one in force (%s)", c.Node, d.Zone.Bare(), d.Source, z.Source)
		}
		t.event(Event{Type: "drift", Zone: d.Zone.Bare(), Node: c.Node, Text: text + "; failoverctl config adopt accepts it"})
	}
	t.s.Offers = t.s.Offers.With(offerKey(c.Node, d.Zone), o)
}

func (c *Adopt) apply(t *txn) *Refusal {
	var ds []*Declaration
	for _, o := range t.s.Offers.Prefix(offersOf(c.Node)) {
		if o.Drift && o.Node == c.Node && (c.Zone == "" || o.Zone == c.Zone) {
			ds = append(ds, o.Declaration)
		}
	}
	if ds == nil {
		return refuse(RefusedNotFound, "node %q has no differing offer%s", c.Node, forZone(c.Zone))
	}
	return t.declare(ds)
}

func forZone(zone record.Name) string {
	if zone == "" {
		return ""
	}
	return " for zone " + zone.Bare()
}

// endDrift frees every offer that says what these declarations brought into force.
func (t *txn) endDrift(ds []*Declaration) {
	for _, d := range ds {
		z, _ := t.s.Zones.Get(ZoneKey(d.Zone))
		for id := range t.s.Nodes.All() {
			o, ok := t.s.Offer(id, d.Zone)
			if !ok || !o.Drift || o.Digest != z.Digest {
				continue
			}
			same := *o
			same.Drift, same.Declaration = false, nil
			t.s.Offers = t.s.Offers.With(offerKey(id, d.Zone), &same)
		}
	}
}
