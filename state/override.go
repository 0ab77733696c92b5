package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// MaxFor bounds how long an override or pin may be asked to stand, unless it is for ever.
const MaxFor = 366 * 24 * time.Hour

// SetOverride forces a site, address or endpoint up or down, or mutes a check or node, for a time; For 0 is for ever.
type SetOverride struct {
	Scope  Scope         `json:"scope"`
	Target string        `json:"target"`
	Word   Word          `json:"word"`
	Reason string        `json:"reason"`
	For    time.Duration `json:"for,omitempty"`
	Force  bool          `json:"force,omitempty"`

	BreakGlass bool `json:"break_glass,omitempty" level:"2"` // past safety rules
}

// ClearOverride ends an override.
type ClearOverride struct {
	Scope  Scope  `json:"scope"`
	Target string `json:"target"`
	Reason string `json:"reason,omitempty"`
	Force  bool   `json:"force,omitempty"`

	BreakGlass bool `json:"break_glass,omitempty" level:"2"`
}

// Extend sets a new end to an override, counted from now; For 0 is for ever.
type Extend struct {
	Scope  Scope         `json:"scope"`
	Target string        `json:"target"`
	For    time.Duration `json:"for,omitempty"`
}

func (*SetOverride) kind() kind   { return kindOverride }
func (*ClearOverride) kind() kind { return kindClear }
func (*Extend) kind() kind        { return kindExtend }

// forced says whether a command may take from a group its last usable site. Only an operator's command needs to ask.
func forced(b Body) bool {
	switch c := b.(type) {
	case *SetOverride:
		return c.Force
	case *SetSwitches:
		return c.Force
	case *ClearOverride:
		return c.Force
	}
	return true
}

func (c *SetOverride) apply(t *txn) *Refusal {
	if r := t.s.checkOverride(c); r != nil {
		return r
	}
	o := &Override{Scope: c.Scope, Target: c.Target, Word: c.Word, Author: t.h.Author, Reason: c.Reason,
		Since: t.s.Clock, Wall: t.s.Wall, Expires: t.expiry(c.For), Forced: c.Force}
	t.s.putOverride(o)
	glass, r := t.guard(c.BreakGlass)
	if r != nil {
		return r
	}
	t.event(Event{Type: "override-set", Site: siteOf(c.Scope, c.Target), Reason: c.Reason,
		Text: fmt.Sprintf("%s %s %s%s%s%s", o.What(), lasting(c.For), byWhom(t.h.Author), past(c.Force), glass, because(c.Reason))})
	t.touchOverride(c.Scope, c.Target)
	return nil
}

// What is the override in words: "site azure is forced down".
func (o *Override) What() string {
	if o.Word == Mute {
		return fmt.Sprintf("%s %s is muted", o.Scope, o.Target)
	}
	return fmt.Sprintf("%s %s is forced %s", o.Scope, o.Target, o.Word)
}

func lasting(d time.Duration) string {
	if d == 0 {
		return "for ever"
	}
	return "for " + d.String()
}

func byWhom(author string) string {
	if author == "" {
		return "by someone unnamed"
	}
	return "by " + author
}

