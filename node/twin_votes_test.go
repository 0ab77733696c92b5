package node

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"failoverdns/health"
	"failoverdns/probes"
	"failoverdns/state"
)

// sessionEnd is the longest that votes of a node out of contact count: 30 s, and the leader's round.
const sessionEnd = 35 * time.Second

func digest(st *state.State) string {
	if z, ok := st.Zones.Get(state.ZoneKey(seen[0].name)); ok {
		return z.Digest
	}
	return ""
}

// probers are the nodes that count.
func probers(st *state.State) (ids []string) {
	for id, n := range st.Nodes.All() {
		if n.Probe && n.Counts {
			ids = append(ids, id)
		}
	}
	return ids
}

func muted(st *state.State, node string) bool {
	return st.Overrides.Has(state.OverrideKey(state.ScopeNode, node))
}

// thresholds are the votes needed for up and for down.
func thresholds(a health.Agree, n int) (up, down int) {
	up = n/2 + 1
	down = up
	if a == health.AgreeAll {
		down = n
	}
	if k, err := strconv.Atoi(string(a)); err == nil {
		down = min(k, n)
	}
	return up, down
}

// demanded is the verdict that standing votes demand.
func demanded(st *state.State, e *state.Endpoint, was health.Verdict) health.Verdict {
	counting := probers(st)
	ups, downs := 0, 0
	for _, v := range e.Votes {
		if !slices.Contains(counting, v.Node) || muted(st, v.Node) {
			continue
		}
		if v.Opinion == health.Up {
			ups++
		}
		if v.Opinion == health.Down {
			downs++
		}
	}
	needUp, needDown := thresholds(e.Agree, len(counting))
	switch {
	case len(counting) == 0:
		return was
	case downs >= needDown:
		return health.VerdictDown
	case ups >= needUp && downs < needDown:
		return health.VerdictUp
	}
	return was
}

// verdicts holds each endpoint's votes and verdict after one command to the rule.
func (j *judge) verdicts(p *proc, prev, st *state.State, r state.Result) {
	for id, e := range st.Endpoints.All() {
		j.oneVoteEach(p, st, e)
		old, ok := prev.Endpoints.Get(id)
		if !ok {
			if e.Verdict != health.VerdictUnknown {
				j.failf("%s: at index %d the new endpoint %s is %s at once", p.id, st.Index, id, e.Verdict)
			}
			continue
		}
		voted := slices.ContainsFunc(r.Effect.Events, func(ev *state.Event) bool { return ev.Type == "vote" && ev.Endpoint == id })
		weighed := disturbing(prev, st) || silenced(prev, st) // who counts, or the rule itself, has changed
		want := demanded(st, e, old.Verdict)
		switch {
		case e.Verdict != old.Verdict && e.Verdict != want:
			j.failf("%s: at index %d %s went from %s to %s, but the votes are %s", p.id, st.Index, id, old.Verdict, e.Verdict, votesOf(e))
		case e.Verdict != old.Verdict && !voted && !weighed:
			j.failf("%s: at index %d %s went from %s to %s, but nobody voted", p.id, st.Index, id, old.Verdict, e.Verdict)
		case voted && e.Verdict != want:
			j.failf("%s: at index %d %s stays %s, but the votes are %s", p.id, st.Index, id, e.Verdict, votesOf(e))
		}
	}
}

// silenced says whether a session was closed for want of contact.
func silenced(a, b *state.State) bool {
	for key := range a.Sessions.All() {
		if !b.Sessions.Has(key) {
			return true
		}
	}
	return false
}

func votesOf(e *state.Endpoint) (s string) {
	for _, v := range e.Votes {
		s += fmt.Sprintf("%s %s, ", v.Node, v.Opinion)
	}
	return s + "agree " + string(e.Agree)
}

// oneVoteEach: a node has at most one vote, and only of the session that is open.
func (j *judge) oneVoteEach(p *proc, st *state.State, e *state.Endpoint) {
	var from []string
	for _, v := range e.Votes {
		if slices.Contains(from, v.Node) {
			j.failf("%s: at index %d %s has two votes of %s", p.id, st.Index, e.ID, v.Node)
		}
		from = append(from, v.Node)
		if n, ok := st.Nodes.Get(v.Node); !ok || !n.Probe {
			j.failf("%s: at index %d %s has a vote of %s, which is no member that probes", p.id, st.Index, e.ID, v.Node)
		}
		s, ok := st.Sessions.Get(state.SessionKey(v.Node, e.Spec.Interval))
		if !ok || s.Number != v.Session {
			j.failf("%s: at index %d a vote of %s on %s counts, but its session %d is closed", p.id, st.Index, v.Node, e.ID, v.Session)
		}
	}
}

// probing is what each process has seen, from the probes' own end: what votes are held to.
type probing struct {
	results  map[string][]outcome // by boot, endpoint and revision
	boots    map[*proc]string
	opened   map[uint64]time.Time // sessions, by number: when a node first applied it
	nodeOf   map[uint64]string
	unknown  map[string]time.Time // when the endpoint's verdict was last unknown, by ID and revision
	revision map[uint64]time.Time // likewise when a revision was first seen
}

