package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"failoverdns/api"
	"failoverdns/raftstore"
)

// recoverTimeout bounds a recovery: reading the log and writing it anew.
const recoverTimeout = 15 * time.Second

// serveRecover is the way back after losing the majority. It concerns this node's disk, so it goes through no leader, and
// is no command.
func (s *Server) serveRecover(w http.ResponseWriter, r *http.Request) {
	a, err := s.recover(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.send(w, http.StatusOK, api.JSON, a)
}

func (s *Server) recover(w http.ResponseWriter, r *http.Request) (*api.Recovery, error) {
	planned, err := truth(r.URL.Query(), "plan")
	if err != nil {
		return nil, err
	}
	var q api.RecoverRequest
	if err := decode(w, r, &q); err != nil {
		return nil, err
	}
	if err := who(q.Who); err != nil {
		return nil, err
	}
	author, err := identityOf(r).author(q.Author)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), recoverTimeout)
	defer cancel()
	plan, err := s.node.PlanRecovery(ctx, q.Keep, q.Force)
	if err != nil {
		return nil, recoverProblem(err)
	}
	out := recovery(s.view(), plan)
	if planned {
		return out, nil
	}
	if q.Confirm != plan.Confirmation() {
		return nil, invalid("confirm", "this gives members up for good: confirm it with %q, and not %q", plan.Confirmation(), q.Confirm)
	}
	s.log.Warn("recovering this node without the members that are lost", "lose", plan.Lose, "author", author, "reason", q.Reason)
	if err := s.node.Recover(ctx, plan, author, source(r), q.Reason); err != nil {
		return nil, recoverProblem(err)
	}
	out.Done, out.Meta = true, s.view().meta()
	return out, nil
}

func recovery(v *view, r *raftstore.Recovery) *api.Recovery {
	return &api.Recovery{Meta: v.meta(), Keep: r.Keep, Lose: r.Lose, Unknown: r.Unknown, Applied: r.Applied,
		LastIndex: r.LastIndex, LastTerm: r.LastTerm, Next: r.Next, Confirm: r.Confirmation()}
}

func recoverProblem(err error) error {
	switch {
	case errors.Is(err, raftstore.ErrNoRecovery):
		return &api.Problem{Status: http.StatusConflict, Code: api.CodeConflict, Detail: err.Error() + "; nothing was changed"}
	case errors.Is(err, raftstore.ErrUnknownOutcome):
		return &api.Problem{Status: http.StatusGatewayTimeout, Code: api.CodeUnknownOutcome, Detail: err.Error()}
	}
	return fmt.Errorf("recover: %w", err)
}
