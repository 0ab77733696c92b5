package server

import (
	"context"
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
	for _, m := range in.Measures {
		out.Nodes = append(out.Nodes, api.Swap{Node: m.Node, Error: m.Error, Leader: m.Leader, Commit: micros(m.Commit), Apply: micros(m.Apply), Swapped: micros(m.Swapped), Proposed: micros(m.Proposed)})
	}
	for i := range in.Votes {
		out.Votes = append(out.Votes, v.vote(&in.Votes[i]))
	}
	return out
}

// swaps asks all members how a command came to their answers.
func (s *Server) swaps(ctx context.Context, index uint64) []api.Swap {
	ctx, cancel := context.WithTimeout(ctx, peersTimeout)
	defer cancel()
	out := []api.Swap{}
	for _, n := range s.node.Swaps(ctx, index) {
		out = append(out, api.Swap{Node: n.Node, Error: n.Error, Leader: n.Leader, Commit: micros(n.Commit), Apply: micros(n.Apply), Swapped: micros(n.Swapped), Proposed: micros(n.Proposed)})
	}
	return out
}

// micros is seconds in microseconds' precision: a commit on good disks takes less than a millisecond.
func micros(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Second)
}

// at is nil for the zero time.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = utc(t)
	return &t
}
