package state

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"failoverdns/health"
)

// SessionOpen begins to count a node's votes at one check interval, for one process of it. Votes of an earlier
// session of the same node and interval are void.
type SessionOpen struct {
	Node     string        `json:"node"`
	Interval time.Duration `json:"interval"`
	Boot     string        `json:"boot"`
}

func (*SessionOpen) kind() kind { return kindSessionOpen }

func (c *SessionOpen) apply(t *txn) *Refusal {
	n, ok := t.s.Nodes.Get(c.Node)
	if !ok {
		return refuse(RefusedNotFound, "node %q is no member of this cluster", c.Node)
	}
	key := SessionKey(c.Node, c.Interval)
	if s, ok := t.s.Sessions.Get(key); ok && s.Boot == c.Boot || !n.Probe || !slices.Contains(t.s.Intervals(), c.Interval) {
		return nil // it is open; or the node left probing, or the last check of the interval went, while the command was under way
	}
	t.voidSession(c.Node, c.Interval)
	t.s.Sessions = t.s.Sessions.With(key, &Session{c.Node, c.Interval, t.s.Index, c.Boot})
	t.event(Event{Type: "session", Node: c.Node, Text: fmt.Sprintf("votes of %s on checks each %s count from now on", c.Node, c.Interval)})
	return nil
}

// SessionClose ends a session: the leader had no contact with the node. With Recount, which is set always but in logs of
// before there was such a field, the votes that are left decide. Where agree asks for fewer votes than a majority, a
// verdict down may otherwise stand on no vote at all for as long as the node is lost, since those who say up have said so.
type SessionClose struct {
	Node     string        `json:"node"`
	Interval time.Duration `json:"interval"`
	Number   uint64        `json:"number"`
	Recount  bool          `json:"recount,omitempty" level:"2,drop"`
}

func (*SessionClose) kind() kind { return kindSessionClose }

func (c *SessionClose) apply(t *txn) *Refusal {
	key := SessionKey(c.Node, c.Interval)
	s, ok := t.s.Sessions.Get(key)
	if !ok || s.Number != c.Number {
		return nil
	}
	t.voidSession(c.Node, c.Interval)
	t.s.Sessions = t.s.Sessions.Without(key)
	t.event(Event{Type: "session", Node: c.Node, Text: fmt.Sprintf("votes of %s on checks each %s are void: no contact", c.Node, c.Interval)})
	if c.Recount {
		t.recountInterval(c.Interval)
	}
	return nil
}

// recountInterval decides the endpoints of an interval again. Votes were only taken away, so none can become down.
func (t *txn) recountInterval(interval time.Duration) {
	for id, e := range t.s.Endpoints.All() {
		if e.Spec.Interval == interval {
			t.decide(id)
		}
	}
}

// voidSession turns a node's votes at one interval to none. No verdict changes by that.
func (t *txn) voidSession(node string, interval time.Duration) {
	for key, e := range t.s.Endpoints.All() {
		if e.Spec.Interval != interval {
			continue
		}
		if without := dropVote(e.Votes, node); len(without) != len(e.Votes) {
			next := *e
			next.Votes = without
			t.s.Endpoints = t.s.Endpoints.With(key, &next)
		}
	}
}

// Votes carries changes of one node's opinions. Votes of a closed session or an old revision are ignored.
type Votes struct {
	Node  string `json:"node"`
	Votes []Cast `json:"votes"`
}

// Cast is one changed opinion. SinceFirst is the time from the run's first failed probe to the sending of the vote.
type Cast struct {
	Endpoint   string         `json:"endpoint"`
	Revision   uint64         `json:"revision"`
	Session    uint64         `json:"session"`
	Opinion    health.Opinion `json:"opinion"`
	Reason     health.Reason  `json:"reason,omitempty"`
	Detail     string         `json:"detail,omitempty"`
	SinceFirst time.Duration  `json:"since_first,omitempty"`
}

func (*Votes) kind() kind { return kindVotes }

