package raftstore

import (
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// servers is Raft's latest configuration, or none.
func (s *Store) servers() []state.Member {
	if r := s.raft.Load(); r != nil {
		return members(r.GetConfiguration().Configuration())
	}
	return nil
}

// contacts are whom this node can ask about the cluster: Raft's configuration, or, before there is one, the configured
// peers and those that let it in.
func (s *Store) contacts() (out []Peer) {
	for _, m := range s.servers() {
		out = append(out, Peer{m.ID, m.Address})
	}
	if len(out) > 0 {
		return out
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.peers, s.sponsors)
}

// isMember says whether a node belongs to the cluster: it is in Raft's configuration, or, before there is one, in the
// state or among the configured peers.
func (s *Store) isMember(id string) bool {
	servers := s.servers()
	for _, m := range servers {
		if m.ID == id {
			return true
		}
	}
	if len(servers) > 0 {
		return false
	}
	if st := s.State(); st.Nodes.Len() > 0 {
		return st.Nodes.Has(id)
	}
	return s.isPeer(id)
}

func (s *Store) isPeer(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return addressOf(s.peers, id) != "" || addressOf(s.sponsors, id) != ""
}

// admit says who gets past the handshake: for Raft members only, and nobody before this node may take part; for calls
// the configured peers, too, so that a waiting or wiped node hears where it stands.
func (s *Store) admit(id, protocol string) bool {
	if protocol == protocolJoin {
		return true // the door bounds them, and their token is looked at behind it
	}
	member := s.isMember(id) || s.vouched.has(id)
	if protocol != protocolRaft {
		return member || s.isPeer(id)
	}
	if !s.isSettled() {
		s.sought.Store(&id)
		return false
	}
	if s.raft.Load() == nil {
		return false
	}
	if !member {
		s.askForVoucher(id)
	}
	return member
}

// membersChanged is told of each configuration that is committed.
func (s *Store) membersChanged() {
	if s.memberAddress(s.cfg.ID) != "" {
		s.awaited.Store(false)
	}
	s.dropStrangers()
}

// dropStrangers closes the connections of nodes that are no members any more.
func (s *Store) dropStrangers() {
	if s.port != nil {
		go s.port.drop(func(id, protocol string) bool { return s.servers() != nil && !s.admit(id, protocol) })
	}
}

func (s *Store) isSettled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settled
}

// covered says whether everything up to a commit index that means anything to the state is applied here. What lies
// between it and the state's index are barriers and the like, or it is not.
func (s *Store) covered(commit uint64) bool {
	st := s.State().Index
	s.mu.Lock()
	floor := max(st, s.cleared)
	s.mu.Unlock()
	if commit <= floor {
		return true
	}
	d, r := s.disk.Load(), s.raft.Load()
	if d == nil || r == nil || commit > r.LastIndex() || s.machine.halt() != nil {
		return false
	}
	for i := commit; i > floor; i-- {
		var l raft.Log
		err := d.GetLog(i, &l)
		if errors.Is(err, raft.ErrLogNotFound) {
			break // compacted: a snapshot has it
		}
		if err != nil || l.Type == raft.LogCommand || l.Type == raft.LogConfiguration {
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleared = max(s.cleared, commit)
	return true
}

// Age is the time since this node last had applied all that a leader in contact had committed: 0 on the leader, and
// small on a follower in contact however quiet the log is. After a start and before a leader's first word it is the
// time since the last command, by the wall clocks: at most that.
func (s *Store) Age() time.Duration {
	if reign, _, _ := s.lead.now(); reign != nil {
		s.fresh.led()
		return 0
	}
	return s.fresh.age()
}

// CaughtUp says whether this process has, at least once, had applied all that a leader in contact had committed. Until
// then the state of a new node is one of long ago.
func (s *Store) CaughtUp() bool { return s.reigns() || s.fresh.caughtUp() }

// freshSince is when a state was fresh for certain.
func freshSince(st *state.State) time.Time {
	now := time.Now()
	if st.Wall.IsZero() || st.Wall.After(now) {
		return now
	}
	return now.Add(-now.Sub(st.Wall)) // with a monotonic reading, unlike st.Wall
}
