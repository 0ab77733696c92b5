package raftstore

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// headStart is what an address has before the next one is dialled beside it (RFC 8305, section 5).
	headStart = 250 * time.Millisecond
	// maxHearsay bounds what is kept of the others' words on where a node is: one that is wrong hides none that is right.
	maxHearsay = 3
)

// sighting is where a node was at some time.
type sighting struct {
	address string
	logged  string // where the log had it then: once it has it elsewhere, that is newer
}

// since is the address, as long as the log has the node where it had it.
func (x sighting) since(logged string) string {
	if x.logged == logged {
		return x.address
	}
	return ""
}

// addressBook has Raft dial IDs: where a node is, and that it is that one, is seen to there. Only this node's own address
// is told to others. It is a raft.ServerAddressProvider.
type addressBook struct{ s *Store }

// ServerAddr implements raft.ServerAddressProvider.
func (b addressBook) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	if string(id) == b.s.cfg.ID {
		return raft.ServerAddress(b.s.cfg.Advertise), nil
	}
	return raft.ServerAddress(id), nil
}

// addresses are where a node may be, the likeliest first: where it was found last; where it says that it is; where the
// configured peers have it; where the log has it; where others say that it is. Each may be out of date: nodes move, and
// nobody writes that into the files of all others; or all files are new, and the log is not.
func (s *Store) addresses(id string) (list []string) {
	if id == s.cfg.ID {
		return []string{s.cfg.Advertise}
	}
	logged := s.memberAddress(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := []string{s.found[id].since(logged), s.moved[id].since(logged), addressOf(s.peers, id), logged, addressOf(s.sponsors, id)}
	for _, a := range append(known, s.hearsay[id]...) {
		if a != "" && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

// dial reaches a node wherever it is: all its addresses are tried, each a little after the one before, and who answers there
// must prove that it is that node.
func (s *Store) dial(ctx context.Context, id, protocol string) (*peerConn, error) {
	addresses := s.addresses(id)
	if len(addresses) == 0 {
		return nil, fmt.Errorf("no member is called %q", id)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	attempts, pending := make(chan attempt, len(addresses)), 0
	for next := 0; next < len(addresses) || pending > 0; {
		if next < len(addresses) {
			go func(address string) { attempts <- s.attempt(ctx, id, address, protocol) }(addresses[next])
			next, pending = next+1, pending+1
		}
		var headStartOver <-chan time.Time
		if next < len(addresses) {
			headStartOver = time.After(headStart)
		}
		select {
		case a := <-attempts:
			pending--
			if a.err == nil {
				s.foundAt(id, a.address)
				go closeLate(attempts, pending)
				return a.conn, nil
			}
			failed = also(failed, a.err)
		case <-headStartOver:
		}
	}
	return nil, failed
}

// also is two errors on one line.
func also(a, b error) error {
	if a == nil {
		return b
	}
	return fmt.Errorf("%w; %w", a, b)
}

// attempt is what came of dialling one address.
type attempt struct {
	address string
	conn    *peerConn
	err     error
}

func (s *Store) attempt(ctx context.Context, id, address, protocol string) attempt {
	c, err := s.port.dial(ctx, id, address, protocol)
	return attempt{address, c, err}
}

// closeLate closes what was reached at other addresses at the same time.
func closeLate(attempts <-chan attempt, pending int) {
	for range pending {
		if a := <-attempts; a.err == nil {
			a.conn.Close()
		}
	}
}

func (s *Store) foundAt(id, address string) {
	logged := s.memberAddress(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found[id] = sighting{address, logged}
}

// whereabouts are the members and where this node finds them.
func (s *Store) whereabouts() (peers []Peer) {
	servers := s.servers()
	s.mu.Lock()
	for _, m := range servers {
		at := cmp.Or(s.found[m.ID].since(m.Address), s.moved[m.ID].since(m.Address), m.Address)
		if m.ID == s.cfg.ID {
			at = s.cfg.Advertise
		}
		peers = append(peers, Peer{m.ID, at})
	}
	s.mu.Unlock()
	return slices.SortedFunc(slices.Values(peers), func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
}

// heardOf takes another node's word on where members are, where this one does not know better.
func (s *Store) heardOf(peers []Peer) {
	for _, p := range peers {
		if !isAddress(p.Address) || p.ID == s.cfg.ID || !s.isMember(p.ID) || slices.Contains(s.addresses(p.ID), p.Address) {
			continue
		}
		s.mu.Lock()
		words := append([]string{p.Address}, s.hearsay[p.ID]...) // the newest first
		s.hearsay[p.ID] = words[:min(len(words), maxHearsay)]
		s.mu.Unlock()
	}
}

// isAddress says whether something may be the address of a node.
func isAddress(s string) bool {
	_, _, err := net.SplitHostPort(s)
	return err == nil && len(s) <= 255
}
