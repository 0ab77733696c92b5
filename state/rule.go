package state

import (
	"fmt"
	"strings"
	"time"
)

// RuleKind is what a safety rule does.
type RuleKind string

// The kinds: an assertion bounds how many of its switches are on after a change; a gating rule lets its switches be
// changed only while gates are on.
const (
	Assertion RuleKind = "assertion"
	Gating    RuleKind = "gating"
)

// RuleDecl declares a safety rule. Least and Most count Switches of an assertion, and Gates of a gating rule.
type RuleDecl struct {
	Name     string        `json:"name"` // cluster-wide
	Kind     RuleKind      `json:"kind"`
	Switches []string      `json:"switches"`
	Gates    []string      `json:"gates,omitempty"`
	Least    int           `json:"least,omitempty"`
	Most     int           `json:"most,omitempty"` // 0: no bound
	Wait     time.Duration `json:"wait,omitempty"` // after a change of one of Switches, before the next
}

// Rule is a declared safety rule.
type Rule struct {
	RuleDecl
	Zone string `json:"zone"` // key of the zone whose declaration has it
}

// RefusedRule is the code of a refusal by a safety rule: allowed with break-glass only.
const RefusedRule = "safety-rule"

// breach is that a change is against a rule.
type breach struct{ rule, text string }

func ruleRefusal(broken []breach) *Refusal {
	var texts []string
	for _, b := range broken {
		texts = append(texts, b.text)
	}
	return refuse(RefusedRule, "%s; --break-glass goes past safety rules, and is recorded", strings.Join(texts, "; "))
}

// InService says whether a switch stands on for assertion rules: it is on, and no operator's override forces one of its sites
// down. Words over single addresses and endpoints do not count, as verdicts do not.
func (s *State) InService(sw *Switch) bool {
	if !sw.On {
		return false
	}
	for _, site := range sw.Sites {
		if o, ok := s.Overrides.Get(OverrideKey(ScopeSite, site)); ok && o.Word == ForceDown {
			return false
		}
	}
	return true
}

// Standing counts what a rule bounds: an assertion's switches that are in, a gating rule's gates that are on.
func (s *State) Standing(r *Rule) (on int) {
	if r.Kind == Gating {
		for _, name := range r.Gates {
			if sw, ok := s.Switches.Get(name); ok && sw.On {
				on++
			}
		}
		return on
	}
	for _, name := range r.Switches {
		if sw, ok := s.Switches.Get(name); ok && s.InService(sw) {
			on++
		}
	}
	return on
}

// Off is how far a count is from what the rule allows; 0 is allowed.
func (r *RuleDecl) Off(on int) int {
	switch {
	case on < r.Least:
		return r.Least - on
	case r.Most > 0 && on > r.Most:
		return on - r.Most
	}
	return 0
}

// Demands is what a rule asks for, in words: "at least 1 of azure, aws on".
func (r *RuleDecl) Demands() string {
	of := r.Switches
	if r.Kind == Gating {
		of = r.Gates
	}
	var bounds []string
	switch {
	case r.Least == len(of):
		bounds = append(bounds, "all")
	case r.Least > 0:
		bounds = append(bounds, fmt.Sprintf("at least %d", r.Least))
	}
	if r.Most > 0 && r.Least < len(of) {
		bounds = append(bounds, fmt.Sprintf("at most %d", r.Most))
	}
	return strings.Join(bounds, " and ") + " of " + strings.Join(of, ", ") + " on"
}

// WaitsUntil is the clock from which a rule's switches may be changed again; 0 if they were never changed.
func (s *State) WaitsUntil(r *Rule) (until Clock) {
	for _, name := range r.Switches {
		if sw, ok := s.Switches.Get(name); ok && sw.Set {
			until = max(until, sw.Since+r.Wait)
		}
	}
	return until
}

// barred gives what keeps switches from being changed at a clock: gates that are shut, and waits. Gates count as they
// are before the command, so that opening one is a step of its own.
func (s *State) barred(names []string, now Clock) (broken []breach) {
	for _, r := range s.Rules.All() {
		touched := r.touched(names)
		if touched == "" {
			continue
		}
		if on := s.Standing(r); r.Kind == Gating && r.Off(on) > 0 {
			broken = append(broken, breach{r.Name, fmt.Sprintf("rule %s lets switch %s be changed only with %s, and %d of them %s on", r.Name, touched, r.Demands(), on, isAre(on))})
		}
		if until := s.WaitsUntil(r); until > now {
			broken = append(broken, breach{r.Name, fmt.Sprintf("rule %s waits %s after each change, and for %s more", r.Name, r.Wait, (until - now).Round(time.Millisecond))})
		}
	}
	return broken
}

// touched is the first of the names that is one of the rule's switches; "" without any.
func (r *RuleDecl) touched(names []string) string {
	for _, n := range names {
		for _, x := range r.Switches {
			if n == x {
				return n
			}
		}
	}
	return ""
}

// brokenAssertions compares the state before the command with the one that it has made so far. A command has to leave
// each assertion as it demands, or nearer to that than it was; one that leaves its count as it was is not judged.
func (t *txn) brokenAssertions() (broken []breach) {
	for _, r := range t.s.Rules.All() {
		if r.Kind != Assertion {
			continue
		}
		was, is := t.was.Standing(r), t.s.Standing(r)
		if off := r.Off(is); was != is && off > 0 && off >= r.Off(was) {
			broken = append(broken, breach{r.Name, fmt.Sprintf("rule %s demands %s, and this would leave %d", r.Name, r.Demands(), is)})
		}
	}
	return broken
}

// guard refuses a command that breaks an assertion, unless it broke the glass; then it gives how that is recorded.
func (t *txn) guard(breakGlass bool) (recorded string, r *Refusal) {
	broken := t.brokenAssertions()
	switch {
	case len(broken) == 0:
		return "", nil
	case !breakGlass:
		return "", ruleRefusal(broken)
	}
	return " with --break-glass, against " + rulesOf(broken), nil
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
