package state

import (
	"fmt"
	"maps"
	"time"
)

// dueWindow starts a window, if an override given now would be taken; else the window is over, without effect.
func (t *txn) dueWindow(w *Window) {
	text, r := t.judgeWindow(w)
	if r != nil {
		t.decideWindow(w, WindowRefused, r.Text)
		t.event(Event{Type: "maintenance-refused", Site: siteOf(w.Scope, w.Target), Author: w.Author, Reason: w.Reason,
			Text: fmt.Sprintf("%s did not start: %s", w.what(), r.Text)})
		return
	}
	t.decideWindow(w, WindowStarted, "")
	t.s.putOverride(&Override{Scope: w.Scope, Target: w.Target, Word: w.Word, Author: w.Author, Reason: w.Reason,
		Since: t.s.Clock, Wall: t.s.Wall, Expires: w.Ends, Forced: w.Force, Window: w.ID})
	t.event(Event{Type: "maintenance-started", Site: siteOf(w.Scope, w.Target), Author: w.Author, Reason: w.Reason, Text: fmt.Sprintf("maintenance window %d: %s", w.ID, text)})
	t.touchOverride(w.Scope, w.Target)
}

// judgeWindow says what refuses a window's override if it is given right after what this command did so far; text is
// how it is told otherwise. It tries on copies: a refusal must not undo what else is due.
func (t *txn) judgeWindow(w *Window) (text string, r *Refusal) {
	if o, ok := t.s.Overrides.Get(OverrideKey(w.Scope, w.Target)); ok {
		return "", refuse(RefusedConflict, "%s already, %s, and a window does not change that", o.What(), byWhom(o.Author))
	}
	if w.Ends <= t.s.Clock {
		return "", refuse(RefusedStale, "its time has passed")
	}
	c := w.override()
	c.For = max(time.Second, (w.Ends - t.s.Clock).Round(time.Second)) // what is left of it; it ends at Ends
	settled := t.copied()
	settled.settle(true)
	trial := settled.s.begin(t.s.Index, Header{Author: w.Author})
	if r := c.apply(trial); r != nil {
		return "", r
	}
	text = trial.effect.Events[0].Text
	return text, trial.settle(c.Force)
}

// copied is a command so far, to go on with and forget.
func (t *txn) copied() *txn {
	next := *t.s
	c := *t
	c.s, c.dirty, c.back, c.zones, c.effect = &next, maps.Clone(t.dirty), maps.Clone(t.back), map[string]*ZoneChange{}, Effect{}
	c.decided, c.gaveUp = c.decided[:len(c.decided):len(c.decided)], c.gaveUp[:len(c.gaveUp):len(c.gaveUp)]
	return &c
}
