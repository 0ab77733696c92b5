package state

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// SwitchDecl declares a routing switch: an operator's input, on or off, to the state of sites.
type SwitchDecl struct {
	Name  string   `json:"name"`            // cluster-wide
	Sites []string `json:"sites,omitempty"` // names; out in every group while the switch is off. None: a gate, or a flag for programs
	Off   bool     `json:"initially_off,omitempty"`
}

// Switch is a declared routing switch and its position, which outlives changes of its declaration.
type Switch struct {
	SwitchDecl
	Zone       string    `json:"zone"` // key of the zone whose declaration has it
	On         bool      `json:"on"`
	Author     string    `json:"author,omitempty"` // of the last change; empty before the first
	Reason     string    `json:"reason,omitempty"`
	Since      Clock     `json:"since"`
	Wall       time.Time `json:"wall,omitzero"`
	Set        bool      `json:"set,omitempty"` // changed by an operator since it was declared: rules' waits count from Since
	BrokeGlass bool      `json:"broke_glass,omitempty"`
}

// MaxSwitches bounds how many switches one command changes.
const MaxSwitches = 100

// SetSwitches changes the positions of switches, all of them or none. Force goes past the last site that is up of a
// group, BreakGlass past safety rules; both are recorded.
type SetSwitches struct {
	Changes    []SwitchChange `json:"changes"`
	Reason     string         `json:"reason"`
	Force      bool           `json:"force,omitempty"`
	BreakGlass bool           `json:"break_glass,omitempty"`
}

// SwitchChange is the position that one switch is to have.
type SwitchChange struct {
	Name string `json:"name"`
	On   bool   `json:"on"`
}

func (*SetSwitches) kind() kind { return kindSwitches }

// about names the switches, for the audit trail.
func (c *SetSwitches) about() string {
	var words []string
	for _, ch := range c.Changes {
		words = append(words, ch.Name+"="+(&Switch{On: ch.On}).Position())
	}
	return cut(strings.Join(words, " "), maxNoteText)
}

func (c *SetSwitches) apply(t *txn) *Refusal {
	changed, r := c.changed(t.s)
	if r != nil {
		return r
	}
	broken := t.s.barred(changed, t.s.Clock)
	for _, name := range changed {
		sw, _ := t.s.Switches.Get(name)
		next := *sw
		next.On, next.Author, next.Reason, next.BrokeGlass = !sw.On, t.h.Author, c.Reason, false
		next.Since, next.Wall, next.Set = t.s.Clock, t.s.Wall, true
		t.s.putSwitch(&next)
	}
	broken = append(broken, t.brokenAssertions()...)
	if len(broken) > 0 && !c.BreakGlass {
		return ruleRefusal(broken)
	}
	t.tellSwitches(c, changed, broken)
	return nil
}

// changed gives the names of the switches whose position the command changes, in order.
func (c *SetSwitches) changed(s *State) (names []string, r *Refusal) {
	if n := len(c.Changes); n == 0 || n > MaxSwitches {
		return nil, refuse(RefusedInvalid, "%d switches to set; one command sets 1 to %d", n, MaxSwitches)
	}
	seen := map[string]bool{}
	for _, ch := range c.Changes {
		sw, ok := s.Switches.Get(ch.Name)
		switch {
		case !ok:
			return nil, refuse(RefusedNotFound, "there is no switch %q; failoverctl switch list shows them", ch.Name)
		case seen[ch.Name]:
			return nil, refuse(RefusedInvalid, "switch %q is named twice; give each one position", ch.Name)
		}
		seen[ch.Name] = true
		if sw.On != ch.On {
			names = append(names, ch.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// tellSwitches records the changes, and marks the groups that they may move.
func (t *txn) tellSwitches(c *SetSwitches, changed []string, broken []breach) {
	for _, name := range changed {
		sw, _ := t.s.Switches.Get(name)
		glass := ""
		if len(broken) > 0 {
			glass = " with --break-glass, against " + rulesOf(broken)
			next := *sw
			next.BrokeGlass = true
			t.s.putSwitch(&next)
		}
		t.event(Event{Type: "switch-set", Reason: c.Reason,
			Text: fmt.Sprintf("switch %s is %s, set %s%s%s%s", name, sw.Position(), byWhom(t.h.Author), past(c.Force), glass, because(c.Reason))})
		for _, site := range sw.Sites {
			t.touchOverride(ScopeSite, site)
		}
	}
}

// Position is on or off.
func (sw *Switch) Position() string {
	if sw.On {
		return "on"
	}
	return "off"
}

// SwitchedOff is the first switch, by name, that is off and so takes a site out; nil without one.
func (s *State) SwitchedOff(site *Site) *Switch {
	for _, name := range s.offSites.Prefix(pairKey(site.Name, "")) {
		sw, _ := s.Switches.Get(name)
		return sw
	}
	return nil
}

func (s *State) putSwitch(sw *Switch) {
	s.unlinkSwitch(sw.Name)
	if !sw.On {
		for _, site := range sw.Sites {
			s.offSites = s.offSites.With(pairKey(site, sw.Name), sw.Name)
		}
	}
	s.Switches = s.Switches.With(sw.Name, sw)
}

func (s *State) dropSwitch(name string) {
	s.unlinkSwitch(name)
	s.Switches = s.Switches.Without(name)
}

func (s *State) unlinkSwitch(name string) {
	if old, ok := s.Switches.Get(name); ok {
		for _, site := range old.Sites {
			s.offSites = s.offSites.Without(pairKey(site, name))
		}
	}
}

func rulesOf(broken []breach) string {
	var names []string
	for _, b := range broken {
		if !slices.Contains(names, "rule "+b.rule) {
			names = append(names, "rule "+b.rule)
		}
	}
	return strings.Join(names, ", ")
}
