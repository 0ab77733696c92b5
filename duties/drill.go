package duties

import (
	"context"
	"slices"
	"time"

	"failoverdns/state"
)

// measureAfter is how long after a drill's start or end its times are asked for: by then every node that can be
// reached has swapped.
const measureAfter = 2 * time.Second

// keepDrills begins scheduled drills, and has measured what the others did, until the context ends.
func (d *Duties) keepDrills(ctx context.Context) {
	t := time.NewTicker(round)
	defer t.Stop()
	for {
		d.scheduled(ctx, time.Now())
		d.measured(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// scheduled proposes each occurrence that is due by the calendar; which of them is taken is judged as it is applied.
func (d *Duties) scheduled(ctx context.Context, now time.Time) {
	st := d.leader.State()
	for _, g := range st.Groups.All() {
		for _, s := range g.Drills {
			at := occurrence(s, now)
			late := now.Sub(at)
			if st.DrillDue(g, s, at.Unix(), late) {
				d.propose(ctx, &state.ScheduledDrill{Group: g.Name, Schedule: s, Occurrence: at.Unix(), Late: late})
			}
		}
	}
}

// occurrence is the last one of a schedule up to a time.
func occurrence(s state.DrillDecl, now time.Time) time.Time {
	now = now.UTC()
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, s.Minute, 0, 0, time.UTC)
	for ; ; day = day.AddDate(0, 0, -1) {
		onDay := s.Day == state.Daily || int(day.Weekday()) == slices.Index(state.Weekdays, s.Day)
		if onDay && !day.After(now) && (!s.First || day.Day() <= 7) {
			return day
		}
	}
}

// measured gathers the times of drills that have none yet.
func (d *Duties) measured(ctx context.Context) {
	now, leads := d.leader.Clock()
	if !leads || d.leader.DrillTimes == nil {
		return
	}
	for _, x := range d.leader.State().Drills.All() {
		if x.Out == nil && now-x.Started >= measureAfter {
			d.propose(ctx, &state.MeasureDrill{Drill: x.ID, Times: d.leader.DrillTimes(ctx, x.Index)})
		}
		if x.Outcome != "" && x.Return == nil && now-x.Ended >= measureAfter {
			d.propose(ctx, &state.MeasureDrill{Drill: x.ID, Ended: true, Times: d.leader.DrillTimes(ctx, x.EndIndex)})
		}
	}
}
