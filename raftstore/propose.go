package raftstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

const (
	// leaderWait is how long a command waits for a leader: an election of the WAN preset takes seven seconds on average.
	leaderWait = 10 * time.Second
	// enqueueTimeout bounds the wait for Raft to take a command.
	enqueueTimeout = 5 * time.Second
	// catchUp bounds the wait for this node to have applied what the leader has acknowledged.
	catchUp = 5 * time.Second
)

// The kinds of errors of Propose that a caller decides on. After ErrUnknownOutcome the command may have taken effect,
// now or later; with a request ID it is safe to repeat. After any other error it has no effect.
var (
	ErrUnknownOutcome = errors.New("outcome unknown")
	ErrNoLeader       = errors.New("no leader")
	ErrStopped        = errors.New("this node is stopping")
)

// errNotHere is a command that reached a node that does not lead, or not yet.
var errNotHere = errors.New("not the leader")

// errLeaderless is a command with a request ID that a leader was given which is gone: the next one may be given it, too.
var errLeaderless = errors.New("the leader is gone")

// Outcome is what became of a command.
type Outcome struct {
	Index   uint64
	Refusal *state.Refusal // nil if it took effect, or had nothing to do
	Outlook *Outlook       // of the plan of a change of members alone
}

// Propose gets a command committed, by way of the leader if that is another node, and returns when it was applied
// here, too (it gives up waiting for that, and only that, after some seconds). It stamps the clocks, and the node if
// it is not set. A change larger than an entry of the log travels in chunks, as if it were one command.
func (s *Store) Propose(ctx context.Context, c state.Command) (Outcome, error) {
	if c.Node == "" {
		c.Node = s.cfg.ID
	}
	stages, last, err := c.Split(s.State().FeatureLevel())
	switch {
	case err != nil:
		return Outcome{}, err
	case stages != nil:
		if err := s.askFor(ctx, c.Level()); err != nil { // chunks do not show what they are pieces of
			return Outcome{}, err
		}
		return s.proposeInChunks(ctx, stages, last)
	}
	return s.proposeWhole(ctx, c)
}

// proposeWhole proposes a command that fits into one entry, waiting for a leader if need be.
func (s *Store) proposeWhole(ctx context.Context, c state.Command) (Outcome, error) {
	until := time.Now().Add(leaderWait)
	given := false // a leader that is gone may have it in its log
	for {
		out, err := s.proposeOnce(ctx, c)
		given = given || errors.Is(err, errLeaderless)
		if err == nil || !errors.Is(err, errNotHere) && !errors.Is(err, errLeaderless) {
			return out, err
		}
		if err = s.giveUp(err, given); time.Now().After(until) {
			return Outcome{}, err
		}
		if stop := s.breathe(ctx); stop != nil {
			return Outcome{}, fmt.Errorf("%w: %w", err, stop)
		}
	}
}

// giveUp is what it means to try no more after an error.
func (s *Store) giveUp(last error, given bool) error {
	if given {
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, last)
	}
	return s.noLeader(last)
}

// breathe waits a moment before the next try.
func (s *Store) breathe(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ctx.Done():
		return ErrStopped
	case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)):
		return nil
	}
}

func (s *Store) noLeader(last error) error {
	if known := s.lead.last(); known != "" {
		return fmt.Errorf("%w (the last known is %q): %w", ErrNoLeader, known, last)
	}
	return fmt.Errorf("%w: %w", ErrNoLeader, last)
}

// proposeOnce tries the leader of now. An errNotHere means that the command did not get into any log.
func (s *Store) proposeOnce(ctx context.Context, c state.Command) (Outcome, error) {
	if s.ctx.Err() != nil {
		return Outcome{}, ErrStopped
	}
	id, _, self := s.Leader()
	switch {
	case self:
		return s.proposeHere(ctx, c)
	case id == "" || id == s.cfg.ID: // none, or this node before it is ready to lead
		return Outcome{}, errNotHere
	}
	out, err := s.forward(ctx, id, c)
	if _, chunk := c.Body.(*state.Stage); err == nil && !chunk {
		wait, cancel := context.WithTimeout(ctx, catchUp)
		defer cancel()
		_ = s.WaitIndex(wait, out.Index) // it is committed whether this node has caught up or not
	}
	return out, err
}

// proposeHere puts a command into the log of this leader, if every member can apply it.
func (s *Store) proposeHere(ctx context.Context, c state.Command) (Outcome, error) {
	if err := s.allow(ctx, c.Level()); err != nil {
		return Outcome{}, err
	}
	return s.put(ctx, c)
}

// put stamps a command and puts it into the log of this leader.
func (s *Store) put(ctx context.Context, c state.Command) (Outcome, error) {
	r, clock, ok := s.leading()
	if !ok {
		return Outcome{}, errNotHere
	}
	c = c.Within(s.State().FeatureLevel())
	c.Clock, c.Wall = clock, time.Now().UTC()
	b, err := c.Encode()
	if err != nil {
		return Outcome{}, err
	}
	f := r.Apply(b, enqueueTimeout)
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		return Outcome{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, ctx.Err())
	}
	if err != nil {
		return Outcome{}, judge(err)
	}
	switch res := f.Response().(type) {
	case state.Result:
		if len(res.Effect.Zones) > 0 {
			s.hurry(r)
		}
		return Outcome{Index: res.Index, Refusal: res.Refusal}, nil
	case error: // this leader has halted; what the command does elsewhere is not known here
		return Outcome{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, res)
	default:
		return Outcome{}, fmt.Errorf("%w: the state machine answered %T", ErrUnknownOutcome, res)
	}
}

