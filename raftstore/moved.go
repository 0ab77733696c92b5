package raftstore

import (
	"net"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// greeting is what a node says of itself when it asks another.
type greeting struct {
	Address string `json:"address,omitempty"` // where it wants to be dialled
}

// hasMoved says whether the cluster has this node at another address than its own configuration.
func (s *Store) hasMoved() bool {
	if s.reigns() || s.cfg.Advertise == "" {
		return false
	}
	a := s.memberAddress(s.cfg.ID)
	return a != "" && a != s.cfg.Advertise
}

// heardAddress takes a member's word on where it is, which its certificate has proved to be its own. An address that
// another one has is nobody's: dialling it would end at the other's certificate.
func (s *Store) heardAddress(id, address string) {
	_, _, err := net.SplitHostPort(address)
	if err != nil || len(address) > 255 || !s.isMember(id) || s.addressOf(id) == address {
		return
	}
	if other := s.idAt(address); other != "" && other != id {
		s.log.Warn("a member says that it is where another one is; its word is not taken", "node", id, "address", address, "other", other)
		return
	}
	s.log.Info("a member is at another address now", "node", id, "address", address)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved[id] = address
}

// readdress brings Raft's configuration to where members say that they are, this leader among them. One at a time.
func (s *Store) readdress(r *raft.Raft) {
	for _, m := range members(r.GetConfiguration().Configuration()) {
		address := s.cfg.Advertise
		if m.ID != s.cfg.ID {
			s.mu.Lock()
			address = s.moved[m.ID]
			s.mu.Unlock()
		}
		if address == "" || address == m.Address {
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
	id, at := raft.ServerID(m.ID), raft.ServerAddress(address)
	f := r.AddNonvoter(id, at, 0, configTimeout) // of a voter it changes the address only
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		return err
	case <-time.After(configTimeout):
		return raft.ErrEnqueueTimeout
	case <-s.ctx.Done():
		return ErrStopped
	}
}
