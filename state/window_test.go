package state

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// windowsRight: each target has one window at a time, none is planned for what has passed and been looked at, and the
// tables stay small.
func windowsRight(t *rapid.T, s *State) {
	planned := 0
	for _, w := range s.Windows.All() {
		if w.Outcome == "" {
			planned++
		}
		if w.Ends <= w.Starts || w.Starts <= w.Since {
			t.Fatalf("window %d is planned at %s from %s to %s", w.ID, w.Since, w.Starts, w.Ends)
		}
		for _, x := range s.Windows.All() {
			if x.ID < w.ID && w.Outcome == "" && x.Outcome == "" && x.Scope == w.Scope && x.Target == w.Target && x.Starts < w.Ends && w.Starts < x.Ends {
				t.Fatalf("windows %d and %d are of %s %s at one time", x.ID, w.ID, w.Scope, w.Target)
			}
		}
	}
	if planned > maxPlanned || s.Windows.Len() > maxPlanned+2*maxPast {
		t.Fatalf("%d windows are planned, %d are kept", planned, s.Windows.Len())
	}
	for _, o := range s.Overrides.All() {
		if o.Window == 0 {
			continue
		}
		if w, ok := s.Windows.Get(numberKey(o.Window)); !ok || !s.Running(w) {
			t.Fatalf("%s by window %d, which is %+v", o.What(), o.Window, w)
		}
	}
}

// window draws a window, or the end of one.
func (h *history) window(s *State) Body {
	if _, w, ok := s.Windows.Last(); ok && rapid.IntRange(0, 3).Draw(h.t, "cancel") == 0 {
		return &CancelWindow{Window: w.ID}
	}
	scope, target := h.target(s)
	word := rapid.SampledFrom([]Word{ForceDown, ForceUp}).Draw(h.t, "word")
	if scope == ScopeCheck || scope == ScopeNode {
		word = Mute
	}
	return &PlanWindow{Scope: scope, Target: target, Word: word, In: rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(h.t, "in"),
		For: rapid.SampledFrom([]time.Duration{time.Minute, time.Hour}).Draw(h.t, "for"), Force: rapid.Bool().Draw(h.t, "force"), BreakGlass: rapid.Bool().Draw(h.t, "break-glass")}
}

func TestNumberOfWindowsIsBounded(t *testing.T) {
	s := sample(t)
	apply := func(b Body) Result {
		var res Result
		s, res = s.Apply(s.Index+1, Command{Header{Clock: s.Clock, Author: "ann"}, b})
		return res
	}
	plan := func(i int) Result {
		return apply(&PlanWindow{Scope: ScopeSite, Target: "aws", Word: ForceUp, In: time.Duration(1+i) * time.Hour, For: time.Minute})
	}
	for i := range maxPlanned {
		if r := plan(i).Refusal; r != nil {
			t.Fatalf("window %d: %s", i, r.Text)
		}
	}
	if r := plan(maxPlanned).Refusal; r == nil || r.Code != RefusedConflict {
		t.Fatalf("one more than %d windows: %v", maxPlanned, r)
	}
	for id := range 3 * maxPast { // cancelled ones make room, and are forgotten when they are many
		if r := apply(&CancelWindow{Window: uint64(id + 1)}).Refusal; r != nil {
			t.Fatalf("cancel %d: %s", id+1, r.Text)
		}
		if r := plan(maxPlanned + id).Refusal; r != nil {
			t.Fatalf("after cancelling %d: %s", id+1, r.Text)
		}
	}
	if n := s.Windows.Len(); n != maxPlanned+maxPast {
		t.Errorf("%d windows are kept, want %d", n, maxPlanned+maxPast)
	}
	again, err := Decode(bytes.NewReader(encoded(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	sameBytes(t, "windows in a snapshot", encoded(t, s), encoded(t, again))
}

// TestRestoredWindowKeepsItsWallTime: one planned for a wall time keeps to it, one planned in an hour keeps what was
// left of that, and one whose time went by meanwhile is refused when it is looked at.
func TestRestoredWindowKeepsItsWallTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := sample(t)
	step := func(b Body, clock Clock, wall time.Time) {
		t.Helper()
		var res Result
		if s, res = s.Apply(s.Index+1, Command{Header{Clock: clock, Wall: wall, Author: "ann"}, b}); res.Refusal != nil {
			t.Fatal(res.Refusal)
		}
	}
	clock := s.Clock
	for _, b := range []Body{
		&PlanWindow{Scope: ScopeSite, Target: "aws", Word: ForceUp, At: now.Add(10 * time.Hour), For: time.Hour},
		&PlanWindow{Scope: ScopeAddress, Target: "aws@198.51.100.1", Word: ForceUp, In: time.Hour, For: time.Hour},
		&PlanWindow{Scope: ScopeNode, Target: "ns1", Word: Mute, At: now.Add(time.Hour), For: time.Hour},
	} {
		step(b, clock, now)
	}
	archive, err := Pack(encoded(t, s))
	if err != nil {
		t.Fatal(err)
	}
	later := now.Add(4 * time.Hour)
	clock += 30 * time.Minute // nobody led for the rest
	step(&Restore{State: archive, Source: "a test"}, clock, later)
	starts := func(id uint64) Clock {
		w, _ := s.Windows.Get(numberKey(id))
		return w.Starts - clock
	}
	if starts(1) != 6*time.Hour || starts(2) != time.Hour {
		t.Errorf("after the restore they start in %s and %s, want 6h and 1h", starts(1), starts(2))
	}
	step(&Due{}, clock, later)
	if w, _ := s.Windows.Get(numberKey(3)); w.Outcome != WindowRefused || s.Overrides.Has(OverrideKey(ScopeNode, "ns1")) {
		t.Errorf("the one whose time has passed: %+v", w)
	}
	if at, ok := s.NextDue(); !ok || at-clock != time.Hour {
		t.Errorf("the next one is due in %s, want 1h", at-clock)
	}
}
