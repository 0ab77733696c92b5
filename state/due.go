package state

import (
	"fmt"
	"time"
)

// warnBefore is how long before its end an override or pin is announced as ending.
const warnBefore = 15 * time.Minute

// Due makes everything that is due by the cluster clock happen: expiries, warnings before them, ends of holds. The
// leader sends it; what is due is judged here.
type Due struct{}

func (*Due) kind() kind { return kindDue }

func (c *Due) apply(t *txn) *Refusal {
	for key, o := range t.was.Overrides.All() {
		t.dueOverride(key, o)
	}
	for _, g := range t.was.Groups.All() {
		t.duePin(g)
		g, _ = t.s.Groups.Get(g.Name)
		t.endHolds(g, func(st *SiteState) bool { return st.HeldTill > 0 && st.HeldTill <= t.s.Clock }, "it was stable for long enough")
	}
	return nil
}

func (t *txn) dueOverride(key string, o *Override) {
	switch {
	case o.Expires == 0:
	case o.Expires <= t.s.Clock:
		t.s.Overrides = t.s.Overrides.Without(key)
		t.event(Event{Type: "override-expired", Site: siteOf(o.Scope, o.Target), Author: o.Author, Reason: o.Reason, Text: "expired: " + o.What()})
		t.touchOverride(o.Scope)
	case warnAt(o.Since, o.Expires, o.Warned) <= t.s.Clock:
		next := *o
		next.Warned = true
		t.s.Overrides = t.s.Overrides.With(key, &next)
		t.event(Event{Type: "override-expiring", Site: siteOf(o.Scope, o.Target), Author: o.Author, Reason: o.Reason,
			Text: fmt.Sprintf("%s, for %s more", o.What(), (o.Expires - t.s.Clock).Round(time.Second))})
	}
}

func (t *txn) duePin(g *Group) {
	p := g.Pin
	switch {
	case p == nil || p.Expires == 0:
	case p.Expires <= t.s.Clock:
		t.unpin(g, Event{Type: "pin-expired", Author: p.Author, Reason: p.Reason, Text: fmt.Sprintf("expired: %s is %s to %s", g.Name, p.verb(), p.Site)})
	case warnAt(p.Since, p.Expires, p.Warned) <= t.s.Clock:
		next, pin := *g, *p
		pin.Warned = true
		next.Pin = &pin
		t.s.Groups = t.s.Groups.With(g.Name, &next)
		t.event(Event{Type: "pin-expiring", Group: g.Name, Site: p.Site, Author: p.Author, Reason: p.Reason,
			Text: fmt.Sprintf("%s is %s to %s for %s more", g.Name, p.verb(), p.Site, (p.Expires - t.s.Clock).Round(time.Second))})
	}
}

// never is a clock that is not reached.
const never Clock = 1<<63 - 1

// warnAt is when to announce an end; something set for no longer than warnBefore is not announced.
func warnAt(since, expires Clock, warned bool) Clock {
	if warned || expires-since <= warnBefore {
		return never
	}
	return expires - warnBefore
}

// NextDue is the cluster clock at which the next Due has something to do.
func (s *State) NextDue() (at Clock, ok bool) {
	at = never
	for _, o := range s.Overrides.All() {
		if o.Expires > 0 {
			at = min(at, o.Expires, warnAt(o.Since, o.Expires, o.Warned))
		}
	}
	for _, g := range s.Groups.All() {
		if p := g.Pin; p != nil && p.Expires > 0 {
			at = min(at, p.Expires, warnAt(p.Since, p.Expires, p.Warned))
		}
		for i := range g.States {
			if g.States[i].Held && g.States[i].HeldTill > 0 {
				at = min(at, g.States[i].HeldTill)
			}
		}
	}
	return at, at != never
}
