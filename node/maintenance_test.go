package node

import (
	"testing"
	"time"

	"failoverdns/state"
)

// TestMaintenanceWindowStartsAndEndsUnderAnotherLeader: the one that took the plan is cut off when it begins, and the second
// one restarts before its end.
func TestMaintenanceWindowStartsAndEndsUnderAnotherLeader(t *testing.T) {
	inWorld(t, three, func(w *world) {
		first := w.leader(three...)
		accepted := time.Now()
		at := accepted.Add(10 * time.Minute)
		w.override(first, &state.PlanWindow{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "disks", At: at, For: 20 * time.Minute})
		time.Sleep(4 * time.Minute)
		w.kill(first)
		var rest []string
		for _, id := range three {
			if id != first {
				rest = append(rest, id)
			}
		}
		second := w.leader(rest...)
		w.holds(time.Until(at)-time.Second, "azure is answered", w.answer(azure, rest...))
		w.eventually(30*time.Second, "the window has begun", w.answer(aws, rest...))
		began := time.Now()
		w.net.Rejoin(first, rest...)
		w.eventually(time.Minute, "the one that was cut off answers so", w.answer(aws, three...))
		w.stop(second)
		w.start(second)
		w.leader(three...)
		w.holds(time.Until(began.Add(19*time.Minute)), "aws is answered", w.answer(aws, three...))
		w.eventually(2*time.Minute, "the window is over", w.answer(azure, three...))
		if d := time.Since(began); d < 20*time.Minute-time.Second || d > 20*time.Minute+30*time.Second {
			t.Errorf("it lasted %s, want 20m and what two elections took", d)
		}
		time.Sleep(5 * time.Second)
		w.sameState()
	})
}
