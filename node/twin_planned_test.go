package node

import (
	"slices"

	"failoverdns/state"
)

// planned holds drills and maintenance windows, which begin and end by themselves, to what they promise.
func (j *judge) planned(p *proc, prev, st *state.State) {
	for _, w := range begunBetween(prev, st) {
		j.windowBegins(p, prev, st, w)
		j.begun = append(j.begun, taken{w, st.Index, nil})
	}
	for key, d := range st.Drills.All() {
		switch was, ok := prev.Drills.Get(key); {
		case !ok:
			j.drillBegins(p, prev, st, d)
		case was.Outcome == "" && d.Outcome != "":
			j.drillEnds(p, st, d)
		}
		if d.Outcome == "" {
			j.drillRuns(p, st, d)
		}
	}
}

// begunBetween lists the windows that began in one command.
func begunBetween(prev, st *state.State) (list []*state.Window) {
	for key, w := range st.Windows.All() {
		if was, ok := prev.Windows.Get(key); w.Outcome == state.WindowStarted && (!ok || was.Outcome == "") {
			list = append(list, w)
		}
	}
	return list
}

// windowBegins: at its time, by an operator's plan, never in the place of what stands.
func (j *judge) windowBegins(p *proc, prev, st *state.State, w *state.Window) {
	plans := j.plans(j.taken(p, st))
	if w.ID > uint64(len(plans)) {
		j.failf("%s: at index %d maintenance window %d begins, and %d were planned", p.id, st.Index, w.ID, len(plans))
		return
	}
	plan := plans[w.ID-1]
	if st.Clock < w.Starts || st.Clock >= w.Ends || w.Ends != w.Starts+plan.For || w.Scope != plan.Scope || w.Target != plan.Target || w.Word != plan.Word {
		j.failf("%s: at index %d, clock %s, window %+v begins, which was planned as %+v", p.id, st.Index, st.Clock, w, plan)
	}
	if o, ok := prev.Overrides.Get(state.OverrideKey(w.Scope, w.Target)); ok && (o.Expires == 0 || o.Expires > st.Clock) {
		j.failf("%s: at index %d window %d takes the place of the override %+v", p.id, st.Index, w.ID, o)
	}
}

// drillBegins: by an operator's command, beside no other, with nothing pinned, and to a site that is up.
func (j *judge) drillBegins(p *proc, prev, st *state.State, d *state.Drill) {
	o := j.takenAt(st)
	if o == nil || o.refusal != nil {
		j.failf("%s: at index %d drill %d begins, which nobody ordered", p.id, st.Index, d.ID)
		return
	}
	for _, x := range prev.Drills.All() {
		if x.Outcome == "" {
			j.failf("%s: at index %d drill %d begins, and drill %d runs", p.id, st.Index, d.ID, x.ID)
		}
	}
	g, _ := prev.Groups.Get(theGroup)
	v := view{st: prev, d: formsByDigest[digest(prev)], g: g}
	for _, s := range g.States {
		if s.Incident != 0 && (s.Held || !v.up(s.Site) && !v.enough(s.Site)) {
			j.failf("%s: at index %d drill %d begins, and site %s is down or held", p.id, st.Index, d.ID, s.Site)
		}
	}
	if g.Pin != nil || !v.up(d.To) {
		j.failf("%s: at index %d drill %d to %s begins, the pin is %+v, that site is up: %t", p.id, st.Index, d.ID, d.To, g.Pin, v.up(d.To))
	}
}

// drillRuns: no longer than its site is up, and its group answers with it.
func (j *judge) drillRuns(p *proc, st *state.State, d *state.Drill) {
	g, ok := st.Groups.Get(theGroup)
	form := formsByDigest[digest(st)]
	if !ok || form == nil {
		return
	}
	if v := (view{st: st, d: form, g: g}); !v.up(d.To) || g.Active != d.To || g.Pin == nil || g.Pin.Drill != d.ID {
		j.failf("%s: at index %d drill %d runs to %s, which is up: %t; active is %s, the pin %+v", p.id, st.Index, d.ID, d.To, v.up(d.To), g.Active, g.Pin)
	}
}

// drillEnds: in time, or because its site is not up, or by a command; and the site it came from waits for nothing.
func (j *judge) drillEnds(p *proc, st *state.State, d *state.Drill) {
	g, _ := st.Groups.Get(theGroup)
	v := view{st: st, d: formsByDigest[digest(st)], g: g}
	ordered := false
	if o := j.takenAt(st); o != nil && o.refusal == nil {
		switch o.body.(type) {
		case *state.SetPin, *state.Unpin, *state.AbortDrill:
			ordered = true
		}
	}
	inTime := st.Clock >= d.Started+d.For
	if !ordered && !inTime && v.up(d.To) {
		j.failf("%s: at index %d, clock %s, drill %d, begun at %s for %s, ends, and nobody asked for it: %s %s", p.id, st.Index, st.Clock, d.ID, d.Started, d.For, d.Outcome, d.Why)
	}
	if d.Outcome == state.DrillCompleted && !inTime {
		j.failf("%s: at index %d, clock %s, drill %d is completed before its time", p.id, st.Index, st.Clock, d.ID)
	}
	if i := slices.IndexFunc(g.States, func(s state.SiteState) bool { return s.Site == d.From }); inTime && i >= 0 && g.States[i].Held && v.up(d.From) {
		j.failf("%s: at index %d drill %d is over, and site %s, from which it led, is held", p.id, st.Index, d.ID, d.From)
	}
}
