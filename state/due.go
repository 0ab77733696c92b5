package state

import (
	"fmt"
	"slices"
	"time"
)

// warnBefore is how long before its end an override or pin is announced as ending.
const warnBefore = 15 * time.Minute

// Due makes everything that is due by the cluster clock happen: expiries, warnings before them, ends of holds, starts of maintenance windows. The
// leader sends it; what is due is judged here.
type Due struct{}

func (*Due) kind() kind { return kindDue }

func (c *Due) apply(t *txn) *Refusal {
	t.dueUploads()
	overrides, groups, tokens, windows := t.was.dueAt(t.s.Clock)
	for _, id := range tokens {
		k, _ := t.was.Tokens.Get(id)
		t.dueToken(k)
	}
	for _, key := range overrides {
		o, _ := t.was.Overrides.Get(key)
		t.dueOverride(key, o)
	}
	for _, name := range groups {
		g, _ := t.was.Groups.Get(name)
		t.duePin(g)
		g, _ = t.s.Groups.Get(name)
		t.endHolds(g, func(st *SiteState) bool { return st.HeldTill > 0 && st.HeldTill <= t.s.Clock }, "it was stable for long enough")
	}
	for _, key := range windows { // last: each is judged on what stands then
		w, _ := t.was.Windows.Get(key)
		t.dueWindow(w)
	}
	return nil
}

// dueAt lists what is to be looked at by a clock: overrides by key, groups, tokens, and windows by key, each in order.
func (s *State) dueAt(clock Clock) (overrides, groups, tokens, windows []string) {
	for _, x := range s.timers.All() {
		if x.at > clock {
			break
		}
		switch {
		case x.override != "":
			overrides = append(overrides, x.override)
		case x.token != "":
			tokens = append(tokens, x.token)
		case x.window != "":
			windows = append(windows, x.window)
		default:
			groups = append(groups, x.group)
		}
	}
	slices.Sort(overrides)
	slices.Sort(groups)
	slices.Sort(tokens)
	slices.Sort(windows)
	return overrides, groups, tokens, windows
}

func (t *txn) dueOverride(key string, o *Override) {
	switch {
	case o.Expires == 0:
	case o.Expires <= t.s.Clock:
		t.s.dropOverride(key)
		t.event(Event{Type: "override-expired", Site: siteOf(o.Scope, o.Target), Author: o.Author, Reason: o.Reason, Text: "expired: " + o.What()})
		t.touchOverride(o.Scope, o.Target)
	case warnAt(o.Since, o.Expires, o.Warned) <= t.s.Clock:
		next := *o
		next.Warned = true
		t.s.putOverride(&next)
		t.event(Event{Type: "override-expiring", Site: siteOf(o.Scope, o.Target), Author: o.Author, Reason: o.Reason,
			Text: fmt.Sprintf("%s, for %s more", o.What(), (o.Expires - t.s.Clock).Round(time.Second))})
	}
}

func (t *txn) duePin(g *Group) {
	p := g.Pin
	switch {
	case p == nil || p.Expires == 0:
	case p.Expires <= t.s.Clock && p.Drill != 0:
		next := *g
		t.endDrill(&next, DrillCompleted, "")
		t.s.putGroup(&next)
	case p.Expires <= t.s.Clock:
		t.unpin(g, Event{Type: "pin-expired", Author: p.Author, Reason: p.Reason, Text: fmt.Sprintf("expired: %s is %s to %s", g.Name, p.verb(), p.Site)})
	case warnAt(p.Since, p.Expires, p.Warned) <= t.s.Clock:
		next, pin := *g, *p
		pin.Warned = true
		next.Pin = &pin
		t.s.putGroup(&next)
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

// due is when an override has to be looked at next.
func (o *Override) due() Clock {
	if o == nil || o.Expires == 0 {
		return never
	}
	return min(o.Expires, warnAt(o.Since, o.Expires, o.Warned))
}

// due is when a group has to be looked at next, for its pin or its holds.
func (g *Group) due() Clock {
	at := never
	if g == nil {
		return at
	}
	if p := g.Pin; p != nil && p.Expires > 0 {
		at = min(p.Expires, warnAt(p.Since, p.Expires, p.Warned))
	}
	for i := range g.States {
		if g.States[i].Held && g.States[i].HeldTill > 0 {
			at = min(at, g.States[i].HeldTill)
		}
	}
	return at
}

// NextDue is the cluster clock at which the next Due has something to do.
func (s *State) NextDue() (at Clock, ok bool) {
	at = s.nextAbandoned()
	if _, x, ok := s.timers.First(); ok {
		at = min(at, x.at)
	}
	return at, at != never
}
