package state

import (
	"fmt"
	"slices"
)

// declareSwitches defines switches and safety rules. A switch that was there keeps its position.
func (t *txn) declareSwitches(d *Declaration) *Refusal {
	key := ZoneKey(d.Zone)
	for i := range d.Switches {
		decl := d.Switches[i]
		sw := &Switch{SwitchDecl: decl, Zone: key, On: !decl.Off, Since: t.s.Clock, Wall: t.s.Wall}
		old, ok := t.s.Switches.Get(decl.Name)
		switch {
		case ok && old.Zone != key:
			return refuse(RefusedConflict, "%s: switch %s is declared in another zone already", d.Source, decl.Name)
		case ok:
			*sw = *old
			sw.SwitchDecl = decl
			t.touchSwitch(old)
		}
		for _, site := range decl.Sites {
			if !t.s.targetExists(ScopeSite, site) {
				return refuse(RefusedInvalid, "%s: switch %s names site %s, which nobody defines", d.Source, decl.Name, site)
			}
		}
		t.s.putSwitch(sw)
		t.touchSwitch(sw)
	}
	for i := range d.Rules {
		if old, ok := t.s.Rules.Get(d.Rules[i].Name); ok && old.Zone != key {
			return refuse(RefusedConflict, "%s: rule %s is declared in another zone already", d.Source, old.Name)
		}
		t.s.Rules = t.s.Rules.With(d.Rules[i].Name, &Rule{d.Rules[i], key})
	}
	return nil
}

func (t *txn) touchSwitch(sw *Switch) {
	for _, site := range sw.Sites {
		t.touchOverride(ScopeSite, site)
	}
}

// dropSwitches takes away the switches and rules that a zone's declaration has no more. A site that a dropped switch
// kept out is in again.
func (t *txn) dropSwitches(old *Zone, d *Declaration) {
	for _, name := range old.Switches {
		if slices.ContainsFunc(d.Switches, func(x SwitchDecl) bool { return x.Name == name }) {
			continue
		}
		sw, _ := t.s.Switches.Get(name)
		t.s.dropSwitch(name)
		t.touchSwitch(sw)
		t.event(Event{Type: "declared", Zone: old.Name.Bare(), Text: fmt.Sprintf("switch %s, which was %s, is gone", name, sw.Position())})
	}
	for _, name := range old.Rules {
		if !slices.ContainsFunc(d.Rules, func(x RuleDecl) bool { return x.Name == name }) {
			t.s.Rules = t.s.Rules.Without(name)
			t.event(Event{Type: "declared", Zone: old.Name.Bare(), Text: "rule " + name + " is gone"})
		}
	}
}

// checkRules refuses a declaration that leaves some rule with a switch that nobody declares.
func (t *txn) checkRules() *Refusal {
	for _, r := range t.s.Rules.All() {
		for _, name := range slices.Concat(r.Switches, r.Gates) {
			if !t.s.Switches.Has(name) {
				return refuse(RefusedInvalid, "rule %s names switch %s, which nobody declares", r.Name, name)
			}
		}
	}
	return nil
}

// checkSwitchForms refuses switches and rules that no block can mean.
func (d *Declaration) checkSwitchForms() *Refusal {
	seen := map[string]bool{}
	for i := range d.Switches {
		sw := &d.Switches[i]
		if !goodWord(sw.Name) || seen[sw.Name] {
			return refuse(RefusedInvalid, "%s: switch name %q is empty, not the only one, or holds one of: / @ and space", d.Source, sw.Name)
		}
		seen[sw.Name] = true
	}
	seen = map[string]bool{}
	for i := range d.Rules {
		r := &d.Rules[i]
		if !goodWord(r.Name) || seen[r.Name] {
			return refuse(RefusedInvalid, "%s: rule name %q is empty, not the only one, or holds one of: / @ and space", d.Source, r.Name)
		}
		seen[r.Name] = true
		if why := r.Wrong(); why != "" {
			return refuse(RefusedInvalid, "%s: rule %s %s", d.Source, r.Name, why)
		}
	}
	return nil
}

// Wrong says what is wrong with a rule by itself; "" if nothing is.
func (r *RuleDecl) Wrong() string {
	counted := r.Switches
	if r.Kind == Gating {
		counted = r.Gates
	}
	switch {
	case r.Kind != Assertion && r.Kind != Gating:
		return fmt.Sprintf("is of kind %q, which is neither assertion nor gating", r.Kind)
	case len(r.Switches) == 0:
		return "names no switch"
	case r.Kind == Gating && len(r.Gates) == 0:
		return "is a gating rule without a gate"
	case r.Kind == Assertion && len(r.Gates) > 0:
		return "is an assertion, which has no gate"
	case twice(r.Switches) != "" || twice(r.Gates) != "":
		return fmt.Sprintf("names switch %s twice", twice(r.Switches)+twice(r.Gates))
	case r.Kind == Gating && twice(slices.Concat(r.Switches, r.Gates)) != "":
		return fmt.Sprintf("has switch %s for its own gate", twice(slices.Concat(r.Switches, r.Gates)))
	case r.Least == 0 && r.Most == 0:
		return "bounds nothing; give at-least or at-most"
	case r.Least < 0 || r.Most < 0 || r.Least > len(counted):
		return fmt.Sprintf("can never be kept: it counts %d switches, and wants at least %d of them on", len(counted), r.Least)
	case r.Most > 0 && r.Most < r.Least:
		return fmt.Sprintf("can never be kept: it wants at least %d on, and at most %d", r.Least, r.Most)
	case r.Wait < 0:
		return fmt.Sprintf("waits %s, less than nothing", r.Wait)
	}
	return ""
}

func twice(names []string) string {
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			return n
		}
	}
	return ""
}
