package node

import (
	"slices"
	"time"

	"failoverdns/health"
	"failoverdns/state"
)

const (
	// electionBudget is the longest that connected nodes may be without a leader.
	electionBudget = election + 7*time.Second
	// verdictBudget is the longest from the last disturbance to the verdicts that the world deserves: an election, the
	// end of lost nodes' sessions or three probes, and a little.
	verdictBudget = election + sessionEnd + 7*time.Second
)

// linked says whether two nodes take part and hear each other.
func (tr *trial) linked(a, b string) bool {
	return tr.place[a].runs && tr.place[b].runs && tr.procs[a] != nil && tr.procs[b] != nil && !tr.cuts[[2]string{a, b}] && !tr.cuts[[2]string{b, a}]
}

// reach is a node and all that it is linked with.
func (tr *trial) reach(id string) (ids []string) {
	for _, o := range five {
		if tr.linked(id, o) {
			ids = append(ids, o)
		}
	}
	return ids
}

// knit says whether nodes hear each other, all of them. Of four voters and more, one that hears a majority need not be
// electable: its log may be older than those of the others, who hear only it.
func (tr *trial) knit(ids []string) bool {
	return !slices.ContainsFunc(ids, func(a string) bool {
		return slices.ContainsFunc(ids, func(b string) bool { return !tr.linked(a, b) })
	})
}

// electable says whether a node whose company is a majority can lead it, or somebody else of it. Where some do not hear each
// other only the node itself can, and only if all of them know that it has a vote, and of no fourth voter: it may have missed
// that it lost its own, or that another one came.
func (tr *trial) electable(id string) bool {
	company := tr.company(id)
	if tr.knit(company) {
		return true
	}
	return !slices.ContainsFunc(company, func(o string) bool {
		return len(tr.place[o].voters) > 3 || !slices.Contains(tr.place[o].voters, id)
	})
}

// partial says whether somebody can reach somebody who cannot reach all whom he can.
func (j *judge) partial() bool {
	for _, id := range five {
		for _, o := range j.trial.reach(id) {
			if !slices.Equal(j.trial.reach(o), j.trial.reach(id)) {
				return true
			}
		}
	}
	return false
}

// budgets: after long enough without a disturbance connected nodes have a leader, and the verdicts that the world
// deserves.
func (j *judge) budgets() {
	undisturbed := time.Since(j.calm)
	var leaders []string
	quorum := false
	for _, id := range five {
		if p := j.trial.procs[id]; p != nil && j.trial.isVoter(id) && j.trial.quorate(j.trial.company(id)) {
			quorum = quorum || j.trial.electable(id) && j.trial.quorate(j.trial.electorate(id))
			if _, _, self := p.node.store.Leader(); self {
				leaders = append(leaders, id)
			}
		}
	}
	if undisturbed < electionBudget || j.waiting() {
		return
	}
	j.alone(undisturbed)
	if !quorum {
		return
	}
	if len(leaders) != 1 {
		j.failf("%s after the last disturbance the leaders of those who are connected are %v", undisturbed, leaders)
		return
	}
	if undisturbed > verdictBudget {
		j.deserved(j.trial.company(leaders[0]))
	}
}

// waiting says whether the cluster has not begun.
func (j *judge) waiting() bool {
	for id, p := range j.trial.procs {
		if j.trial.place[id].runs && p.node.State().Index == 0 {
			return true
		}
	}
	return false
}

// deserved holds the verdicts of nodes that have a leader among them to what they can see of the sites.
func (j *judge) deserved(ids []string) {
	for _, id := range ids {
		st := j.trial.procs[id].node.State()
		j.lostSessions(j.trial.procs[id], st, ids)
		for _, e := range st.Endpoints.All() {
			if want := j.verdictFor(st, e, ids); want != "" && want != e.Verdict {
				j.failf("%s: %s after the last disturbance %s is %s; by what %v see it should be %s (%s)", id, time.Since(j.calm), e.ID, e.Verdict, ids, want, votesOf(e))
			}
		}
		if j.trial.procs[id].own() && !j.undecidable(st, ids) {
			j.failf("%s: %s after the last disturbance it still goes by words of its own", id, time.Since(j.calm))
		}
		if digest(st) == "" {
			j.failf("%s: %s after the last disturbance there is no zone", id, time.Since(j.calm))
		}
	}
}

// undecidable says whether own counts go on though there is a leader: they end as a majority has voted, and too few can.
func (j *judge) undecidable(st *state.State, ids []string) bool {
	if d := formsByDigest[digest(st)]; d == nil || d.NoQuorum.Mode != state.NoQuorumLocal {
		return false
	}
	all, able := probers(st), 0
	for _, id := range ids {
		if slices.Contains(all, id) && !muted(st, id) && !j.trial.quiet[id] && !j.trial.isDark(id) {
			able++
		}
	}
	return able < len(all)/2+1
}

// lostSessions: votes of a node that has been out of contact for so long count no more.
func (j *judge) lostSessions(p *proc, st *state.State, ids []string) {
	for _, s := range st.Sessions.All() {
		if !slices.Contains(ids, s.Node) {
			j.failf("%s: %s after the last disturbance the session of %s is open, which %v do not reach", p.id, time.Since(j.calm), s.Node, ids)
		}
	}
}

// verdictFor is what nodes deserve by what they see now; "" where too few agree, and things stay as they are.
func (j *judge) verdictFor(st *state.State, e *state.Endpoint, ids []string) health.Verdict {
	counting := probers(st)
	up, down := thresholds(e.Agree, len(counting))
	ups, downs := 0, 0
	for _, id := range ids {
		switch {
		case !slices.Contains(counting, id) || muted(st, id) || j.trial.quiet[id] || j.trial.isDark(id):
		case j.trial.refuses(id, e.ID):
			downs++
		default:
			ups++
		}
	}
	switch {
	case len(counting) > 0 && downs >= down:
		return health.VerdictDown
	case len(counting) > 0 && ups >= up && downs < down:
		return health.VerdictUp
	}
	return ""
}
