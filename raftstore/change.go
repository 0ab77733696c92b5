package raftstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// pathChange takes a change of members to the leader.
const pathChange = "/raftstore/v1/change"

// configTimeout bounds the wait for an earlier change of Raft's configuration to be committed.
const configTimeout = 10 * time.Second

// Change asks for one change of the cluster's membership.
type Change struct {
	Op     Op     `json:"op"`
	Node   string `json:"node"` // with Transfer it may be empty: whoever takes the lead
	Force  bool   `json:"force,omitempty"`
	Plan   bool   `json:"plan,omitempty"` // change nothing; say what it would do, and what refuses it
	Author string `json:"author,omitempty"`
	Source string `json:"source,omitempty"` // the address that the request came from
	Reason string `json:"reason,omitempty"`
	ID     string `json:"id,omitempty"` // request ID

	Entered string `json:"entered,omitempty"` // the node that was asked; set by ChangeMembers
}

// ChangeMembers does one change, by way of the leader, and returns when it is committed. Errors are as those of
// Propose; a refusal is no error.
func (s *Store) ChangeMembers(ctx context.Context, c Change) (Outcome, error) {
	c.Entered = s.cfg.ID
	giveUp := time.Now().Add(leaderWait)
	for {
		out, err := s.changeOnce(ctx, c)
		if err == nil || !errors.Is(err, errNotHere) {
			return out, err
		}
		if time.Now().After(giveUp) {
			return Outcome{}, s.noLeader(err)
		}
		if stop := s.breathe(ctx); stop != nil {
			return Outcome{}, fmt.Errorf("%w: %w", s.noLeader(err), stop)
		}
	}
}

func (s *Store) changeOnce(ctx context.Context, c Change) (Outcome, error) {
	id, _, self := s.Leader()
	switch {
	case s.ctx.Err() != nil:
		return Outcome{}, ErrStopped
	case self:
		return s.changeHere(ctx, c)
	case id == "" || id == s.cfg.ID:
		return Outcome{}, errNotHere
	}
	b, err := json.Marshal(c)
	if err != nil {
		return Outcome{}, fmt.Errorf("encode a change of members: %w", err)
	}
	out, err := s.toLeader(ctx, id, pathChange, "application/json", b)
	if err == nil && out.Refusal == nil {
		wait, cancel := context.WithTimeout(ctx, catchUp)
		defer cancel()
		_ = s.WaitIndex(wait, out.Index) // it is committed whether this node has caught up or not
	}
	return out, err
}

func (s *Store) serveChange(w http.ResponseWriter, r *http.Request) {
	var c Change
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := s.changeHere(r.Context(), c)
	answerJSON(w, proposalOf(out, err))
}

// changeHere does a change on this leader: one at a time, so that each looks at what the one before it left.
func (s *Store) changeHere(ctx context.Context, c Change) (Outcome, error) {
	if err := s.changes.take(ctx); err != nil {
		return Outcome{}, err
	}
	defer s.changes.pass()
	r, _, ok := s.leading()
	if !ok {
		return Outcome{}, errNotHere
	}
	seen := s.roster(r)
	if c.Op == Transfer && c.Node == "" {
		c.Node = s.heirOf(seen)
	}
	if c.Plan {
		return s.planOf(&seen, c), nil
	}
	if known, ok := s.State().Requests.Get(c.ID); ok && c.ID != "" && known.Refusal == nil && seen.has(c) {
		return Outcome{Index: known.Index}, nil // a repeated request that went through
	}
	if refused := seen.refuse(c.Op, c.Node); refused != nil && !(c.Force && refused.Code == state.RefusedUnsafe) {
		s.keepRefused(ctx, c, refused)
		return Outcome{Index: s.State().Index, Refusal: refused}, nil
	}
	if c.Node == s.cfg.ID && c.Op != Promote && s.stepAside(ctx, r) {
		return Outcome{}, fmt.Errorf("%w: it has handed the lead over, to be changed itself", errNotHere)
	}
	if out, err := s.record(ctx, c); err != nil || out.Refusal != nil {
		return out, err
	}
	return s.configure(ctx, r, c)
}

// record keeps who asks for a change. Where a member cannot apply that, or is away and cannot say, the change is made
// all the same: it may be that very member's removal.
func (s *Store) record(ctx context.Context, c Change) (Outcome, error) {
	body := &state.ChangeMember{Op: string(c.Op), Node: c.Node, Reason: c.Reason, Force: c.Force}
	out, err := s.proposeHere(ctx, state.Command{Header: state.Header{ID: c.ID, Author: c.Author, Source: c.Source, Node: c.Entered}, Body: body})
	if errors.Is(err, ErrTooOld) {
		s.log.Warn("a change of members is not recorded", "change", c.Op, "node", c.Node, "author", c.Author, "error", err)
		return Outcome{}, nil
	}
	return out, err
}

