package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"failoverdns/api"
)

// reader makes the answer to one kind of read.
type reader func(s *Server, r *http.Request, q url.Values) (api.Answer, error)

// readTimeout bounds ?wait and ?consistent.
const readTimeout = 8 * time.Second

func (s *Server) serveRead(w http.ResponseWriter, r *http.Request, read reader) {
	q := r.URL.Query()
	if err := s.ready(r.Context(), q); err != nil {
		s.fail(w, r, err)
		return
	}
	a, err := read(s, r, q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.send(w, http.StatusOK, api.JSON, a)
}

// ready waits until this node's state is what the request asks for.
func (s *Server) ready(ctx context.Context, q url.Values) error {
	index, err := number(q, "wait")
	if err != nil {
		return err
	}
	consistent, err := truth(q, "consistent")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if consistent {
		leads, err := s.node.ReadIndex(ctx)
		if err != nil {
			return readProblem(err, "asking the leader")
		}
		index = max(index, leads)
	}
	if index == 0 {
		return nil
	}
	if err := s.node.Wait(ctx, index); err != nil {
		return readProblem(err, "waiting for the index")
	}
	return nil
}

func readStatus(s *Server, r *http.Request, q url.Values) (api.Answer, error) {
	all, err := truth(q, "names")
	if err != nil {
		return nil, err
	}
	v := s.viewWithPeers(r.Context())
	out := v.status()
	for i := range out.Groups {
		if g := &out.Groups[i]; !all {
			g.Cells = fewer(g.Cells, api.StatusNames)
		}
	}
	v.webhookNotes(v.webhooks(s.node.Webhooks()), func(code, next, format string, args ...any) {
		out.Notes = append(out.Notes, api.Notice{Code: code, Text: fmt.Sprintf(format, args...), Next: next})
	})
	return out, nil
}

func readSites(s *Server, _ *http.Request, _ url.Values) (api.Answer, error) {
	v := s.view()
	return &api.Sites{Meta: v.meta(), Sites: v.sites()}, nil
}

func readRole(s *Server, r *http.Request, q url.Values) (api.Answer, error) {
	a, err := s.view().role(r.PathValue("site"), q.Get("group"))
	if err != nil {
		return nil, err // not a, which would be an Answer that is not nil
	}
	return a, nil
}

func readChecks(s *Server, _ *http.Request, _ url.Values) (api.Answer, error) {
	v := s.view()
	return &api.Checks{Meta: v.meta(), Checks: v.checks()}, nil
}

func readVotes(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	v := s.view()
	e, ok := v.st.Endpoints.Get(q.Get("endpoint"))
	if !ok {
		return nil, notFound("endpoint", "there is no endpoint %q; failoverctl checks lists them", q.Get("endpoint"))
	}
	out := &api.Votes{Meta: v.meta(), Endpoint: v.endpoint(e)}
	if l, ok := s.node.Latest(e.ID); ok {
		out.Latest = latest(v.node.ID, l)
	}
	return out, nil
}

func readExplain(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	name, err := domainName("name", q.Get("name"))
	if err != nil {
		return nil, err
	}
	t, err := recordType(q.Get("type"))
	if err != nil {
		return nil, err
	}
	return s.view().explain(name, t, s.node.Lookup(name, t)), nil
}

func readOverrides(s *Server, _ *http.Request, _ url.Values) (api.Answer, error) {
	v := s.view()
	out := &api.Overrides{Meta: v.meta(), Overrides: v.overrides(), Windows: v.windows(), Pins: []api.Pin{}}
	for _, g := range v.st.Groups.All() {
		if p := v.pin(g); p != nil {
			out.Pins = append(out.Pins, *p)
		}
	}
	return out, nil
}

func readEvents(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	since, err := number(q, "since")
	if err != nil {
		return nil, err
	}
	limit, err := number(q, "limit")
	if err != nil {
		return nil, err
	}
	filter, err := filterOf(q)
	if err != nil {
		return nil, err
	}
	v := s.view()
	events, lost := eventsAfter(v.st, since, 0)
	out := &api.Events{Meta: v.meta(), Events: []api.Event{}, Lost: lost}
	for _, e := range filter.of(events, int(min(limit, 1<<30))) {
		out.Events = append(out.Events, event(e))
	}
	return out, nil
}

func readIncidents(s *Server, r *http.Request, q url.Values) (api.Answer, error) {
	id, err := number(q, "id")
	if err != nil {
		return nil, err
	}
	v := s.view()
	out := &api.Incidents{Meta: v.meta(), Incidents: v.incidents()}
	if id == 0 {
		return out, nil
	}
	for _, in := range out.Incidents {
		if in.ID == id {
			if in.Nodes == nil {
				in.Nodes = s.swaps(r.Context(), in.Index)
			}
			out.Incidents = []api.Incident{in}
			return out, nil
		}
	}
	return nil, notFound("id", "there is no incident %d, or it is no longer kept", id)
}

func readMembers(s *Server, r *http.Request, _ url.Values) (api.Answer, error) {
	v := s.viewWithPeers(r.Context())
	return &api.Members{Meta: v.meta(), Cluster: v.cluster()}, nil
}

func readConfig(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	drift, err := truth(q, "drift")
	if err != nil {
		return nil, err
	}
	settings, err := truth(q, "settings")
	if err != nil {
		return nil, err
	}
	v := s.view()
	out := &api.Offers{Meta: v.meta(), Offers: v.offers(drift)}
	if settings {
		v.settings(out)
	}
	return out, nil
}
