package server

import (
	"fmt"
	"slices"
	"strings"

	"failoverdns/api"
	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/probes"
	"failoverdns/state"
)

// endpoint is an endpoint with its votes, and how routing takes it.
func (v *view) endpoint(e *state.Endpoint) api.Endpoint {
	down, _ := v.st.EndpointDown(e)
	out := api.Endpoint{
		ID: e.ID, Site: e.Site, Check: e.Check, At: e.Host, URL: e.Spec.URL(), Verdict: string(e.Verdict), Counts: upDown(!down),
		Since: utc(e.Wall), Index: e.Index, Revision: e.Revision, Tally: v.tally(e), Votes: []api.Vote{},
		Override: v.overrideOf(state.ScopeEndpoint, e.ID), Muted: v.overrideOf(state.ScopeCheck, e.Check),
	}
	if e.Address.IsValid() {
		out.At = e.Address.String()
	}
	if out.Verdict == "" {
		out.Verdict = string(health.VerdictUnknown)
	}
	for i := range e.Votes {
		out.Votes = append(out.Votes, v.vote(&e.Votes[i]))
	}
	out.Why = endpointWhy(&out, e)
	return out
}

func upDown(up bool) string {
	if up {
		return string(health.Up)
	}
	return string(health.Down)
}

func (v *view) tally(e *state.Endpoint) api.Tally {
	t := api.Tally{Probers: v.st.Probers()}
	t.Up, t.Down = v.st.Tally(e)
	t.None = max(0, t.Probers-t.Up-t.Down)
	t.NeededUp, t.NeededDown = e.Agree.Needed(t.Probers)
	return t
}

func (v *view) vote(x *state.Vote) api.Vote {
	out := api.Vote{Node: x.Node, Opinion: string(x.Opinion), Reason: string(x.Reason), Detail: x.Detail, At: v.wall(x.At)}
	if x.Opinion == health.Down {
		first := v.wall(x.FirstFailed)
		out.FirstFailed = &first
	}
	n, ok := v.st.Nodes.Get(x.Node)
	out.Muted = v.st.Overrides.Has(state.OverrideKey(state.ScopeNode, x.Node))
	switch {
	case !ok:
		out.Ignored = "the node is no member"
	case !n.Probe:
		out.Ignored = "the node does not probe"
	case !n.Counts:
		out.Ignored = "the node counts after its first full round"
	case out.Muted:
		out.Ignored = "the node is muted"
	}
	return out
}

// endpointWhy says in words why an endpoint counts as it does.
func endpointWhy(e *api.Endpoint, s *state.Endpoint) string {
	measured := fmt.Sprintf("%d of %d nodes vote up, %d down", e.Tally.Up, e.Tally.Probers, e.Tally.Down)
	switch {
	case e.Override != nil:
		return fmt.Sprintf("forced %s by %s (%s); measured %s: %s", e.Override.Word, e.Override.Author, e.Override.Reason, e.Verdict, measured)
	case e.Muted != nil:
		return fmt.Sprintf("its check is muted by %s (%s); measured %s: %s", e.Muted.Author, e.Muted.Reason, e.Verdict, measured)
	case s.Presumed && s.Verdict != health.VerdictUp && s.Verdict != health.VerdictDown:
		return "new at a site that is down: it counts as down until it is measured up; " + measured
	}
	if reasons := downReasons(s.Votes); reasons != "" {
		measured += " (" + reasons + ")"
	}
	return measured
}

// downReasons lists the reasons of votes down, each once, in the order of nodes.
func downReasons(votes []state.Vote) string {
	var out []string
	seen := map[health.Reason]bool{}
	for _, x := range votes {
		if x.Opinion == health.Down && x.Reason != "" && !seen[x.Reason] {
			seen[x.Reason] = true
			out = append(out, string(x.Reason))
		}
	}
	return strings.Join(out, ", ")
}

// endpointsOf are a site's endpoints, in its order.
func (v *view) endpointsOf(site *state.Site) []api.Endpoint {
	out := []api.Endpoint{}
	for _, id := range site.Endpoints {
		if e, ok := v.st.Endpoints.Get(id); ok {
			out = append(out, v.endpoint(e))
		}
	}
	return out
}

// checks lists every check with its endpoints, in the order of IDs.
func (v *view) checks() []api.Check {
	out := []api.Check{}
	at := map[string]int{}
	for _, e := range v.st.Endpoints.All() {
		i, ok := at[e.Check]
		if !ok {
			i = len(out)
			at[e.Check] = i
			out = append(out, v.check(e))
		}
		out[i].Endpoints = append(out[i].Endpoints, v.endpoint(e))
	}
	return out
}

func (v *view) check(e *state.Endpoint) api.Check {
	c := &e.Spec
	return api.Check{
		ID: e.Check, Site: e.Site, Kind: string(c.Kind), URL: c.URL(), Dial: c.Dial, Interval: seconds(c.Interval),
		Timeout: seconds(c.Timeout), Failures: c.Failures, Window: c.Window, Successes: c.Successes, Recheck: seconds(c.Recheck),
		Detection: seconds(c.WorstDetection()), Muted: v.overrideOf(state.ScopeCheck, e.Check),
	}
}

func latest(id string, l node.Latest) *api.Latest {
	out := &api.Latest{Node: id, Vote: string(l.Vote), Successes: l.Successes, Failures: l.Failures, Results: []api.Result{}}
	results := slices.SortedFunc(slices.Values(l.Results), func(a, b probes.Result) int { return b.Started.Compare(a.Started) })
	for _, r := range results {
		out.Results = append(out.Results, api.Result{At: utc(r.Started), Outcome: string(r.Outcome), Reason: string(r.Reason), Detail: r.Detail, Took: seconds(r.Duration)})
	}
	return out
}
