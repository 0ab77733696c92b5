package server

import (
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"

	"failoverdns/api"
	"failoverdns/state"
)

func readAudit(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	limit, err := number(q, "limit")
	if err != nil {
		return nil, err
	}
	v := s.view()
	since, whole := v.st.AuditBegins()
	return &api.Audits{Meta: v.meta(), Entries: v.audits(q.Get("author"), int(min(limit, math.MaxInt32))), Since: at(since), Whole: whole}, nil
}

// audits are the latest limit kept writes (0: all) of one author, or of all.
func (v *view) audits(author string, limit int) []api.Audit {
	out := []api.Audit{}
	for _, a := range v.st.Audits.All() {
		if author == "" || a.Author == author {
			out = append(out, audit(a))
		}
	}
	if limit > 0 && len(out) > limit {
		out = slices.Clone(out[len(out)-limit:])
	}
	return out
}

func audit(a *state.Audit) api.Audit {
	return api.Audit{ID: a.ID, Index: a.Index, At: utc(a.Wall), Author: a.Author, Node: a.Node, Source: a.Source, Request: a.Request,
		Action: a.Action, Target: a.Target, Reason: a.Reason, Force: a.Force, Outcome: a.Outcome, Text: a.Text}
}

// source is the address that a request came from, without its port: that one tells nothing later.
func source(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
