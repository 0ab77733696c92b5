package raftstore

import (
	"slices"
	"time"
)

const (
	// lonelyAfter is longer than elections take: without a leader's word for so long, a node asks whether it was removed.
	lonelyAfter = 15 * time.Second
	// askEvery is how often.
	askEvery = 5 * time.Second
	// inContact is how old a leader's last word may be for a node to speak of the cluster's members.
	inContact = 5 * time.Second
)

// watchMembership finds out whether this node was removed: the leader often stops speaking to a node before that has
// the entry which removes it, and never speaks to one that was away. It ends with the Store.
func (s *Store) watchMembership() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(askEvery):
		}
		s.removed.Store(s.isLonely() && s.isUnlisted())
	}
}

// isLonely says whether this node takes part, and has not heard of a leader for long.
func (s *Store) isLonely() bool {
	r := s.raft.Load()
	return r != nil && s.isSettled() && !s.reigns() && time.Since(r.LastContact()) > lonelyAfter
}

// isUnlisted asks the others. One that is itself in a leader's contact, and does not know this node as a member, settles
// it; of one that is not, the list may be an old one.
func (s *Store) isUnlisted() bool {
	var peers []Peer
	for _, m := range s.servers() {
		peers = append(peers, Peer{m.ID, m.Address})
	}
	for _, a := range s.askAll(peers) {
		if a.err == nil && len(a.hello.Members) > 0 && !slices.Contains(a.hello.Members, s.cfg.ID) {
			return true
		}
	}
	return false
}

// listed is the cluster's members, if this node is in a leader's contact.
func (s *Store) listed() (ids []string) {
	r := s.raft.Load()
	if r == nil || !s.reigns() && time.Since(r.LastContact()) > inContact {
		return nil
	}
	for _, m := range s.servers() {
		ids = append(ids, m.ID)
	}
	return ids
}