// past says that a command was given with leave to go past a refusal.
func past(force bool) string {
	if force {
		return " with --force"
	}
	return ""
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func siteOf(scope Scope, target string) string {
	if scope == ScopeSite {
		return target
	}
	return ""
}

func goodFor(d time.Duration) bool { return d == 0 || d >= time.Second && d <= MaxFor }

func badFor(what string, d time.Duration) *Refusal {
	return refuse(RefusedInvalid, "%s for %s is not between 1s and %s; use never for one without end", what, d, MaxFor)
}

// checkOverride refuses an override of something that is not there, or a word that does not fit it.
func (s *State) checkOverride(c *SetOverride) *Refusal {
	words := map[Scope][]Word{
		ScopeSite: {ForceDown, ForceUp}, ScopeAddress: {ForceDown, ForceUp}, ScopeEndpoint: {ForceDown, ForceUp},
		ScopeCheck: {Mute}, ScopeNode: {Mute},
	}[c.Scope]
	switch {
	case words == nil:
		return refuse(RefusedInvalid, "override scope %q is none of: site, address, endpoint, check, node", c.Scope)
	case !slices.Contains(words, c.Word):
		return refuse(RefusedInvalid, "a %s cannot be overridden with %q", c.Scope, c.Word)
	case !goodFor(c.For):
		return badFor("an override", c.For)
	case !s.targetExists(c.Scope, c.Target):
		return refuse(RefusedNotFound, "there is no %s %q", c.Scope, c.Target)
	}
	return nil
}

func (s *State) targetExists(scope Scope, target string) bool {
	switch scope {
	case ScopeEndpoint:
		return s.Endpoints.Has(target)
	case ScopeNode:
		return s.Nodes.Has(target)
	case ScopeCheck:
		site, check, _ := cutLast(target, '/')
		x, ok := s.Sites.Get(site)
		return ok && slices.ContainsFunc(x.Checks, func(c CheckDecl) bool { return c.Name == check })
	case ScopeAddress:
		site, address, _ := cutLast(target, '@')
		x, ok := s.Sites.Get(site)
		return ok && slices.ContainsFunc(s.Addresses(x), func(a netip.Addr) bool { return a.String() == address })
	}
	if s.Sites.Has(target) {
		return true
	}
	for _, site := range s.Sites.All() {
		if site.Name == target {
			return true
		}
	}
	return false
}

// cutLast cuts an ID at its last separator.
func cutLast(id string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(id, sep)
	if i < 0 {
		return "", "", false
	}
	return id[:i], id[i+1:], true
}

// touchOverride settles what an override may change: the groups with its site, and for a muted node, whose votes count
// as none, those whose verdicts change when all are decided again.
func (t *txn) touchOverride(scope Scope, target string) {
	switch scope {
	case ScopeNode:
		t.recount()
	case ScopeSite:
		for id, site := range t.s.Sites.All() {
			if site.Name == target || id == target {
				t.touchSite(id)
			}
		}
	case ScopeEndpoint:
		if e, ok := t.s.Endpoints.Get(target); ok {
			t.touchSite(e.Site)
		}
	case ScopeAddress:
		site, _, _ := cutLast(target, '@')
		t.touchSite(site)
	case ScopeCheck:
		site, _, _ := cutLast(target, '/')
		t.touchSite(site)
	}
}

func (c *ClearOverride) apply(t *txn) *Refusal {
	key := OverrideKey(c.Scope, c.Target)
	o, ok := t.s.Overrides.Get(key)
	if !ok {
		return refuse(RefusedNotFound, "there is no override of %s %q", c.Scope, c.Target)
	}
	t.s.dropOverride(key)
	glass, r := t.guard(c.BreakGlass)
	if r != nil {
		return r
	}
	t.event(Event{Type: "override-cleared", Site: siteOf(c.Scope, c.Target), Reason: c.Reason,
		Text: fmt.Sprintf("no longer: %s; ended %s%s%s%s", o.What(), byWhom(t.h.Author), past(c.Force), glass, because(c.Reason))})
	t.touchOverride(c.Scope, c.Target)
	return nil
}

func (c *Extend) apply(t *txn) *Refusal {
	key := OverrideKey(c.Scope, c.Target)
	o, ok := t.s.Overrides.Get(key)
	switch {
	case !ok:
		return refuse(RefusedNotFound, "there is no override of %s %q", c.Scope, c.Target)
	case !goodFor(c.For):
		return badFor("an override", c.For)
	}
	next := *o
	next.Expires, next.Warned = t.expiry(c.For), false
	t.s.putOverride(&next)
	t.event(Event{Type: "override-set", Site: siteOf(c.Scope, c.Target),
		Text: fmt.Sprintf("still %s, now %s from here on, %s", o.What(), lasting(c.For), byWhom(t.h.Author))})
	return nil
}