func (c *Votes) apply(t *txn) *Refusal {
	for i := range c.Votes {
		t.cast(c.Node, &c.Votes[i])
	}
	t.countIn(c.Node)
	return nil
}

func (t *txn) cast(node string, c *Cast) {
	e, ok := t.s.Endpoints.Get(c.Endpoint)
	if !ok || e.Revision != c.Revision {
		return
	}
	s, ok := t.s.Sessions.Get(SessionKey(node, e.Spec.Interval))
	if !ok || s.Number != c.Session {
		return
	}
	if e.hasVote(node, c) {
		return
	}
	next := *e
	next.Votes = dropVote(e.Votes, node)
	v := Vote{Node: node, Session: c.Session, Opinion: c.Opinion, Reason: c.Reason, Detail: c.Detail, At: t.s.Clock}
	if c.Opinion == health.Down {
		v.FirstFailed = max(0, t.s.Clock-c.SinceFirst)
	}
	if c.Opinion == health.Up || c.Opinion == health.Down {
		next.Votes = append(next.Votes, v)
		slices.SortFunc(next.Votes, func(a, b Vote) int { return cmp.Compare(a.Node, b.Node) })
	}
	t.s.Endpoints = t.s.Endpoints.With(e.ID, &next)
	t.event(Event{Type: "vote", Endpoint: e.ID, Site: e.Site, Node: node, Reason: string(c.Reason), Text: voteText(node, e.ID, c)})
	t.decide(e.ID)
}

// hasVote says whether a vote stands already, as when it was sent twice: its times stay those of the first.
func (e *Endpoint) hasVote(node string, c *Cast) bool {
	for _, v := range e.Votes {
		if v.Node == node {
			return v.Session == c.Session && v.Opinion == c.Opinion && v.Reason == c.Reason && v.Detail == c.Detail
		}
	}
	return c.Opinion == health.None
}

func voteText(node, endpoint string, c *Cast) string {
	text := fmt.Sprintf("%s votes %s on %s", node, c.Opinion, endpoint)
	if c.Reason != "" {
		text += ": " + string(c.Reason)
	}
	if c.Detail != "" {
		text += " (" + c.Detail + ")"
	}
	return text
}

// voteCounts says whether a vote is of a counting node that is not muted.
func (s *State) voteCounts(v *Vote) bool {
	n, ok := s.Nodes.Get(v.Node)
	return ok && n.Prober() && !s.Overrides.Has(OverrideKey(ScopeNode, v.Node))
}

// Tally counts the votes that make an endpoint's verdict.
func (s *State) Tally(e *Endpoint) (ups, downs int) {
	for _, v := range e.Votes {
		if !s.voteCounts(&v) {
			continue
		}
		switch v.Opinion {
		case health.Up:
			ups++
		case health.Down:
			downs++
		}
	}
	return ups, downs
}

// decide brings an endpoint's verdict to what the votes say.
func (t *txn) decide(id string) {
	e, _ := t.s.Endpoints.Get(id)
	ups, downs := t.s.Tally(e)
	n := t.s.Probers()
	verdict := health.Decide(e.Verdict, e.Agree, n, ups, downs)
	if verdict == e.Verdict {
		return
	}
	next := *e
	next.Verdict, next.Since, next.Wall, next.Index, next.Presumed = verdict, t.s.Clock, t.s.Wall, t.s.Index, false
	t.s.Endpoints = t.s.Endpoints.With(id, &next)
	t.decided = append(t.decided, &next)
	t.event(Event{Type: "verdict", Endpoint: id, Site: e.Site, Text: fmt.Sprintf("%s is %s: %d of %d nodes up, %d down (%s)", id, verdict, ups, n, downs, voters(next.Votes))})
	t.touchSite(e.Site)
}

// voters writes votes as "ns1 down refused, ns2 up".
func voters(votes []Vote) string {
	var parts []string
	for _, v := range votes {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s %s", v.Node, v.Opinion, v.Reason)))
	}
	return strings.Join(parts, ", ")
}