// judge tells errors of Raft after which a command is in no log from those after which it may be. ErrEnqueueTimeout is
// of the first kind: Raft returns it only where it has not taken the command.
func judge(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress), errors.Is(err, raft.ErrEnqueueTimeout):
		return fmt.Errorf("%w: %w", errNotHere, err)
	default:
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
}

// hurry sends a barrier after a change of answers: followers learn the commit index with it at once, and otherwise a
// Timing.Commit or more later. Nobody waits for it.
func (s *Store) hurry(r *raft.Raft) {
	if len(r.GetConfiguration().Configuration().Servers) > 1 {
		go r.Barrier(enqueueTimeout)
	}
}

// proposal is the answer to a forwarded command.
type proposal struct {
	Index   uint64         `json:"index,omitempty"`
	Refusal *state.Refusal `json:"refusal,omitempty"`
	Outlook *Outlook       `json:"outlook,omitempty"`
	Fault   string         `json:"fault,omitempty"` // one of the fault constants
	Text    string         `json:"text,omitempty"`
}

const (
	faultNotHere = "not-here"
	faultUnknown = "unknown"
	faultInvalid = "invalid"
	faultTooOld  = "too-old"
)

// forward hands a command to the leader. The leader hands it to nobody: if it has lost the lead, it says so.
func (s *Store) forward(ctx context.Context, leader string, c state.Command) (Outcome, error) {
	b, err := c.Encode()
	if err != nil {
		return Outcome{}, err
	}
	ctx, cancel := s.whileLeads(ctx, leader)
	defer cancel()
	out, err := s.toLeader(ctx, leader, pathPropose, "application/octet-stream", b)
	if err != nil && !errors.Is(err, errNotHere) && c.ID != "" && errors.Is(context.Cause(ctx), errDeserted) {
		return Outcome{}, fmt.Errorf("%w: %w", errLeaderless, err)
	}
	return out, err
}

// toLeader hands the leader what it answers with a proposal.
func (s *Store) toLeader(ctx context.Context, leader, path, contentType string, body []byte) (Outcome, error) {
	answer, err := s.call(ctx, leader, http.MethodPost, path, contentType, body)
	var refused *CallError
	switch {
	case errors.As(err, new(unreached)), errors.As(err, &refused) && refused.Status < 500:
		return Outcome{}, fmt.Errorf("%w: %w", errNotHere, err)
	case err != nil:
		return Outcome{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	var p proposal
	if err := json.Unmarshal(answer, &p); err != nil {
		return Outcome{}, fmt.Errorf("%w: the leader's answer: %w", ErrUnknownOutcome, err)
	}
	switch p.Fault {
	case "":
		return Outcome{p.Index, p.Refusal, p.Outlook}, nil
	case faultNotHere:
		return Outcome{}, fmt.Errorf("%w: node %q: %s", errNotHere, leader, p.Text)
	case faultInvalid:
		if strings.HasPrefix(p.Text, state.ErrUnknownCommand.Error()) { // a leader of before there were levels
			return Outcome{}, tooOld(fmt.Sprintf("node %q%s, which leads, is too old for this (%s): upgrade it", leader, s.versionOf(leader), p.Text))
		}
		return Outcome{}, errors.New(p.Text)
	case faultTooOld:
		return Outcome{}, tooOld(p.Text)
	default:
		return Outcome{}, fmt.Errorf("%w: node %q: %s", ErrUnknownOutcome, leader, p.Text)
	}
}

func (s *Store) servePropose(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c, err := state.DecodeCommand(b)
	if err != nil {
		answerJSON(w, proposal{Fault: faultInvalid, Text: err.Error()})
		return
	}
	answerJSON(w, proposalOf(s.proposeHere(r.Context(), c)))
}

// proposalOf is what the leader answers.
func proposalOf(out Outcome, err error) proposal {
	p := proposal{Index: out.Index, Refusal: out.Refusal, Outlook: out.Outlook}
	switch {
	case err == nil:
	case errors.Is(err, errNotHere):
		p.Fault, p.Text = faultNotHere, err.Error()
	case errors.Is(err, ErrUnknownOutcome):
		p.Fault, p.Text = faultUnknown, err.Error()
	case errors.Is(err, ErrTooOld):
		p.Fault, p.Text = faultTooOld, err.Error()
	default:
		p.Fault, p.Text = faultInvalid, err.Error()
	}
	return p
}

// WaitIndex returns when the entry of that index is applied here.
func (s *Store) WaitIndex(ctx context.Context, index uint64) error {
	for {
		at, moved := s.machine.next()
		if at >= index {
			return nil
		}
		select {
		case <-moved:
		case <-s.ctx.Done():
			return ErrStopped
		case <-ctx.Done():
			return fmt.Errorf("wait for index %d, here is %d: %w", index, at, ctx.Err())
		}
	}
}
