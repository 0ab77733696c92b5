package raftstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// Recovering makes a cluster of some members out of one that lost its majority: what this node has, all of its log, is
// what counts, and the members that are given up are members no more. It is done on one of the survivors. The others
// follow it like any follower: the state goes on at an index and a term that no log of the old cluster has, so that it is
// ahead of whatever they hold, and they take it whole.
//
// Only Raft stops for it. This node answers all the while.
const (
	// recoveredGap is how far above its log a recovered state stands, in entries.
	recoveredGap = 1_000_000_000
	// recoveredTerms is the same for terms: nobody held so many elections without this node.
	recoveredTerms = 1_000_000
)

// ErrNoRecovery is a recovery that is refused: it is not needed, or it would lose more than it has to. Nothing was
// changed.
var ErrNoRecovery = errors.New("this cluster is not recovered here")

// Recovery is what recovering this node means.
type Recovery struct {
	Node      string
	Applied   uint64 // of the state
	LastIndex uint64 // of the log; entries above Applied may never have been acknowledged, and count from then on
	LastTerm  uint64
	Age       time.Duration // of the state
	Members   []state.Member
	Keep      []string // this node among them, in order
	Lose      []string
	Unknown   []string // of Keep, those that do not say how far their logs go
	Next      uint64   // the index at which the state goes on
}

// Confirmation is what a person types to have it done.
func (r *Recovery) Confirmation() string { return "lose " + strings.Join(r.Lose, " ") }

type recoveryRequest struct {
	plan *Recovery
	done chan error
}

// PlanRecovery says what recovering this node would do, and refuses what need not be, or should be done elsewhere; force
// goes past what the other members say. keep are the members that stay beside this one.
func (s *Store) PlanRecovery(ctx context.Context, keep []string, force bool) (*Recovery, error) {
	if leader, _, _ := s.Leader(); leader != "" {
		return nil, fmt.Errorf("%w: it has a leader, %q; take members out with failoverctl cluster remove", ErrNoRecovery, leader)
	}
	d := s.disk.Load()
	if d == nil {
		d = s.opened
	}
	if d == nil || s.isDamaged() {
		return nil, fmt.Errorf("%w: the log of this node cannot be used: recover another one", ErrNoRecovery)
	}
	r, err := s.recovery(d, keep)
	if err != nil {
		return nil, err
	}
	if s.port == nil || force {
		return r, nil
	}
	return r, s.askSurvivors(ctx, r)
}

func (s *Store) isDamaged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == PhaseDamaged
}

// recovery looks at what this node has.
func (s *Store) recovery(d *disk, keep []string) (*Recovery, error) {
	configuration, err := s.configuration(d)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's configuration: %w", err)
	}
	r := &Recovery{Node: s.cfg.ID, Applied: s.State().Index, Age: s.Age(), Members: members(configuration)}
	if r.LastIndex, r.LastTerm, err = lastEntry(d, s.snaps); err != nil {
		return nil, err
	}
	r.Next = r.LastIndex + recoveredGap
	keep = append(slices.Clone(keep), s.cfg.ID)
	for _, m := range r.Members {
		if slices.Contains(keep, m.ID) {
			r.Keep = append(r.Keep, m.ID)
		} else {
			r.Lose = append(r.Lose, m.ID)
		}
	}
	slices.Sort(r.Keep)
	slices.Sort(r.Lose)
	for _, id := range keep {
		if !slices.Contains(r.Keep, id) {
			return nil, fmt.Errorf("%w: %q is none of its members", ErrNoRecovery, id)
		}
	}
	if len(r.Lose) == 0 {
		return nil, fmt.Errorf("%w: every member would stay, so there is nothing to give up", ErrNoRecovery)
	}
	return r, nil
}

