package state

import (
	"slices"

	"failoverdns/health"
)

// depart opens an incident: a site went down in a group. The deciding endpoint's votes and times go into it.
func (t *txn) depart(g *Group, st *SiteState, byHealth bool) {
	id := uint64(1)
	if _, last, ok := t.s.Incidents.Last(); ok {
		id = last.ID + 1
	}
	in := &Incident{ID: id, Group: g.Name, Site: st.Site, Decided: t.s.Clock, FirstVote: t.s.Clock, FirstFailed: t.s.Clock,
		Wall: t.s.Wall, Index: t.s.Index, From: g.Active, To: g.Active, Cause: "override"}
	if byHealth {
		in.Cause = "health"
		t.evidence(in)
	} else if site, ok := t.s.Sites.Get(st.Site); ok && t.s.SwitchedOff(site) != nil {
		in.Cause = "switch"
	}
	st.Incident = id
	t.saveIncident(in)
	for t.s.Incidents.Len() > maxIncidents {
		k, _, _ := t.s.Incidents.First()
		t.s.Incidents = t.s.Incidents.Without(k)
	}
}

// evidence takes the votes of the endpoint of the site that this command decided. There may be none: a family that
// returns at another site counts here too from then on.
func (t *txn) evidence(in *Incident) {
	i := slices.IndexFunc(t.decided, func(e *Endpoint) bool { return e.Site == in.Site && e.Verdict == health.VerdictDown })
	if i < 0 {
		return
	}
	e := t.decided[i]
	in.Endpoint, in.Votes = e.ID, e.Votes
	for _, v := range e.Votes {
		if v.Opinion == health.Down && t.s.voteCounts(&v) {
			in.FirstFailed, in.FirstVote = min(in.FirstFailed, v.FirstFailed), min(in.FirstVote, v.At)
		}
	}
}

func (t *txn) saveIncident(in *Incident) {
	t.s.Incidents = t.s.Incidents.With(numberKey(in.ID), in)
}

// editIncident changes a copy of an incident, if it is still kept.
func (t *txn) editIncident(id uint64, edit func(*Incident)) {
	if old, ok := t.s.Incidents.Get(numberKey(id)); ok {
		next := *old
		edit(&next)
		t.saveIncident(&next)
	}
}

// returned notes that a site is up again. A site that was not active when it went down is back with that.
func (t *txn) returned(st *SiteState) {
	st.Returned = t.s.Clock
	standby := false
	t.editIncident(st.Incident, func(in *Incident) {
		in.Returned, in.ReturnWall = t.s.Clock, t.s.Wall
		standby = in.From != st.Site
	})
	if standby {
		t.backInService(st)
	}
}

// backInService ends a site's incident. From here on it is counted whether the site flaps: while it was held nobody
// depended on it, so a long hold must not use up the time in which a failure damps the next return.
func (t *txn) backInService(st *SiteState) {
	t.editIncident(st.Incident, func(in *Incident) { in.Back, in.BackWall = t.s.Clock, t.s.Wall })
	st.Incident, st.Returned = 0, t.s.Clock
}

// movedTo notes where a group went, in the incident of the site that it left in this command.
func (t *txn) movedTo(g *Group, from string) {
	i := slices.Index(g.Sites, from)
	if i < 0 {
		return
	}
	t.editIncident(g.States[i].Incident, func(in *Incident) {
		if in.Index == t.s.Index {
			in.To = g.Active
		}
	})
}
