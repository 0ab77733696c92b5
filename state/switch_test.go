package state

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"failoverdns/routing"
)

// operator is one of several who act at once: what they send next was decided on a state that may be old by now.
type operator struct {
	name string
	sees *State
}

// guarded is a cluster of three sites with a switch each, a gate, and rules over them.
func guarded(t rapid.TB, wait time.Duration) *State {
	s := New()
	s, _ = s.Configure(1, []Member{{ID: "ns1", Voter: true}})
	ds, err := declarations("zone a.example\nsite azure 192.0.2.1\nsite aws 192.0.2.2\nsite gcp 192.0.2.3\n" +
		"group a.example azure aws gcp\nnames a.example\n" +
		"switch s-azure azure\nswitch s-aws aws\nswitch s-gcp gcp\nswitch gate\n" +
		"rule some assertion s-azure s-aws s-gcp least=1 wait=" + wait.String() + "\nrule lock gating s-azure s-aws gates=gate least=1")
	if err != nil {
		t.Fatal(err)
	}
	s, res := s.Apply(2, Command{Body: &Declare{Node: "ns1", Declarations: ds}})
	if res.Refusal != nil {
		t.Fatal(res.Refusal)
	}
	return s
}

// act is what an operator who wants to keep the rules, but sees an old state, may send. Nobody breaks the glass.
func (o *operator) act(t *rapid.T) Body {
	sites := []string{"azure", "aws", "gcp"}
	site := rapid.SampledFrom(sites).Draw(t, "site")
	force := rapid.Bool().Draw(t, "force")
	switch rapid.IntRange(0, 8).Draw(t, "act") {
	case 0:
		return &SetOverride{Scope: ScopeSite, Target: site, Word: rapid.SampledFrom([]Word{ForceDown, ForceDown, ForceUp}).Draw(t, "word"), For: time.Minute, Force: force}
	case 1:
		return &ClearOverride{Scope: ScopeSite, Target: site, Force: force}
	case 2:
		return &SetPin{Group: "a.example", Site: site, Force: force}
	case 3:
		return &SetSwitches{Changes: []SwitchChange{{"gate", rapid.Bool().Draw(t, "gate")}}}
	case 4:
		return &PlanWindow{Scope: ScopeSite, Target: site, Word: ForceDown, Force: force,
			In: rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Second}).Draw(t, "in"), For: rapid.SampledFrom([]time.Duration{5 * time.Second, time.Minute}).Draw(t, "for")}
	case 5:
		_, w, _ := o.sees.Windows.Last()
		if w == nil {
			return &Due{}
		}
		return &CancelWindow{Window: w.ID}
	}
	c := &SetSwitches{Force: force}
	for _, name := range rapid.Permutation([]string{"s-azure", "s-aws", "s-gcp", "gate"}).Draw(t, "switches")[:rapid.IntRange(1, 4).Draw(t, "count")] {
		sw, _ := o.sees.Switches.Get(name)
		c.Changes = append(c.Changes, SwitchChange{name, !sw.On})
	}
	return c
}

// TestNoInterleavingOfOperatorsLeavesEverySiteOff: operators decide on what they see, and their commands come in any
// order; what they planned begins in between, several windows at once too. Whatever they send, with --force or without, but without breaking the glass: one site is left in, a shut gate
// and a wait hold, and a command takes effect whole or not at all.
func TestNoInterleavingOfOperatorsLeavesEverySiteOff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wait := rapid.SampledFrom([]time.Duration{0, 5 * time.Second}).Draw(t, "wait")
		s := guarded(t, wait)
		operators := []*operator{{"ann", s}, {"bob", s}, {"eve", s}}
		clock := Clock(0)
		for range rapid.IntRange(1, 25).Draw(t, "commands") {
			clock += rapid.SampledFrom([]time.Duration{0, time.Second, 5 * time.Second, time.Minute}).Draw(t, "pause")
			o := rapid.SampledFrom(operators).Draw(t, "who")
			body := o.act(t)
			if rapid.IntRange(0, 5).Draw(t, "due") == 0 {
				body = &Due{}
			}
			next, res := s.Apply(s.Index+1, Command{Header: Header{Clock: clock, Author: o.name}, Body: body})
			rulesHold(t, s, next, body, res, wait)
			s = next
			if rapid.Bool().Draw(t, "looks again") {
				o.sees = s
			}
		}
	})
}