type outcome struct {
	at time.Time
	ok bool
}

func newProbing() probing {
	return probing{results: map[string][]outcome{}, boots: map[*proc]string{}, opened: map[uint64]time.Time{}, nodeOf: map[uint64]string{},
		unknown: map[string]time.Time{}, revision: map[uint64]time.Time{}}
}

func (b *probing) boot(p *proc) { b.boots[p] = p.node.boot }

func resultsKey(boot, endpoint string, revision uint64) string {
	return fmt.Sprint(boot, " ", endpoint, " ", revision)
}

// probed notes a probe's result.
func (j *judge) probed(p *proc, t probes.Target, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := resultsKey(j.probing.boots[p], t.Endpoint, t.Revision)
	j.probing.results[key] = append(j.probing.results[key], outcome{time.Now(), ok})
}

// note keeps when sessions were opened, and which endpoints are unknown.
func (b *probing) note(st *state.State) {
	for _, s := range st.Sessions.All() {
		if _, ok := b.opened[s.Number]; !ok {
			b.opened[s.Number] = time.Now()
		}
	}
	for id, e := range st.Endpoints.All() {
		if e.Verdict == health.VerdictUnknown {
			b.unknown[id] = time.Now()
		}
	}
}

// votes holds each vote that was just cast to what its node's process has seen since the session began.
func (j *judge) votes(p *proc, prev, st *state.State, r state.Result) {
	for _, ev := range r.Effect.Events {
		if ev.Type != "vote" {
			continue
		}
		e, ok := st.Endpoints.Get(ev.Endpoint)
		if !ok {
			j.failf("%s: at index %d a vote on %s, which is not there", p.id, st.Index, ev.Endpoint)
			continue
		}
		i := slices.IndexFunc(e.Votes, func(v state.Vote) bool { return v.Node == ev.Node })
		s, ok := st.Sessions.Get(state.SessionKey(ev.Node, e.Spec.Interval))
		switch {
		case !ok:
			j.failf("%s: at index %d a vote of %s counts, and it has no session", p.id, st.Index, ev.Node)
		case i >= 0 && !j.supported(e, s, e.Votes[i].Opinion):
			j.failf("%s: at index %d %s votes %s on %s, which its probes do not bear out: %s", p.id, st.Index, ev.Node, e.Votes[i].Opinion, e.ID, j.results(e, s))
		}
	}
}

func (j *judge) results(e *state.Endpoint, s *state.Session) (text string) {
	for _, o := range j.probing.results[resultsKey(s.Boot, e.ID, e.Revision)] {
		text += fmt.Sprintf("%s %v, ", o.at.Sub(j.trial.began).Round(time.Second), o.ok)
	}
	return text
}

// supported says whether a process held an opinion, by its own probes since its session began, at some moment in the
// time in which votes may be under way.
func (j *judge) supported(e *state.Endpoint, s *state.Session, want health.Opinion) bool {
	window := sessionEnd
	if time.Since(j.trouble) < sessionEnd {
		window = time.Since(j.turmoil) + sessionEnd
	}
	since := time.Now().Add(-window)
	opinion := health.None
	var run []bool
	held := false
	for _, o := range j.probing.results[resultsKey(s.Boot, e.ID, e.Revision)] {
		if o.at.Before(j.probing.opened[s.Number]) {
			continue
		}
		if o.at.After(since) && opinion == want {
			held = true // up to this result
		}
		run = append(run, o.ok)
		unknown := j.probing.unknown[e.ID].After(since)
		opinion = opinionAfter(&e.Spec, run, opinion, unknown, want)
		if o.at.After(since) && opinion == want {
			held = true
		}
	}
	return held || opinion == want
}

// opinionAfter reads the counting rule naively: the last results decide, else nothing changes.
func opinionAfter(c *health.Check, run []bool, was health.Opinion, unknown bool, want health.Opinion) health.Opinion {
	window := max(c.Window, c.Failures)
	failed := 0
	for _, ok := range run[max(0, len(run)-window):] {
		if !ok {
			failed++
		}
	}
	good := 0
	for i := len(run) - 1; i >= 0 && run[i]; i-- {
		good++
	}
	switch {
	case failed >= c.Failures && !run[len(run)-1]:
		return health.Down
	case good >= c.Successes, good > 0 && unknown && want == health.Up:
		return health.Up
	}
	return was
}

// offers: what is in force changes only by the word of a node whose own last word was in force.
func (j *judge) offers(p *proc, prev, st *state.State) {
	was, is := digest(prev), digest(st)
	if was == "" || was == is {
		return
	}
	for _, id := range five {
		before, ok := prev.Offer(id, seen[0].name)
		after, _ := st.Offer(id, seen[0].name)
		if ok && before.Digest == was && after.Digest == is {
			return
		}
	}
	j.failf("%s: at index %d the declaration in force changed from %.8s to %.8s, by nobody who may", p.id, st.Index, was, is)
}
