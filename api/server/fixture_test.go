package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"failoverdns/archive"
	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/raftstore"
	"failoverdns/record"
	"failoverdns/state"
)

// start is the wall time of the fixtures' first command.
var start = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// world is a cluster of three in one process: the real state, and a Node over it.
type world struct {
	t  *testing.T
	mu sync.Mutex // guards the rest

	st      *state.State
	changed chan struct{} // closed at each change
	clock   state.Clock
	noRaft  error                   // of Propose and ReadIndex
	status  node.Status             // but for ID and state
	lost    map[string]bool         // members that do not answer
	peer    map[string]*node.Report // members that answer otherwise than this one
	latest  map[string]node.Latest
	words   state.Local // of this node alone
	local   node.Local  // the same, for people

	changes []raftstore.Change // of members, as asked for
	guard   *state.Refusal     // what refuses them without force
	outlook *raftstore.Outlook // what a plan of one foresees
	joined  []string
	shut    error // of Join
	hooks   []node.Webhook

	recovered []string
}

// Archive implements Node.
func (w *world) Archive() (archive.Meta, []byte, error) {
	st := w.State()
	var b bytes.Buffer
	err := st.Encode(&b)
	return archive.Meta{Cluster: "c1", Node: "ns1", Time: start, Index: st.Index, Term: 4, Hash: fmt.Sprintf("%016x", st.Hash), Level: 2, Program: "1.0.0"}, b.Bytes(), err
}

// PlanRecovery implements Node: ns1 is what is left.
func (w *world) PlanRecovery(_ context.Context, keep []string, _ bool) (*raftstore.Recovery, error) {
	if w.noRaft == nil {
		return nil, fmt.Errorf("%w: it has a leader", raftstore.ErrNoRecovery)
	}
	return &raftstore.Recovery{Node: "ns1", Applied: 40, LastIndex: 42, LastTerm: 4, Next: 1_000_000_042, Keep: append(keep, "ns1"), Lose: []string{"ns2", "ns3"}}, nil
}

// Recover implements Node.
func (w *world) Recover(_ context.Context, r *raftstore.Recovery, author, _, reason string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recovered = append(w.recovered, author+": "+reason+": "+r.Confirmation())
	return nil
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, st: state.New(), changed: make(chan struct{}), lost: map[string]bool{}, peer: map[string]*node.Report{}, latest: map[string]node.Latest{}}
	w.status = node.Status{Status: raftstore.Status{Leader: "ns1", Raft: "leader", Term: 4, Phase: raftstore.PhaseRunning}, ID: "ns1", Version: "1.0.0", Quorum: true, Ready: true,
		Contact: map[string]time.Duration{"ns2": 40 * time.Millisecond, "ns3": 55 * time.Millisecond}}
	members := []state.Member{{ID: "ns1", Address: "192.0.2.1:7053", Voter: true}, {ID: "ns2", Address: "192.0.2.2:7053", Voter: true}, {ID: "ns3", Address: "192.0.2.3:7053", Voter: true}}
	w.st, _ = w.st.Configure(1, members)
	for _, m := range members {
		w.must(&state.Announce{ID: m.ID, Incarnation: "i-" + m.ID, Role: state.Voter, Probe: true, Version: "1.0.0", Admin: "http://127.0.0.1:8053"})
	}
	return w
}

// declared is a world with one zone: azure before aws, both probed.
func declared(t *testing.T) *world {
	w := newWorld(t)
	w.must(&state.Declare{Node: "ns1", Incarnation: "i-ns1", Declarations: []*state.Declaration{declaration(health.Failback{Mode: health.FailbackAuto})}})
	w.probing()
	w.pass(2 * time.Hour)
	return w
}

// probing opens sessions, and has all nodes vote up.
func (w *world) probing() {
	for _, n := range []string{"ns1", "ns2", "ns3"} {
		w.must(&state.SessionOpen{Node: n, Interval: health.DefaultInterval, Boot: "b-" + n})
	}
	for id := range w.st.Endpoints.All() {
		w.vote(id, health.Up, "", "")
	}
}

