package raftstore

import (
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"time"

	"failoverdns/state"
)

// Removal is how a node was taken out of the cluster, as far as it is known.
type Removal struct {
	At     time.Time `json:"at,omitzero"` // by the cluster's wall clock
	Index  uint64    `json:"index,omitempty"`
	Author string    `json:"author,omitempty"` // empty where the change was not recorded
	Reason string    `json:"reason,omitempty"`
}

// removalOf is what a state knows of a node's removal, or nil.
func removalOf(st *state.State, id string) *Removal {
	e := st.Removal(id)
	if e == nil {
		return nil
	}
	return &Removal{At: e.Wall, Index: e.Index, Author: e.Author, Reason: e.Reason}
}

// removal is what this node, which was removed, knows of that: from its own state, else by the word of another.
func (s *Store) removal() *Removal {
	if own := removalOf(s.State(), s.cfg.ID); own != nil {
		return own
	}
	if told := s.told.Load(); told != nil {
		return told
	}
	return new(Removal)
}

const (
	// lonelyAfter is longer than elections take: without a leader's word for so long, a node asks whether it was removed.
	lonelyAfter = 15 * time.Second
	// askEvery is how often.
	askEvery = 5 * time.Second
	// inContact is how old a leader's last word may be for a node to speak of the cluster's members, and a member's for its
	// leader not to miss it.
	inContact = 5 * time.Second
)

// watchMembership asks the others what Raft does not tell. Of a node whether it was removed: the leader often stops speaking
// to one before that has the entry which removes it, and never speaks to one that was away. Of a leader where a member is
// that it misses: one that has moved and does not know who leads tells that to those that it knows. It ends with the Store.
func (s *Store) watchMembership() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(askEvery):
		}
		lonely := s.isLonely()
		switch {
		case lonely || s.hasMoved(): // asking tells the others where this node is
			s.removed.Store(s.isUnlisted() && lonely)
		case s.missesMember(): // and they tell where they have members
			s.askAll(s.contacts())
		}
		s.removed.CompareAndSwap(true, lonely)
	}
}

// isLonely says whether this node takes part, and has not heard of a leader for long.
func (s *Store) isLonely() bool {
	r := s.raft.Load()
	return r != nil && s.isSettled() && !s.reigns() && time.Since(r.LastContact()) > lonelyAfter
}

// missesMember says whether this node leads, and has not heard of a member for a while.
func (s *Store) missesMember() bool {
	return s.reigns() && slices.ContainsFunc(s.contacts(), func(p Peer) bool { return s.reach.since(p.ID) > inContact })
}

// isUnlisted asks the others. One that is itself in a leader's contact, knows as much as this node or who let it in, and does
// not know it as a member, settles it; of others the list may be an old one: one that was away hears of its leader before
// it has what it missed. One that takes this node for a stranger tells it nothing but that, and at the door.
func (s *Store) isUnlisted() bool {
	peers := s.contacts()
	unlisted := make(chan bool, len(peers))
	asked := 0
	for id, a := range s.askAll(peers) {
		if a.err == nil && len(a.hello.Members) > 0 && !slices.Contains(a.hello.Members, s.cfg.ID) && a.hello.Decided >= s.enough() {
			s.told.Store(a.hello.Removal)
			return true
		}
		if a.err != nil {
			asked++
			go func() { unlisted <- s.askAtDoor(id) }()
		}
	}
	for range asked {
		if <-unlisted {
			return true
		}
	}
	return false
}

// askAtDoor asks a node whether it knows for certain that this one is no member.
func (s *Store) askAtDoor(id string) bool {
	ctx, cancel := context.WithTimeout(s.ctx, helloTimeout)
	defer cancel()
	c, err := s.dial(ctx, id, protocolJoin)
	if err != nil {
		return false
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Conn.(*tls.Conn).NetConn().Close() })()
	var a listedAnswer
	if err := askOnce(ctx, c, pathListed, struct{}{}, &a); err != nil || !a.Unlisted || a.Decided < s.enough() {
		return false
	}
	s.told.Store(a.Removal)
	return true
}

// listedAnswer is what a node hears that asks at the door where it stands.
type listedAnswer struct {
	Unlisted bool     `json:"unlisted"`          // it is no member, by the word of a node in a leader's contact
	Decided  uint64   `json:"decided,omitempty"` // as in hello
	Removal  *Removal `json:"removal,omitempty"`
}

func (s *Store) serveListed(w http.ResponseWriter, r *http.Request) {
	a := listedAnswer{Decided: s.decided()} // before it looks: the list may be a newer one, never an older
	ids, id := s.listed(), Caller(r.Context())
	if a.Unlisted = len(ids) > 0 && !slices.Contains(ids, id); a.Unlisted {
		a.Removal = removalOf(s.State(), id)
	}
	answerJSON(w, a)
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

// enough is what another must know of the log for this node to believe that it is no member.
func (s *Store) enough() uint64 { return max(s.decided(), s.letIn.Load()) }

// decided is an index of the log up to which this node knows what the cluster has decided.
func (s *Store) decided() uint64 {
	index := s.State().Index // as a node has it before it hears of a leader
	if r := s.raft.Load(); r != nil {
		index = max(index, r.CommitIndex())
	}
	return index
}
