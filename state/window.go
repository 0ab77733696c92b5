package state

import (
	"fmt"
	"time"
)

// Window is a maintenance window: an override planned ahead. It starts and ends by the cluster clock.
type Window struct {
	ID         uint64        `json:"id"`
	Scope      Scope         `json:"scope"`
	Target     string        `json:"target"`
	Word       Word          `json:"word"`
	For        time.Duration `json:"for"`
	Force      bool          `json:"force,omitempty"`
	BreakGlass bool          `json:"break_glass,omitempty"`
	Author     string        `json:"author"`
	Reason     string        `json:"reason"`

	Since  Clock     `json:"since"` // of its acceptance
	Wall   time.Time `json:"wall,omitzero"`
	At     time.Time `json:"at,omitzero"` // the start as it was asked for, if by wall time
	Starts Clock     `json:"starts"`
	Ends   Clock     `json:"ends"`

	Outcome WindowOutcome `json:"outcome,omitempty"` // empty until it starts
	Why     string        `json:"why,omitempty"`     // of a refusal, or cancellation
	Decided Clock         `json:"decided,omitempty"` // when the outcome came
}

// WindowOutcome is what became of a window when its time came, or before.
type WindowOutcome string

// The outcomes. A started window runs as long as its override stands.
const (
	WindowStarted   WindowOutcome = "started"
	WindowRefused   WindowOutcome = "refused"
	WindowCancelled WindowOutcome = "cancelled"
)

// Bounds of windows. A window always ends, and nobody remembers after a year what was planned.
const (
	MaxAhead   = 366 * 24 * time.Hour
	maxPlanned = 100
	maxPast    = 100
)

// PlanWindow plans an override: it starts at At, by the wall clock, or after In. Its start is turned into cluster time when it is
// accepted, so that a wall clock that jumps afterwards does not move it.
type PlanWindow struct {
	Scope  Scope         `json:"scope"`
	Target string        `json:"target"`
	Word   Word          `json:"word"`
	Reason string        `json:"reason"`
	At     time.Time     `json:"at,omitzero"`
	In     time.Duration `json:"in,omitempty"`
	For    time.Duration `json:"for"`
	Force  bool          `json:"force,omitempty"`

	BreakGlass bool `json:"break_glass,omitempty"`
}

// CancelWindow ends a window before its start.
type CancelWindow struct {
	Window uint64 `json:"window"`
	Reason string `json:"reason,omitempty"`
}

func (*PlanWindow) kind() kind   { return kindPlanWindow }
func (*CancelWindow) kind() kind { return kindCancelWindow }

func (c *CancelWindow) about() string { return fmt.Sprintf("maintenance window %d", c.Window) }

func (c *PlanWindow) apply(t *txn) *Refusal {
	in, r := c.delay(t.s.Wall)
	if r != nil {
		return r
	}
	w := &Window{Scope: c.Scope, Target: c.Target, Word: c.Word, For: c.For, Force: c.Force, BreakGlass: c.BreakGlass, Author: t.h.Author, Reason: c.Reason,
		Since: t.s.Clock, Wall: t.s.Wall, At: c.At, Starts: t.s.Clock + in, Ends: t.s.Clock + in + c.For}
	if c.For == 0 {
		return refuse(RefusedInvalid, "a maintenance window without an end is none; give its length with --for")
	}
	if r := t.s.checkOverride(w.override()); r != nil {
		return r
	}
	if r := t.s.windowRoom(w); r != nil {
		return r
	}
	t.planWindow(w, in)
	return nil
}

// windowRoom refuses a window beside another of the same target, or one too many.
func (s *State) windowRoom(w *Window) *Refusal {
	planned := 0
	for _, x := range s.Windows.All() {
		if x.Outcome == "" {
			planned++
		}
		if live := x.Outcome == "" || s.Running(x); live && x.Scope == w.Scope && x.Target == w.Target && x.Starts < w.Ends && w.Starts < s.endOf(x) {
			return refuse(RefusedConflict, "maintenance window %d of %s %s, by %s, is at the same time", x.ID, x.Scope, x.Target, x.Author)
		}
	}
	if planned >= maxPlanned {
		return refuse(RefusedConflict, "%d maintenance windows are planned, and there is no room for more; failoverctl maintenance list shows them", planned)
	}
	return nil
}

