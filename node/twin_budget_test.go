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

// linked says whether two nodes run and hear each other.
func (tr *trial) linked(a, b string) bool {
	return tr.procs[a] != nil && tr.procs[b] != nil && !tr.cuts[[2]string{a, b}] && !tr.cuts[[2]string{b, a}]
}

// reach is a node and all that it is linked with.
func (tr *trial) reach(id string) (ids []string) {
	for _, o := range three {
		if tr.procs[id] != nil && (o == id || tr.linked(id, o)) {
			ids = append(ids, o)
		}
	}
	return ids
}

// partial says whether somebody can reach somebody who cannot reach all whom he can.
func (j *judge) partial() bool {
	for _, id := range three {
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
	for _, id := range three {
		quorum = quorum || len(j.trial.reach(id)) >= 2
		if p := j.trial.procs[id]; p != nil && len(j.trial.reach(id)) >= 2 {
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
		j.deserved(j.trial.reach(leaders[0]))
	}
}

// waiting says whether the cluster has not begun.
func (j *judge) waiting() bool {
	for _, p := range j.trial.procs {
		if p.node.State().Index == 0 {
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
		if j.trial.procs[id].own() {
			j.failf("%s: %s after the last disturbance it still goes by words of its own", id, time.Since(j.calm))
		}
		if digest(st) == "" {
			j.failf("%s: %s after the last disturbance there is no zone", id, time.Since(j.calm))
		}
	}
}

// lostSessions: votes of a node that has been out of contact for so long count no more.
func (j *judge) lostSessions(p *proc, st *state.State, ids []string) {
	for _, s := range st.Sessions.All() {
		if !slices.Contains(ids, s.Node) {
			j.failf("%s: %s after the last disturbance the session of %s is open, which %v do not reach", p.id, time.Since(j.calm), s.Node, ids)
		}
	}
}

// verdictFor is what nodes deserve by what they see now; "" where too few agree, and things stay as they are. They also
// stay where fewer than a majority made an endpoint down and one of those went away: voiding its vote changes no verdict
// by itself, and those who say up have said so before.
func (j *judge) verdictFor(st *state.State, e *state.Endpoint, ids []string) health.Verdict {
	counting := probers(st)
	up, down := thresholds(e.Agree, len(counting))
	ups, downs := 0, 0
	for _, id := range ids {
		switch {
		case !slices.Contains(counting, id) || muted(st, id) || j.trial.quiet[id]:
		case j.trial.refuses(id, e.ID):
			downs++
		default:
			ups++
		}
	}
	switch {
	case len(counting) > 0 && downs >= down:
		return health.VerdictDown
	case down < up && len(ids) < len(three):
		return ""
	case len(counting) > 0 && ups >= up && downs < down:
		return health.VerdictUp
	}
	return ""
}
