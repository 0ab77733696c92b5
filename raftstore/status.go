package raftstore

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// Phase is where a node is in its life.
type Phase string

// The phases. Only in PhaseRunning a node takes part in the cluster in full.
const (
	PhaseStarting Phase = "starting" // opened, not started
	PhaseWaiting  Phase = "waiting"  // first start: for the nodes in Status.Waiting
	PhaseRunning  Phase = "running"
	PhaseDamaged  Phase = "damaged" // its log does not reach what it had applied; remove it, then join
	PhaseWiped    Phase = "wiped"   // the cluster knows it by another data directory; remove it, then join
	PhaseRemoved  Phase = "removed" // the cluster does not list it any more
	PhaseHalted   Phase = "halted"  // it met what it cannot apply, and applies nothing more
	PhaseFault    Phase = "fault"   // the disk failed; the log is being opened anew
)

// Status is this node's view of itself and of the cluster.
type Status struct {
	Phase   Phase
	Detail  string   // why, and the way out; empty when running
	Waiting []Wait   // whom the first start waits for
	Removed *Removal // only in PhaseRemoved

	Raft        string // follower, candidate, leader, shutdown; empty while Raft is not up
	Leader      string // node ID; empty if none is known
	Self        bool   // this node leads and is ready for it
	Term        uint64
	LastIndex   uint64        // of the log
	Commit      uint64        // as this node knows it
	Applied     uint64        // of the state
	LastContact time.Duration // since the leader's last word; 0 on the leader, negative if there was none
	Voters      int
	// Tolerance is how many more voters may be lost before there is no majority: on the leader of those that it
	// reaches, elsewhere of all. Negative without a majority.
	Tolerance int
	Refused   map[string]uint64 // connections, by reason: busy, handshake, not-a-member
}

// Member is a server of the cluster.
type Member struct {
	state.Member
	Leader bool
	// Unreached is how long the leader has had no contact with it; 0 if it has, or if this node is not the leader.
	Unreached time.Duration
}

func (s *Store) setPhase(p Phase, detail string, waits []Wait) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.detail, s.waits = p, detail, waits
}

// Status never waits for Raft or the disk.
func (s *Store) Status() Status {
	s.mu.Lock()
	st := Status{Phase: s.phase, Detail: s.detail, Waiting: slices.Clone(s.waits)}
	s.mu.Unlock()
	st.Applied = s.State().Index
	st.Leader, _, st.Self = s.Leader()
	if s.port != nil {
		s.port.mu.Lock()
		st.Refused = maps.Clone(s.port.refused)
		s.port.mu.Unlock()
	}
	if r := s.raft.Load(); r != nil {
		s.raftStatus(r, &st)
	}
	if err := s.machine.halt(); err != nil {
		st.Phase, st.Detail = PhaseHalted, fmt.Sprintf("%v; %s", err, wayOut(err))
	}
	return st
}

func (s *Store) raftStatus(r *raft.Raft, st *Status) {
	st.Raft = lower(r.State())
	st.Term, st.LastIndex, st.Commit = r.CurrentTerm(), r.LastIndex(), r.CommitIndex()
	switch last := r.LastContact(); {
	case st.Self:
	case last.IsZero():
		st.LastContact = -1
	default:
		st.LastContact = time.Since(last)
	}
	members := s.Members()
	listed, reached := len(members) == 0, 0
	for _, m := range members {
		listed = listed || m.ID == s.cfg.ID
		if !m.Voter {
			continue
		}
		st.Voters++
		if m.Unreached == 0 {
			reached++
		}
	}
	st.Tolerance = reached - (st.Voters/2 + 1)
	if (!listed && !s.awaited.Load() || s.removed.Load()) && st.Phase == PhaseRunning {
		st.Phase, st.Detail, st.Removed = PhaseRemoved, "the cluster does not list this node any more; it answers with what it had", s.removal()
	}
}

func lower(s raft.RaftState) string {
	switch s {
	case raft.Follower:
		return "follower"
	case raft.Candidate:
		return "candidate"
	case raft.Leader:
		return "leader"
	default:
		return "shutdown"
	}
}

// Members lists the cluster's servers by ID, as Raft's latest configuration has them; before Raft is up, as the state
// does.
func (s *Store) Members() []Member {
	r := s.raft.Load()
	leader, _, self := s.Leader()
	var out []Member
	if r == nil {
		for id, n := range s.State().Nodes.All() {
			out = append(out, Member{Member: state.Member{ID: id, Address: n.Address, Voter: n.Suffrage == "voter"}})
		}
		return out
	}
	for _, m := range members(r.GetConfiguration().Configuration()) {
		one := Member{Member: m, Leader: m.ID == leader}
		if self {
			one.Unreached = s.reach.since(m.ID)
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// reach knows which members' heartbeats fail, on the leader.
type reach struct {
	mu    sync.Mutex           // guards what follows
	began time.Time            // the present lead
	lost  map[string]time.Time // last contact
}

func newReach() *reach { return &reach{lost: map[string]time.Time{}} }

// observer does its work as Raft asks whether it wants an observation: nothing can be dropped on the way.
func (r *reach) observer() *raft.Observer {
	return raft.NewObserver(nil, false, func(o *raft.Observation) bool {
		r.take(o)
		return false
	})
}

func (r *reach) since(id string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.lost[id]; ok {
		return time.Since(at)
	}
	return 0
}

// take notes one observation of Raft. A heartbeat of a former lead may fail after this one has begun; nobody would say that
// it goes on again.
func (r *reach) take(o *raft.Observation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch d := o.Data.(type) {
	case raft.RaftState:
		if d == raft.Leader {
			r.began, r.lost = time.Now(), map[string]time.Time{}
		}
	case raft.FailedHeartbeatObservation:
		if !d.LastContact.Before(r.began) {
			r.lost[string(d.PeerID)] = d.LastContact
		}
	case raft.ResumedHeartbeatObservation:
		delete(r.lost, string(d.PeerID))
	}
}
