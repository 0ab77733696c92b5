package raftstore

import (
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/raft"

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
		lonely := s.isLonely()
		if lonely || s.hasMoved() { // asking tells the others where this node is
			s.removed.Store(s.isUnlisted() && lonely)
		}
		s.removed.CompareAndSwap(true, lonely)
	}
}

// isLonely says whether this node takes part, and has not heard of a leader for long.
func (s *Store) isLonely() bool {
	r := s.raft.Load()
	return r != nil && s.isSettled() && !s.reigns() && time.Since(r.LastContact()) > lonelyAfter
}

// isUnlisted asks the others. One that is itself in a leader's contact, and does not know this node as a member, settles
// it; of one that is not, the list may be an old one. One that takes this node for a stranger tells it nothing but that,
// and at the door.
func (s *Store) isUnlisted() bool {
	peers := s.contacts()
	unlisted := make(chan bool, len(peers))
	asked := 0
	for id, a := range s.askAll(peers) {
		if a.err == nil && len(a.hello.Members) > 0 && !slices.Contains(a.hello.Members, s.cfg.ID) {
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
	c, err := s.port.dial(ctx, id, s.addressOf(id), protocolJoin)
	if err != nil {
		return false
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Conn.(*tls.Conn).NetConn().Close() })()
	var a listedAnswer
	if err := askOnce(ctx, c, pathListed, struct{}{}, &a); err != nil || !a.Unlisted {
		return false
	}
	s.told.Store(a.Removal)
	return true
}

// listedAnswer is what a node hears that asks at the door where it stands.
type listedAnswer struct {
	Unlisted bool     `json:"unlisted"` // it is no member, by the word of a node in a leader's contact
	Removal  *Removal `json:"removal,omitempty"`
}

func (s *Store) serveListed(w http.ResponseWriter, r *http.Request) {
	ids, id := s.listed(), Caller(r.Context())
	a := listedAnswer{Unlisted: len(ids) > 0 && !slices.Contains(ids, id)}
	if a.Unlisted {
		a.Removal = removalOf(s.State(), id)
	}
	answerJSON(w, a)
}

// listed is the cluster's members, if this node knows them for certain: it leads, or is in a leader's contact and abreast.
func (s *Store) listed() (ids []string) {
	r := s.raft.Load()
	if r == nil || !s.reigns() && (time.Since(r.LastContact()) > inContact || !abreast(r)) {
		return nil
	}
	for _, m := range s.servers() {
		ids = append(ids, m.ID)
	}
	return ids
}

// abreast says whether a node has all that was decided before its leader began: it has an entry of that one's term. One
// that was away hears of a leader before it has what it missed.
func abreast(r *raft.Raft) bool {
	stats := r.Stats()
	return stats["term"] == stats["last_log_term"] || stats["term"] == stats["last_snapshot_term"]
}
