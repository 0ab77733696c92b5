package node

import (
	"context"
	"maps"
	"slices"
	"time"

	"failoverdns/health"
	"failoverdns/state"
)

const (
	// watchEvery is how often a node looks whether a leader is in contact.
	watchEvery = time.Second
	// caughtUp is the state's age up to which a node in a leader's contact has what the leader has. The contact must have
	// lasted for as long: the first word after a cut may be one that was on its way since before.
	caughtUp = 5 * time.Second
	// gap is the silence that ends a leader's contact: an election over a slow link is no such end.
	gap = 20 * time.Second
	// voteMargin is how much longer than a session's end, or a full count, standing votes are waited for: the leader looks
	// around each second, and a vote takes a round trip.
	voteMargin = 5 * time.Second
)

// lead is what a node knows of leaders at one moment.
type lead struct {
	silence time.Duration // since one was in contact
	lasting time.Duration // for so long one has been, without a gap
	caught  bool          // one is, and all it had committed is applied here
}

// watch follows the leader's contact by the monotonic clock; it begins, and begins anew after a restart, with the
// process. It belongs to one goroutine.
type watch struct {
	last  time.Time // when a leader was last in contact, or the start
	since time.Time // of the present contact; zero without one
}

// look takes a status. A contact counts only while its leader is known: Raft's own time of last contact also moves when
// a node grants a vote to one that is never elected.
func (w *watch) look(s *Status, now time.Time) lead {
	switch {
	case s.Self:
		w.last = now
	case s.Leader != "" && s.LastContact >= 0:
		if at := now.Add(-s.LastContact); at.After(w.last) {
			w.last = at
		}
	}
	c := lead{silence: now.Sub(w.last)}
	switch {
	case c.silence >= gap:
		w.since = time.Time{}
		return c
	case s.Leader != "" && w.since.IsZero():
		w.since = w.last
	}
	if !w.since.IsZero() {
		c.lasting = now.Sub(w.since)
	}
	c.caught = s.Leader != "" && s.StateAge < caughtUp && c.lasting >= caughtUp
	return c
}

// keepWatch tells the ballot and what is answered how long there has been no leader.
func (n *Node) keepWatch(ctx context.Context) {
	w := watch{last: time.Now()}
	for {
		s := Status{Status: n.store.Status(), StateAge: n.store.Age()}
		c := w.look(&s, time.Now())
		n.ballot.Silent(c.silence)
		n.answering.heardOf(c)
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchEvery):
		}
	}
}

// mode is a zone's no-quorum rule in effect.
type mode struct {
	rule  state.NoQuorum
	since time.Time
	base  *state.State    // local: the state when the node turned to its own counts
	back  bool            // local: a leader has been in contact since
	ended map[string]bool // local: endpoints on which a majority has voted since
	down  map[string]bool // local: endpoints that count as down until this node's own count is up
}

// modesNow begins and ends the zones' rules, and gives those in effect with the counts that they go by.
func (a *answering) modesNow(now time.Time) (out []Mode, counts map[string]map[string]health.Verdict, seen map[string]bool) {
	maps.DeleteFunc(a.modes, func(key string, m *mode) bool {
		z, ok := a.base.Zones.Get(key)
		return !ok || z.NoQuorum.Mode != m.rule.Mode
	})
	counts, seen = map[string]map[string]health.Verdict{}, map[string]bool{}
	for key, z := range a.base.Zones.All() {
		m := a.modeOf(key, z, now)
		if m == nil {
			delete(a.modes, key)
			continue
		}
		a.modes[key] = m
		one := Mode{Zone: z.Name.Bare(), key: key, Rule: z.NoQuorum, Since: m.since}
		if m.rule.Mode == state.NoQuorumLocal {
			endpoints := zoneEndpoints(a.base, z)
			a.look(m, endpoints, seen)
			one.Own, counts[key] = a.ownCounts(m, endpoints)
		}
		out = append(out, one)
	}
	return out, counts, seen
}

