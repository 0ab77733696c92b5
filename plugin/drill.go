package failover

import (
	"slices"
	"time"

	"failoverdns/state"
)

// drillLine is a line "drill".
type drillLine struct {
	at   *line
	decl state.DrillDecl
}

const drillUsage = "drill [first] daily|WEEKDAY HH:MM UTC to SITE for DURATION"

// readDrill reads a schedule. The zone is written out: nobody should have to wonder at what hour the names move.
func readDrill(b *block, l *line) error {
	words := l.args()
	d := drillLine{at: l}
	if d.decl.First = words[0] == "first"; d.decl.First {
		words = words[1:]
	}
	if len(words) != 7 || words[2] != "UTC" || words[3] != "to" || words[5] != "for" {
		return l.errorf("drill is not understood; write: %s", drillUsage)
	}
	day, err := l.oneOf(words[0], append([]string{state.Daily}, state.Weekdays...)...)
	if err != nil {
		return err
	}
	clock, err := time.Parse("15:04", words[1])
	if err != nil {
		return l.errorf("drill: %q is no time of day; write it like 04:00", words[1])
	}
	d.decl.Day, d.decl.Minute, d.decl.To = day, clock.Hour()*60+clock.Minute(), words[4]
	if d.decl.For, err = l.duration(words[6]); err != nil {
		return err
	}
	switch {
	case d.decl.First && day == state.Daily:
		return l.errorf("drill: first goes with a weekday, not with daily")
	case d.decl.For < time.Second || d.decl.For > state.MaxDrill:
		return l.errorf("drill for %s is not between 1s and %s", d.decl.For, state.MaxDrill)
	}
	b.drills = append(b.drills, d)
	return nil
}

// checkDrills wants drills to lead to another site of the block.
func (b *block) checkDrills() error {
	for i, d := range b.drills {
		switch {
		case !b.lists(d.decl.To):
			return d.at.errorf("drill to %q, which is no site of this block%s", d.decl.To, didYouMean(d.decl.To, b.siteList()))
		case d.decl.To == b.sites[0].name:
			return d.at.errorf("drill to %q, which is the primary; name one of the others", d.decl.To)
		case !b.hasGroup():
			return d.at.errorf("drill moves the names that follow the block's sites, and there is none; write: serve NAME")
		case slices.ContainsFunc(b.drills[:i], func(o drillLine) bool { return o.decl == d.decl }):
			return d.at.errorf("drill %s is given twice", d.decl)
		}
	}
	return nil
}

func (b *block) drillDecls() (out []state.DrillDecl) {
	for _, d := range b.drills {
		out = append(out, d.decl)
	}
	return out
}