// keepRefusedTimeout bounds the wait for a refusal's place in the audit trail: the majority may be what is lacking.
const keepRefusedTimeout = 2 * time.Second

// keepRefused puts a change that was refused into the audit trail, where all other writes that are refused stand.
func (s *Store) keepRefused(ctx context.Context, c Change, r *state.Refusal) {
	ctx, cancel := context.WithTimeout(ctx, keepRefusedTimeout)
	defer cancel()
	n := state.Note{Action: "member-" + string(c.Op), Target: c.Node, Reason: c.Reason, Force: c.Force, Outcome: r.Code, Text: r.Text}.Fitting()
	if _, err := s.proposeHere(ctx, state.Command{Header: state.Header{Author: c.Author, Source: c.Source, Node: c.Entered}, Body: n}); err != nil {
		s.log.Warn("a refused change of members is not in the audit trail", "change", c.Op, "node", c.Node, "author", c.Author, "refusal", r.Text, "error", err)
	}
}

// has says whether a change has taken effect already.
func (r *roster) has(c Change) bool {
	voter, member := r.members[c.Node]
	switch c.Op {
	case Promote:
		return voter
	case Demote:
		return member && !voter
	case Remove:
		return !member
	default:
		return c.Node == r.leader
	}
}

// stepAside hands the lead over, and says whether another one took it.
func (s *Store) stepAside(ctx context.Context, r *raft.Raft) bool {
	s.handOver(ctx, r)
	return r.State() != raft.Leader
}

func (s *Store) heirOf(seen roster) string {
	for _, id := range seen.ids() {
		if id != seen.leader && seen.members[id] && seen.alive[id] {
			return id
		}
	}
	return seen.leader // refused, with the reason
}

// configure has Raft do it.
func (s *Store) configure(ctx context.Context, r *raft.Raft, c Change) (Outcome, error) {
	id, address := raft.ServerID(c.Node), raft.ServerAddress(s.memberAddress(c.Node))
	var f raft.Future
	switch c.Op {
	case Promote:
		f = r.AddVoter(id, address, 0, configTimeout)
	case Demote:
		f = r.DemoteVoter(id, 0, configTimeout)
	case Remove:
		f = r.RemoveServer(id, 0, configTimeout)
	case Transfer:
		return s.transferTo(ctx, r, id, address)
	default:
		return Outcome{}, fmt.Errorf("a member is not changed by %q", c.Op)
	}
	if err := await(ctx, f); err != nil {
		return Outcome{}, judge(err)
	}
	out := Outcome{Index: s.State().Index}
	if entry, ok := f.(raft.IndexFuture); ok {
		out.Index = entry.Index()
		s.hurry(r)
		return out, s.WaitIndex(ctx, out.Index)
	}
	return out, nil
}

// await waits for a future of Raft, or for the context.
func await(ctx context.Context, f raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// memberAddress is where Raft's configuration has a member.
func (s *Store) memberAddress(id string) string {
	for _, m := range s.servers() {
		if m.ID == id {
			return m.Address
		}
	}
	return ""
}

// roster asks all members how they are.
func (s *Store) roster(r *raft.Raft) roster {
	var peers []Peer
	seen := roster{leader: s.cfg.ID, members: map[string]bool{}, alive: map[string]bool{s.cfg.ID: true}, behind: map[string]uint64{}, unaware: map[string]bool{}, roles: map[string]state.Role{}}
	for _, m := range members(r.GetConfiguration().Configuration()) {
		peers = append(peers, Peer{m.ID, m.Address})
		seen.members[m.ID] = m.Voter
		if role, ok := s.roleOf(m.ID); ok {
			seen.roles[m.ID] = role
		}
	}
	for id, a := range s.askAll(peers) {
		seen.alive[id] = a.err == nil && a.hello.HasState
		seen.unaware[id] = seen.alive[id] && seen.hasStrangerTo(a.hello.Voters)
		if commit := r.CommitIndex(); a.hello.Last < commit {
			seen.behind[id] = commit - a.hello.Last
		}
	}
	return seen
}

// roleOf is a member's role by its own word, or before that by its token.
func (s *Store) roleOf(id string) (role state.Role, ok bool) {
	st := s.State()
	if n, ok := st.Nodes.Get(id); ok {
		return n.Role, n.Announced || n.Role == state.Replica
	}
	if a, ok := st.Admissions.Get(id); ok {
		return a.Role, true
	}
	return "", false
}