func rulesHold(t *rapid.T, was, s *State, body Body, res Result, wait time.Duration) {
	in := 0
	for _, name := range []string{"s-azure", "s-aws", "s-gcp"} {
		site, _ := s.Sites.Get(name[2:])
		o := s.SiteWord(site)
		before, _ := was.Switches.Get(name)
		now, _ := s.Switches.Get(name)
		if now.On && (o == nil || o.Word != ForceDown) {
			in++
		}
		if before.On == now.On {
			continue
		}
		if res.Refusal != nil {
			t.Fatalf("refused (%s), and %s changed", res.Refusal, name)
		}
		if gate, _ := was.Switches.Get("gate"); name != "s-gcp" && !gate.On {
			t.Fatalf("%s changed behind a shut gate by %+v", name, body)
		}
		for _, other := range []string{"s-azure", "s-aws", "s-gcp"} {
			if x, _ := was.Switches.Get(other); x.Set && s.Clock < x.Since+wait {
				t.Fatalf("%s changed at %s, %s after %s: the rule waits %s", name, s.Clock, s.Clock-x.Since, other, wait)
			}
		}
	}
	if in == 0 {
		t.Fatalf("every site is off after %+v", body)
	}
	g, _ := s.Groups.Get("a.example")
	site, _ := s.Sites.Get(g.Active)
	if s.SwitchedOff(site) != nil {
		t.Fatalf("%s is answered (%s), and its switch is off", g.Active, g.Rule)
	}
	if c, ok := body.(*SetSwitches); ok && res.Refusal == nil {
		for _, ch := range c.Changes {
			if sw, _ := s.Switches.Get(ch.Name); sw.On != ch.On {
				t.Fatalf("%+v took effect, and %s is %s", c, ch.Name, sw.Position())
			}
		}
	}
}

// TestTwoOperatorsWhoEachSwitchOneSiteOffAtOnce: the second command was decided when both were on.
func TestTwoOperatorsWhoEachSwitchOneSiteOffAtOnce(t *testing.T) {
	s := guarded(t, 0)
	s, _ = s.Apply(3, Command{Body: &SetSwitches{Changes: []SwitchChange{{"s-gcp", false}}}})
	for i, order := range [][]string{{"s-azure", "s-aws"}, {"s-aws", "s-azure"}} {
		first, a := s.Apply(4, Command{Body: &SetSwitches{Changes: []SwitchChange{{order[0], false}}, Force: true}})
		both, b := first.Apply(5, Command{Body: &SetSwitches{Changes: []SwitchChange{{order[1], false}}, Force: true}})
		if a.Refusal != nil || b.Refusal == nil || b.Refusal.Code != RefusedRule {
			t.Errorf("%d: %v, then %v", i, a.Refusal, b.Refusal)
		}
		if sw, _ := both.Switches.Get(order[1]); !sw.On {
			t.Errorf("%d: both are off", i)
		}
	}
}

// TestSiteIsOutExactlyWhileASwitchOfItIsOff is the dumb twin of the index behind SwitchedOff.
func TestSiteIsOutExactlyWhileASwitchOfItIsOff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{t: t}
		s := h.begin()
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			s, _ = s.Apply(s.Index+1, h.next(s))
			for id, site := range s.Sites.All() {
				off := false
				for _, sw := range s.Switches.All() {
					off = off || !sw.On && slices.Contains(sw.Sites, site.Name)
				}
				if by := s.SwitchedOff(site); (by != nil) != off {
					t.Fatalf("site %s is off %v, and SwitchedOff is %v", id, off, by)
				}
			}
			for _, g := range s.Groups.All() {
				sites := s.RoutingSites(g)
				i := slices.Index(g.Sites, g.Active)
				some := slices.ContainsFunc(sites, func(x routing.Site) bool { return !x.Off && !x.Empty && x.Force != routing.Down }) // else all were taken out
				if p := g.Pin; sites[i].Off && some && g.AllDown != AllDownAll && (p == nil || !p.BreakGlass) {
					t.Fatalf("%s answers with %s, which is switched off: %s", g.Name, g.Active, fmt.Sprint(sites))
				}
			}
		}
	})
}
