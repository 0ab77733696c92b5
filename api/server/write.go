package server

import (
	"context"
	"net/http"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

// writer turns one kind of write into a command's body and its author.
type writer func(w http.ResponseWriter, r *http.Request) (body state.Body, author string, err error)

// The times of a write: until its outcome is unknown, and until this node, which may be behind the leader, has
// applied it.
const (
	proposeTimeout = 8 * time.Second
	applyTimeout   = 2 * time.Second
)

func (s *Server) serveWrite(w http.ResponseWriter, r *http.Request, write writer) {
	a, err := s.commit(w, r, write)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.send(w, http.StatusOK, api.JSON, a)
}

func (s *Server) commit(w http.ResponseWriter, r *http.Request, write writer) (*api.Written, error) {
	id, err := requestID(r)
	if err != nil {
		return nil, err
	}
	plan, err := truth(r.URL.Query(), "plan")
	if err != nil {
		return nil, err
	}
	body, author, err := write(w, r)
	if err == nil {
		author, err = identityOf(r).author(author)
	}
	if err != nil {
		return nil, err
	}
	before := s.agreed()
	if err := identityOf(r).mayReach(reachOf(before.st, body)); err != nil {
		s.refused.add(refusedRole)
		s.note(r, err)
		return nil, err
	}
	c := state.Command{Header: state.Header{ID: id, Author: author, Node: before.node.ID, Source: source(r)}, Body: body}
	if m, ok := body.(*state.ChangeMember); ok {
		return s.changeMember(r.Context(), before, c, m, plan)
	}
	if plan {
		return s.plan(before, c), nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), proposeTimeout)
	defer cancel()
	res, err := s.node.Propose(ctx, c)
	switch {
	case err != nil:
		return nil, writeProblem(err)
	case res.Refusal != nil:
		return nil, refused(res.Refusal, res.Index)
	}
	return s.written(r.Context(), before, res.Index, body), nil
}

// written shows what a committed command did, as soon as this node has applied it.
func (s *Server) written(ctx context.Context, before *view, index uint64, body state.Body) *api.Written {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	_ = s.node.Wait(ctx, index) // it is committed whether or not this node is behind
	after := s.agreed()
	out := &api.Written{Meta: after.meta(), Done: true, Changes: changes(before, after, true), Records: after.written(body)}
	out.Index = index
	events, _ := eventsAfter(after.st, 0, 0)
	for _, e := range events {
		if e.Index == index {
			out.Events = append(out.Events, e.Text)
		}
	}
	return out
}

// plan applies a command to the present state and forgets the result.
func (s *Server) plan(v *view, c state.Command) *api.Written {
	c.ID, c.Clock, c.Wall = "", v.st.Clock, v.now
	next, res := v.st.Apply(v.st.Index+1, c)
	after := &view{st: next, node: v.node, now: v.now}
	out := &api.Written{Meta: v.meta(), Changes: changes(v, after, false), Records: after.written(c.Body)}
	local := s.view()
	local.st = v.st
	out.Blocks = local.obstaclesOf(c.Body)
	if r, ok := c.Body.(*state.Restore); ok {
		out.Gone = v.goneBy(c, *r)
	}
	for _, e := range res.Effect.Events {
		out.Events = append(out.Events, e.Text)
	}
	if res.Refusal != nil {
		out.Refusal = planned(res.Refusal)
	}
	return out
}

// planned is what would refuse a write.
func planned(r *state.Refusal) *api.Problem {
	p := refused(r, 0)
	p.Type, p.Title = problemBase+p.Code, titles[p.Code]
	return p
}

func writeOverride(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.OverrideRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	d, err := lasting(q.For)
	if err != nil {
		return nil, "", err
	}
	return &state.SetOverride{Scope: state.Scope(q.Scope), Target: q.Target, Word: state.Word(q.Word), Reason: q.Reason, For: d, Force: q.Force, BreakGlass: q.BreakGlass}, q.Author, who(q.Who)
}

func writeClear(_ http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	q := r.URL.Query()
	force, err := truth(q, "force")
	if err != nil {
		return nil, "", err
	}
	glass, err := truth(q, "break_glass")
	if err != nil {
		return nil, "", err
	}
	by := api.Who{Author: q.Get("author"), Reason: q.Get("reason")}
	return &state.ClearOverride{Scope: state.Scope(q.Get("scope")), Target: q.Get("target"), Reason: by.Reason, Force: force, BreakGlass: glass}, by.Author, who(by)
}

func writeExtend(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.ExtendRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	d, err := lasting(q.For)
	if err != nil {
		return nil, "", err
	}
	return &state.Extend{Scope: state.Scope(q.Scope), Target: q.Target, For: d}, q.Author, text("author", q.Author, false)
}

func writePin(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.PinRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	d, err := lasting(q.For)
	if err != nil {
		return nil, "", err
	}
	return &state.SetPin{Group: q.Group, Site: q.Site, Reason: q.Reason, For: d, Force: q.Force, BreakGlass: q.BreakGlass}, q.Author, who(q.Who)
}

func writeUnpin(_ http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	q := r.URL.Query()
	by := api.Who{Author: q.Get("author"), Reason: q.Get("reason")}
	return &state.Unpin{Group: q.Get("group"), Reason: by.Reason}, by.Author, who(by)
}

func writeFailback(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.FailbackRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	return &state.EndHold{Group: q.Group, Reason: q.Reason}, q.Author, who(q.Who)
}

func writeAdopt(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.AdoptRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	adopt := &state.Adopt{Node: q.Node}
	if q.Zone != api.AllZones {
		zone, err := domainName("zone", q.Zone)
		if err != nil {
			return nil, "", err
		}
		adopt.Zone = zone
	}
	return adopt, q.Author, who(q.Who)
}