// modeOf is a zone's rule if it is in effect. It begins after the rule's time without a leader. Refusing ends once a
// leader is back and this node has caught up; own counts end endpoint by endpoint.
func (a *answering) modeOf(key string, z *state.Zone, now time.Time) *mode {
	m, leaderless := a.modes[key], a.lead.silence >= z.NoQuorum.After
	switch {
	case z.NoQuorum.Mode != state.NoQuorumRefuse && z.NoQuorum.Mode != state.NoQuorumLocal:
		return nil
	case leaderless && (m == nil || m.back):
		return &mode{rule: z.NoQuorum, since: now, base: a.base, ended: map[string]bool{}, down: map[string]bool{}}
	case leaderless || m == nil:
		return m
	}
	m.back = true
	if !a.lead.caught {
		return m
	}
	if m.rule.Mode == state.NoQuorumRefuse || a.endCounts(m, z) {
		return nil
	}
	return m
}

// endCounts ends own counts of the endpoints that a majority has voted on since, and says whether those were the last.
func (a *answering) endCounts(m *mode, z *state.Zone) (all bool) {
	all = true
	for _, e := range zoneEndpoints(a.base, z) {
		settled := a.lead.lasting >= max(e.Spec.WorstDetection(), state.LostAfter(e.Spec.Interval))+voteMargin
		if !m.ended[e.ID] && a.base.VotedSince(m.base, e.ID, settled) {
			m.ended[e.ID] = true
		}
		all = all && m.ended[e.ID]
	}
	return all
}

// look marks the endpoints that are seen up now, and takes note of those that are down. A count down begins to matter
// only while the latest probe fails and something else is seen up: as this node's own network goes and comes back, some
// counts turn before others, and that says nothing of the sites.
func (a *answering) look(m *mode, endpoints []*state.Endpoint, seen map[string]bool) {
	sees := false
	for _, e := range endpoints {
		o, good := a.opinion(e)
		if o == health.Up {
			delete(m.down, e.ID)
		}
		if o == health.Up && good || m.ended[e.ID] && e.Verdict == health.VerdictUp {
			seen[e.ID], sees = true, true
		}
	}
	for _, e := range endpoints {
		if o, good := a.opinion(e); o == health.Down && !good && sees {
			m.down[e.ID] = true
		}
	}
}

// ownCounts are the verdicts by which a zone goes, and for people those of them that are this node's own.
func (a *answering) ownCounts(m *mode, endpoints []*state.Endpoint) (own map[string]health.Opinion, verdicts map[string]health.Verdict) {
	own, verdicts = map[string]health.Opinion{}, map[string]health.Verdict{}
	for _, e := range endpoints {
		o, _ := a.opinion(e)
		switch {
		case m.ended[e.ID]:
			verdicts[e.ID] = e.Verdict
		case o == health.Up:
			own[e.ID], verdicts[e.ID] = o, health.VerdictUp
		case o == health.Down && m.down[e.ID]:
			own[e.ID], verdicts[e.ID] = o, health.VerdictDown
		}
	}
	return own, verdicts
}

// zoneEndpoints are the endpoints of the sites of a zone's groups, each once.
func zoneEndpoints(st *state.State, z *state.Zone) (out []*state.Endpoint) {
	seen := map[string]bool{}
	for _, name := range z.Groups {
		g, ok := st.Groups.Get(name)
		if !ok {
			continue
		}
		for _, id := range g.Sites {
			if site, ok := st.Sites.Get(id); ok && !seen[id] {
				seen[id] = true
				for _, e := range site.Endpoints {
					if endpoint, ok := st.Endpoints.Get(e); ok {
						out = append(out, endpoint)
					}
				}
			}
		}
	}
	return out
}

func (a *answering) tellModes(was, is []Mode) {
	has := func(in []Mode, m Mode) bool {
		return slices.ContainsFunc(in, func(o Mode) bool { return o.Zone == m.Zone && o.Rule.Mode == m.Rule.Mode })
	}
	for _, m := range is {
		if !has(was, m) {
			a.log.Warn("no leader: the zone is served by its no-quorum rule", "zone", m.Zone, "rule", m.Rule.Mode, "after", m.Rule.After)
		}
	}
	for _, m := range was {
		if !has(is, m) {
			a.log.Warn("the zone is served by the cluster's word again", "zone", m.Zone, "rule", m.Rule.Mode)
		}
	}
}