func declaration(failback health.Failback) *state.Declaration {
	zone := record.MustParseName("auth.example.com")
	sub := func(s string) record.Name { return record.MustParseName(s + ".auth.example.com") }
	site := func(name string, addresses ...string) state.SiteDecl {
		check, err := health.ParseURL("https://login.auth.example.com/healthz")
		if err == nil {
			err = check.Complete()
		}
		if err != nil {
			panic(err)
		}
		d := state.SiteDecl{Name: name, MinHealthy: 1, Checks: []state.CheckDecl{{Name: "https", Check: check}}}
		for _, a := range addresses {
			d.Addresses = append(d.Addresses, netip.MustParseAddr(a))
		}
		return d
	}
	return &state.Declaration{
		Zone: zone, Source: "Corefile:2", NoQuorum: state.NoQuorum{Mode: state.NoQuorumHold},
		SOA: state.SOA{TTL: 60, MName: sub("ns1"), RName: sub("hostmaster"), Refresh: 3600, Retry: 600, Expire: 604800, Minimum: 60},
		Sets: []record.Set{
			{Name: zone, Type: record.NS, TTL: 3600, Data: [][]byte{[]byte(sub("ns1"))}},
			{Name: sub("ns1"), Type: record.A, TTL: 3600, Data: [][]byte{{192, 0, 2, 1}}},
			{Name: sub("*.dev"), Type: record.A, TTL: 60, Data: [][]byte{{192, 0, 2, 9}}},
			{Name: sub("www"), Type: record.CNAME, TTL: 60, Data: [][]byte{[]byte(sub("login"))}},
			{Name: sub("child"), Type: record.NS, TTL: 60, Data: [][]byte{[]byte(sub("ns1"))}},
			{Name: sub("a.deep"), Type: record.A, TTL: 60, Data: [][]byte{{192, 0, 2, 8}}},
		},
		Sites: []state.SiteDecl{site("azure", "203.0.113.10"), site("aws", "198.51.100.20")},
		Groups: []state.GroupDecl{{
			Name: "auth.example.com", Sites: []string{"azure", "aws"}, Failback: failback, AllDown: state.AllDownPrimary,
			Cells: []state.CellDecl{{Names: []record.Name{zone, sub("login"), sub("api")}, TTL: 60}},
		}},
	}
}

const (
	azure = "azure/https@203.0.113.10"
	aws   = "aws/https@198.51.100.20"
)

// must applies a command and fails the test where it is refused.
func (w *world) must(b state.Body) {
	w.t.Helper()
	res := w.apply(state.Command{Header: state.Header{Author: "ana@ops"}, Body: b})
	if res.Refusal != nil {
		w.t.Fatalf("%T refused: %v", b, res.Refusal)
	}
}

func (w *world) apply(c state.Command) state.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.Clock, c.Wall = w.clock, start.Add(w.clock)
	next, res := w.st.Apply(w.st.Index+1, c)
	w.st = next
	close(w.changed)
	w.changed = make(chan struct{})
	return res
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	w.clock += d
	w.mu.Unlock()
	w.must(&state.Due{})
}

func (w *world) vote(endpoint string, o health.Opinion, reason health.Reason, detail string) {
	for _, n := range []string{"ns1", "ns2", "ns3"} {
		e, _ := w.st.Endpoints.Get(endpoint)
		s, _ := w.st.Sessions.Get(state.SessionKey(n, e.Spec.Interval))
		w.must(&state.Votes{Node: n, Votes: []state.Cast{{Endpoint: endpoint, Revision: e.Revision, Session: s.Number, Opinion: o, Reason: reason, Detail: detail, SinceFirst: 24 * time.Second}}})
	}
}

// fail has all nodes vote an endpoint down.
func (w *world) fail(endpoint string) {
	w.vote(endpoint, health.Down, health.Timeout, "no answer within 4s")
}

func (w *world) State() *state.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.st
}

func (w *world) Answered() node.Answered {
	st := w.State()
	if len(w.words.Pins)+len(w.words.Counts) > 0 {
		st = st.View(w.words, nil).State
	}
	return node.Answered{State: st, Local: w.local}
}

