package state

import (
	"fmt"
	"slices"
	"time"
)

// DrillDecl is a drill on a schedule: at a minute of a day, in UTC.
type DrillDecl struct {
	Day    string        `json:"day"`              // daily, or monday to sunday
	First  bool          `json:"first,omitempty"`  // of a weekday: only the month's first
	Minute int           `json:"minute,omitempty"` // of the day
	To     string        `json:"to"`               // site ID
	For    time.Duration `json:"for"`
}

// Weekdays are the words for a day of DrillDecl, in the order of time.Weekday.
var Weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// Daily is the day that is every day.
const Daily = "daily"

// String is the schedule as a Corefile has it.
func (d DrillDecl) String() string {
	first := ""
	if d.First {
		first = "first "
	}
	return fmt.Sprintf("%s%s %02d:%02d UTC to %s for %s", first, d.Day, d.Minute/60, d.Minute%60, Short(d.To), d.For)
}

// wrong says what is wrong with a schedule of a group with these sites; "" if nothing is.
func (d DrillDecl) wrong(sites []string) string {
	switch {
	case d.Day != Daily && !slices.Contains(Weekdays, d.Day):
		return fmt.Sprintf("day %q is neither daily nor a weekday", d.Day)
	case d.First && d.Day == Daily:
		return "first goes with a weekday, not with daily"
	case d.Minute < 0 || d.Minute >= 24*60:
		return fmt.Sprintf("minute %d is not in a day", d.Minute)
	case !slices.Contains(sites, d.To):
		return fmt.Sprintf("site %s is none of the group's", d.To)
	case d.For < minDrill || d.For > MaxDrill:
		return fmt.Sprintf("a drill for %s is not between %s and %s", d.For, minDrill, MaxDrill)
	}
	return ""
}

// maxDrillLate is how late a scheduled drill may begin: elections take seconds, and people expect it at its time.
const maxDrillLate = 5 * time.Minute

// ScheduledDrill begins the drill of one occurrence of a schedule, or says why not. The leader works the occurrence out
// from the calendar; an occurrence is taken once.
type ScheduledDrill struct {
	Group      string        `json:"group"`
	Schedule   DrillDecl     `json:"schedule"`
	Occurrence int64         `json:"occurrence"` // in seconds since 1970
	Late       time.Duration `json:"late"`       // since then, by the leader's wall clock
}

func (*ScheduledDrill) kind() kind { return kindTimedDrill }

// DrillDue says whether an occurrence is still to be taken: the schedule stood then, and no later occurrence of the
// group's schedules was taken.
func (s *State) DrillDue(g *Group, schedule DrillDecl, occurrence int64, late time.Duration) bool {
	return slices.Contains(g.Drills, schedule) && occurrence > g.DrillSeen && s.Clock-late >= g.DrillsSince
}

func (c *ScheduledDrill) apply(t *txn) *Refusal {
	g, ok := t.s.Groups.Get(c.Group)
	if !ok || c.Late < 0 || !t.s.DrillDue(g, c.Schedule, c.Occurrence, c.Late) {
		return refuse(RefusedStale, "the drill of %s at %s is taken already, or not scheduled any more", c.Group, c.Schedule)
	}
	next := *g
	next.DrillSeen = c.Occurrence
	t.s.putGroup(&next)
	r := t.s.drillable(&next, c.Schedule.To)
	if c.Late > maxDrillLate {
		r = refuse(RefusedStale, "nobody led then; it is %s late", c.Late.Round(time.Second))
	}
	if r != nil {
		t.event(Event{Type: "drill-skipped", Group: g.Name, Site: c.Schedule.To, Text: fmt.Sprintf("the drill of %s, %s, is skipped: %s", g.Name, c.Schedule, r.Text)})
		return nil
	}
	t.h.Author = "schedule"
	t.startDrill(&next, c.Schedule.To, &StartDrill{For: c.Schedule.For, Reason: c.Schedule.String()})
	return nil
}
