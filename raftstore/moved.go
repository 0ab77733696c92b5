package raftstore

import (
	"context"
	"slices"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// greeting is what a node says of itself when it asks another.
type greeting struct {
	Address string `json:"address,omitempty"` // where it wants to be dialled
}

// hasMoved says whether the cluster has this node at another address than its own configuration.
func (s *Store) hasMoved() bool {
	a := s.memberAddress(s.cfg.ID)
	return a != "" && a != s.cfg.Advertise && s.port != nil
}

// heardAddress takes a member's word on where it is, which its certificate has proved to be its own.
func (s *Store) heardAddress(id, address string) {
	if !isAddress(address) || !s.isMember(id) || s.movedTo(id) == address {
		return
	}
	logged := s.memberAddress(id)
	if logged != "" && logged != address {
		s.log.Info("a member is at another address now", "node", id, "address", address)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved[id] = sighting{address, logged}
	delete(s.found, id)
}

// movedTo is where a node says that it is, unless the log knows better; or empty.
func (s *Store) movedTo(id string) string {
	logged := s.memberAddress(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved[id].since(logged)
}

// isThere says whether a node answers where it said that it is. A word that is not borne out is forgotten: the node may be
// back where it was, and say nothing since the log is right; one that is not goes on saying it.
func (s *Store) isThere(id, address string) bool {
	ctx, cancel := context.WithTimeout(s.ctx, helloTimeout)
	defer cancel()
	c, err := s.port.dial(ctx, id, address, protocolCalls)
	if err == nil {
		c.Close()
		return true
	}
	s.log.Info("a member does not answer where it said that it is", "node", id, "address", address, "error", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved[id].address == address {
		delete(s.moved, id)
	}
	return false
}

// readdress brings Raft's configuration to where members say that they are and answer, this leader among them. One at a
// time, and none to where another one is still said to be.
func (s *Store) readdress(r *raft.Raft) {
	list := members(r.GetConfiguration().Configuration())
	for _, m := range list {
		address := s.cfg.Advertise
		if m.ID != s.cfg.ID {
			address = s.movedTo(m.ID)
		}
		taken := slices.ContainsFunc(list, func(o state.Member) bool { return o.Address == address })
		if address == "" || taken || m.ID != s.cfg.ID && !s.isThere(m.ID, address) {
			continue
		}
		if err := s.setAddress(r, m, address); err != nil {
			s.log.Info("a member's new address is not in the configuration yet", "node", m.ID, "address", address, "error", err)
		}
		return
	}
}

func (s *Store) setAddress(r *raft.Raft, m state.Member, address string) error {
	if err := s.changes.take(s.ctx); err != nil {
		return err
	}
	defer s.changes.pass()
	ctx, cancel := context.WithTimeout(s.ctx, configTimeout)
	defer cancel()
	// Of a voter it changes the address only.
	return await(ctx, r.AddNonvoter(raft.ServerID(m.ID), raft.ServerAddress(address), 0, configTimeout))
}
