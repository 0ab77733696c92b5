package duties

import (
	"testing"
	"time"

	"failoverdns/state"
)

func TestOccurrencesFollowTheCalendarInUTC(t *testing.T) {
	now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC) // a Sunday
	for _, c := range []struct {
		schedule state.DrillDecl
		now      time.Time
		want     string
	}{
		{state.DrillDecl{Day: "sunday", Minute: 240}, now, "2026-11-22 04:00"},
		{state.DrillDecl{Day: "sunday", Minute: 240}, now.Add(-time.Second), "2026-11-15 04:00"},
		{state.DrillDecl{Day: "daily", Minute: 239}, now, "2026-11-22 03:59"},
		{state.DrillDecl{Day: "daily", Minute: 241}, now, "2026-11-21 04:01"},
		{state.DrillDecl{Day: "monday"}, now, "2026-11-16 00:00"},
		{state.DrillDecl{Day: "sunday", First: true, Minute: 240}, now, "2026-11-01 04:00"},
		{state.DrillDecl{Day: "saturday", First: true}, now, "2026-11-07 00:00"},
		{state.DrillDecl{Day: "monday", First: true}, now.AddDate(0, 0, -21), "2026-10-05 00:00"},
		{state.DrillDecl{Day: "sunday", Minute: 240}, now.In(time.FixedZone("elsewhere", -6*3600)), "2026-11-22 04:00"},
	} {
		if got := occurrence(c.schedule, c.now).Format("2006-01-02 15:04"); got != c.want {
			t.Errorf("%s at %s: %s, want %s", c.schedule, c.now, got, c.want)
		}
	}
}