// endOf is when a window ends; a running one may have been extended.
func (s *State) endOf(w *Window) Clock {
	if !s.Running(w) {
		return w.Ends
	}
	o, _ := s.Overrides.Get(OverrideKey(w.Scope, w.Target))
	if o.Expires == 0 {
		return never
	}
	return o.Expires
}

// Running says whether the override of a window that has started still stands.
func (s *State) Running(w *Window) bool {
	o, ok := s.Overrides.Get(OverrideKey(w.Scope, w.Target))
	return ok && w.Outcome == WindowStarted && o.Window == w.ID
}

// override is the command that the window is, at its start.
func (w *Window) override() *SetOverride {
	return &SetOverride{Scope: w.Scope, Target: w.Target, Word: w.Word, Reason: w.Reason, For: w.For, Force: w.Force, BreakGlass: w.BreakGlass}
}

// what names the window in words: "maintenance window 3 (site azure down)".
func (w *Window) what() string {
	return fmt.Sprintf("maintenance window %d (%s %s %s)", w.ID, w.Scope, w.Target, w.Word)
}

func (t *txn) planWindow(w *Window, in time.Duration) {
	w.ID = 1
	if _, last, ok := t.s.Windows.Last(); ok {
		w.ID = last.ID + 1
	}
	t.s.putWindow(w)
	t.event(Event{Type: "maintenance-planned", Site: siteOf(w.Scope, w.Target), Reason: w.Reason,
		Text: fmt.Sprintf("%s is planned in %s %s %s%s%s", w.what(), in.Round(time.Second), lasting(w.For), byWhom(w.Author), past(w.Force), because(w.Reason))})
}

func (c *CancelWindow) apply(t *txn) *Refusal {
	w, ok := t.s.Windows.Get(numberKey(c.Window))
	switch {
	case !ok:
		return refuse(RefusedNotFound, "there is no maintenance window %d; failoverctl maintenance list shows them", c.Window)
	case t.s.Running(w):
		verb := "clear"
		if w.Word == Mute {
			verb = "unmute"
		}
		return refuse(RefusedConflict, "maintenance window %d has started; end its override: failoverctl %s %s %s", w.ID, w.Scope, verb, w.Target)
	case w.Outcome != "":
		return refuse(RefusedConflict, "maintenance window %d is over: it was %s", w.ID, w.Outcome)
	}
	t.decideWindow(w, WindowCancelled, byWhom(t.h.Author)+because(c.Reason))
	t.event(Event{Type: "maintenance-cancelled", Site: siteOf(w.Scope, w.Target), Reason: c.Reason,
		Text: fmt.Sprintf("%s is cancelled %s%s", w.what(), byWhom(t.h.Author), because(c.Reason))})
	return nil
}

func (t *txn) decideWindow(w *Window, outcome WindowOutcome, why string) {
	next := *w
	next.Outcome, next.Why, next.Decided = outcome, why, t.s.Clock
	t.s.putWindow(&next)
	t.s.forgetWindows()
}

// forgetWindows drops the first of those that are over, when they are too many.
func (s *State) forgetWindows() {
	var over []string
	for key, w := range s.Windows.All() {
		if w.Outcome != "" && !s.Running(w) {
			over = append(over, key)
		}
	}
	for len(over) > maxPast {
		s.Windows, over = s.Windows.Without(over[0]), over[1:]
	}
}

func (s *State) putWindow(w *Window) {
	key := numberKey(w.ID)
	old, _ := s.Windows.Get(key)
	s.retime(timer{at: old.due(), window: key}, timer{at: w.due(), window: key})
	s.Windows = s.Windows.With(key, w)
}

// due is when a window has to be looked at.
func (w *Window) due() Clock {
	if w == nil || w.Outcome != "" {
		return never
	}
	return w.Starts
}