// askSurvivors makes sure that those that are given up do not answer, and that no survivor has more than this node.
func (s *Store) askSurvivors(ctx context.Context, r *Recovery) error {
	var others []string
	for _, m := range r.Members {
		if m.ID != s.cfg.ID {
			others = append(others, m.ID)
		}
	}
	for id, x := range s.standings(ctx, others) {
		switch kept := slices.Contains(r.Keep, id); {
		case x.err == nil && !kept:
			return fmt.Errorf("%w: node %q answers, so it is not lost: keep it, or end it for good first", ErrNoRecovery, id)
		case x.err == nil && (x.LastTerm > r.LastTerm || x.LastTerm == r.LastTerm && x.LastIndex > r.LastIndex):
			return fmt.Errorf("%w: the log of %q goes further (entry %d of term %d, here %d of term %d): recover that one, and keep this", ErrNoRecovery, id, x.LastIndex, x.LastTerm, r.LastIndex, r.LastTerm)
		case x.err != nil && kept:
			r.Unknown = append(r.Unknown, id)
		}
	}
	slices.Sort(r.Unknown)
	return nil
}

// Recover does what PlanRecovery planned. On a running node Raft ends and begins anew, and answers go on; of a Store that
// was opened and not started the directory is recovered. After an error nothing was changed, or the same may be tried
// again.
func (s *Store) Recover(ctx context.Context, r *Recovery) error {
	s.mu.Lock()
	started := s.started
	s.mu.Unlock()
	if !started {
		return s.rebuild(s.opened, r)
	}
	req := recoveryRequest{r, make(chan error, 1)}
	select {
	case s.recoveries <- req:
	case <-s.runEnded:
		return fmt.Errorf("%w: this node takes no part in the cluster", ErrNoRecovery)
	case <-ctx.Done():
		return fmt.Errorf("%w: Raft is not up: %w", ErrNoRecovery, ctx.Err())
	}
	select {
	case err := <-req.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, ctx.Err())
	}
}

// rebuild makes a snapshot of all that the log has, with the configuration that is left, and drops the log. Raft is not
// up. The term comes first and the log goes last: whatever is cut short in between is a node as it was, or a recovered one.
func (s *Store) rebuild(d *disk, r *Recovery) error {
	last, term, err := lastEntry(d, s.snaps)
	if err != nil {
		return err
	}
	if last != r.LastIndex {
		return fmt.Errorf("%w: its log goes to entry %d now, and not to %d: look again", ErrNoRecovery, last, r.LastIndex)
	}
	end, err := newest(d, s.snaps) // behind the state, where entries that do not change it follow
	if err != nil {
		return err
	}
	if err := replay(s.machine, d, max(s.State().Index, end.index)+1, last); err != nil {
		return err
	}
	if err := s.machine.halt(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoRecovery, err)
	}
	now, err := d.GetUint64(keyTerm)
	if err != nil && !isNotFound(err) {
		return err
	}
	term = max(term, now) + recoveredTerms
	if err := d.SetUint64(keyTerm, term); err != nil {
		return err
	}
	configuration := r.configuration()
	s.machine.StoreConfiguration(r.Next, configuration)
	if err := s.machine.halt(); err != nil {
		return err
	}
	if err := s.snapshotAt(r.Next, term, configuration); err != nil {
		return err
	}
	s.recorder.record(r.Next)
	first, err := d.FirstIndex()
	if err != nil || first == 0 {
		return err
	}
	return d.DeleteRange(first, last)
}

// configuration is that of the members who stay. This node votes, whatever it was.
func (r *Recovery) configuration() (c raft.Configuration) {
	for _, m := range r.Members {
		if !slices.Contains(r.Keep, m.ID) {
			continue
		}
		suffrage := raft.Nonvoter
		if m.Voter || m.ID == r.Node {
			suffrage = raft.Voter
		}
		c.Servers = append(c.Servers, raft.Server{Suffrage: suffrage, ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Address)})
	}
	return c
}

func (s *Store) snapshotAt(index, term uint64, c raft.Configuration) error {
	_, t := raft.NewInmemTransport(raft.ServerAddress(s.cfg.ID)) // for the form of addresses alone
	sink, err := s.snaps.Create(raft.SnapshotVersionMax, index, term, c, index, t)
	if err != nil {
		return fmt.Errorf("make a snapshot: %w", err)
	}
	return frozen{s.State()}.Persist(sink)
}
