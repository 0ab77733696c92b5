package state

import "time"

// delay is how long after now the window starts.
func (c *PlanWindow) delay(now time.Time) (in time.Duration, r *Refusal) {
	in = c.In
	if !c.At.IsZero() {
		in = c.At.Sub(now)
	}
	switch {
	case !c.At.IsZero() && c.In != 0:
		return 0, refuse(RefusedInvalid, "a maintenance window starts at a time or after a while; give one of --at and --in")
	case !c.At.IsZero() && in <= 0:
		return 0, refuse(RefusedInvalid, "%s has passed: it is %s by the leader's clock; what starts now is an override: failoverctl %s %s %s --for %s", c.At.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), c.Scope, c.Word, c.Target, c.For)
	case in < time.Second || in > MaxAhead:
		return 0, refuse(RefusedInvalid, "a start in %s is not between 1s and %s ahead", in.Round(time.Millisecond), MaxAhead)
	}
	return in, nil
}

// restoreWindows has windows that were planned for a wall time keep to it: an archive's clock stood still meanwhile.
func (s *State) restoreWindows() {
	for _, w := range s.Windows.All() {
		if w.Outcome != "" || w.At.IsZero() || s.Wall.IsZero() {
			continue
		}
		next := *w
		next.Starts = max(1, s.Clock+w.At.Sub(s.Wall))
		next.Ends = max(next.Starts, s.Clock+w.At.Add(w.For).Sub(s.Wall))
		s.putWindow(&next)
	}
}
