package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"failoverdns/api"
	"failoverdns/raftstore"
	"failoverdns/state"
)

// problemBase is the prefix of problem types: a fragment of the document that describes them.
const problemBase = "/v1/openapi.json#"

var titles = map[string]string{
	api.CodeInvalid:        "The request is not valid",
	api.CodeNotFound:       "There is no such thing",
	api.CodeNotAllowed:     "The request is not allowed",
	api.CodeTooLarge:       "The request is too large",
	api.CodeMediaType:      "The body is not JSON",
	api.CodeConflict:       "It collides with something that stands",
	api.CodeNeedsForce:     "It is refused without force",
	api.CodeVersion:        "It is meant for another version",
	api.CodeSafetyRule:     "A safety rule refuses it",
	api.CodeStale:          "It is out of date",
	api.CodeRole:           "There is no one role",
	api.CodeTooOld:         "A member is too old for this",
	api.CodeNoLeader:       "The cluster has no leader",
	api.CodeBehind:         "This node is behind",
	api.CodeNotDone:        "Nothing was done",
	api.CodeUnknownOutcome: "The outcome is unknown",
	api.CodeInternal:       "Something is wrong with this server",
	api.CodeWhoAreYou:      "Say who you are",
	api.CodeForbidden:      "It takes another role",
	api.CodeTooMany:        "Too many failures",
}

func invalid(field, format string, args ...any) *api.Problem {
	return &api.Problem{Status: http.StatusBadRequest, Code: api.CodeInvalid, Field: field, Detail: fmt.Sprintf(format, args...)}
}

func notFound(field, format string, args ...any) *api.Problem {
	return &api.Problem{Status: http.StatusNotFound, Code: api.CodeNotFound, Field: field, Detail: fmt.Sprintf(format, args...)}
}

func noLeader() *api.Problem {
	return &api.Problem{Status: http.StatusServiceUnavailable, Code: api.CodeNoLeader,
		Detail: "the cluster has no leader now, so nothing was done; failoverctl cluster members says who is missing. DNS answers go on"}
}

// refused turns the state's refusal into a problem. Codes that this version does not know are conflicts.
func refused(r *state.Refusal, index uint64) *api.Problem {
	p := &api.Problem{Status: http.StatusConflict, Code: api.CodeConflict, Detail: r.Text, Index: index}
	switch r.Code {
	case state.RefusedNotFound:
		p.Status, p.Code = http.StatusNotFound, api.CodeNotFound
	case state.RefusedInvalid:
		p.Status, p.Code = http.StatusBadRequest, api.CodeInvalid
	case state.RefusedUnsafe:
		p.Code = api.CodeNeedsForce
	case state.RefusedVersion:
		p.Status, p.Code = http.StatusPreconditionFailed, api.CodeVersion
	case state.RefusedRule:
		p.Code = api.CodeSafetyRule
	case state.RefusedStale:
		p.Code = api.CodeStale
	case state.RefusedBusy, state.RefusedIncomplete:
		p.Status, p.Code = http.StatusServiceUnavailable, api.CodeNotDone
	}
	return p
}

// readProblem is what an error of Wait or ReadIndex is for a client.
func readProblem(err error, what string) *api.Problem {
	var p *api.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, raftstore.ErrNoLeader):
		return noLeader()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &api.Problem{Status: http.StatusServiceUnavailable, Code: api.CodeBehind, Detail: what + ": not in time"}
	}
	return &api.Problem{Status: http.StatusServiceUnavailable, Code: api.CodeBehind, Detail: what + ": " + err.Error()}
}

// writeProblem is what an error of Propose is for a client.
func writeProblem(err error) *api.Problem {
	switch {
	case errors.Is(err, raftstore.ErrNoLeader):
		return noLeader()
	case errors.Is(err, raftstore.ErrTooOld):
		return &api.Problem{Status: http.StatusConflict, Code: api.CodeTooOld, Detail: "nothing was done: " + err.Error()}
	case !errors.Is(err, raftstore.ErrUnknownOutcome):
		return &api.Problem{Status: http.StatusServiceUnavailable, Code: api.CodeNotDone, Detail: "nothing was done: " + err.Error()}
	}
	return &api.Problem{Status: http.StatusGatewayTimeout, Code: api.CodeUnknownOutcome,
		Detail: fmt.Sprintf("it may take effect yet (%v); repeating it with the same %s is safe", err, api.RequestIDHeader)}
}

// fail writes an error; one that is no problem is the server's own fault, and its text stays in the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *api.Problem
	if !errors.As(err, &p) {
		s.log.Error("the admin API failed", "method", r.Method, "path", r.URL.Path, "error", err)
		p = &api.Problem{Status: http.StatusInternalServerError, Code: api.CodeInternal, Detail: "see this node's log"}
	}
	full := *p
	full.Type, full.Title, full.Node = problemBase+full.Code, titles[full.Code], s.node.Status().ID
	if full.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	s.send(w, full.Status, api.ProblemJSON, &full)
}

func (s *Server) send(w http.ResponseWriter, status int, mediaType string, body any) {
	b, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		s.log.Error("the admin API cannot encode an answer", "error", err)
		http.Error(w, "see this node's log", http.StatusInternalServerError)
		return
	}
	b = append(b, '\n')
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that left is no fault
}
