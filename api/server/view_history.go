package server

import (
	"slices"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

// eventsAfter gives kept events with IDs above since, the latest limit of them in order (0: all), and whether events
// between them and since are lost.
func eventsAfter(st *state.State, since uint64, limit int) (out []*state.Event, lost bool) {
	_, last, ok := st.Events.Last()
	if !ok || last.ID <= since {
		return nil, false
	}
	_, first, _ := st.Events.First()
	lost = since > 0 && first.ID > since+1
	for _, e := range st.Events.All() {
		if e.ID > since {
			out = append(out, e)
		}
	}
	if limit > 0 && len(out) > limit {
		out = out[len(out)-limit:]
	}
	return out, lost
}

// incidents are the kept ones, newest first.
func (v *view) incidents() []api.Incident {
	out := []api.Incident{}
	for _, in := range v.st.Incidents.All() {
		out = append(out, v.incident(in))
	}
	slices.Reverse(out)
	return out
}

func (v *view) incident(in *state.Incident) api.Incident {
	out := api.Incident{
		ID: in.ID, Group: in.Group, Site: in.Site, Cause: in.Cause, From: in.From, To: in.To, Endpoint: in.Endpoint, Index: in.Index,
		Decided: utc(in.Wall), Open: in.Back == 0, Detect: seconds(in.FirstVote - in.FirstFailed), Agree: seconds(in.Decided - in.FirstVote),
		Returned: at(in.ReturnWall), Back: at(in.BackWall),
	}
	end := v.now
	if out.Returned != nil {
		end = *out.Returned
	}
	out.Away = seconds(max(0, end.Sub(out.Decided)))
	if in.Endpoint != "" {
		first := out.Decided.Add(in.FirstFailed - in.Decided)
		out.FirstFailed = &first
	}
	for i := range in.Votes {
		out.Votes = append(out.Votes, v.vote(&in.Votes[i]))
	}
	return out
}

// at is nil for the zero time.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = utc(t)
	return &t
}