func (w *world) Wait(ctx context.Context, index uint64) error {
	for {
		w.mu.Lock()
		done, changed := w.st.Index >= index, w.changed
		w.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *world) ReadIndex(context.Context) (uint64, error) {
	if w.noRaft != nil {
		return 0, w.noRaft
	}
	return w.State().Index, nil
}

func (w *world) Propose(_ context.Context, c state.Command) (state.Result, error) {
	if w.noRaft != nil {
		return state.Result{}, w.noRaft
	}
	return w.apply(c), nil
}

func (w *world) ChangeMembers(_ context.Context, c raftstore.Change) (raftstore.Outcome, error) {
	w.changes = append(w.changes, c)
	switch {
	case w.noRaft != nil:
		return raftstore.Outcome{}, w.noRaft
	case c.Plan:
		return raftstore.Outcome{Index: w.State().Index, Refusal: w.guard, Outlook: w.outlook}, nil
	case w.guard != nil && !c.Force:
		return raftstore.Outcome{Refusal: w.guard}, nil
	}
	res := w.apply(state.Command{Header: state.Header{Author: c.Author}, Body: &state.ChangeMember{Op: string(c.Op), Node: c.Node, Reason: c.Reason, Force: c.Force}})
	return raftstore.Outcome{Index: res.Index, Refusal: res.Refusal}, nil
}

func (w *world) Join(_ context.Context, address, token string) error {
	w.joined = append(w.joined, address+" "+token)
	return w.shut
}

func (w *world) CAPin() string { return strings.Repeat("ab", 32) }

func (w *world) Status() node.Status { return w.status }

func (w *world) Latest(endpoint string) (node.Latest, bool) {
	l, ok := w.latest[endpoint]
	return l, ok
}

func (w *world) Reports(context.Context) (out []node.Report) {
	st := w.State()
	for id := range st.Nodes.All() {
		p := node.Report{ID: id, Reachable: true, Version: "1.0.0", Index: st.Index, Hash: 0x3664c66ac81a1def, StateAge: w.status.StateAge, Level: 2, Contact: 40 * time.Millisecond, Active: map[string]string{}}
		for name, g := range st.Groups.All() {
			p.Active[name] = g.Active
		}
		if id == w.status.Leader {
			p.Contact, p.Heard = 0, map[string]time.Duration{"ns1": 0, "ns2": 1200 * time.Millisecond, "ns3": 95 * time.Second}
		}
		if w.lost[id] {
			p = node.Report{ID: id, Error: "connect: connection refused"}
		}
		if other := w.peer[id]; other != nil {
			p = *other
		}
		out = append(out, p)
	}
	return out
}

func (w *world) Swaps(_ context.Context, index uint64) (out []node.NodeSwap) {
	for id := range w.State().Nodes.All() {
		s := node.NodeSwap{Node: id, Swap: node.Swap{Index: index, Apply: 61 * time.Microsecond, Swapped: 4812 * time.Microsecond}}
		switch {
		case w.lost[id]:
			s = node.NodeSwap{Node: id, Error: "connect: connection refused"}
		case id == "ns1":
			s.Leader, s.Commit, s.Swapped = true, 3120*time.Microsecond, 3190*time.Microsecond
		case id == "ns2":
			s.Proposed = 5540 * time.Microsecond
		}
		out = append(out, s)
	}
	return out
}

func (w *world) Webhooks() []node.Webhook { return w.hooks }

func (w *world) TryWebhook(_ context.Context, name string) error {
	switch name {
	case "pager":
		return nil
	case "chat":
		return errors.New("it answered 403 Forbidden")
	}
	return node.ErrNoWebhook
}

func (w *world) Lookup(name record.Name, t record.Type) node.Lookup {
	st := w.State()
	for _, z := range st.Zones.All() {
		g, cell, ok := st.CellOf(z, name)
		if !ok || t != record.A {
			continue
		}
		var out node.Lookup
		for _, a := range g.Answers[cell].A {
			out.Answer = append(out.Answer, fmt.Sprintf("%s\t%d\tIN\tA\t%s", name, g.Cells[cell].TTL, a))
		}
		out.RCode = "NOERROR"
		return out
	}
	return node.Lookup{RCode: "NOERROR"}
}

// server is the API over a world whose wall clock stands 20 s after its last change.
func (w *world) server() *Server {
	s := New(w, slog.New(slog.DiscardHandler))
	s.now = func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return start.Add(w.clock + 20*time.Second)
	}
	return s
}

var _ Node = (*world)(nil)
