package raftstore

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/raftstore/memnet"
	"failoverdns/state"
)

func TestMemberThatMovedIsFoundAtItsNewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		f := c.other(c.leader())
		eventually(t, "it has the configuration", func() bool { return len(f.servers()) == 3 })
		c.stop(f.ID())
		s := c.reopenAt(f.ID(), "elsewhere:5300")
		s.Start()
		c.hasFound(s, "elsewhere:5300")
	})
}

// A voter that is stopped between its first vote and its first entry has state, and no configuration in which it could
// see that the cluster has another address for it.
func TestMemberThatMovedBeforeItsFirstEntryIsFoundAtItsNewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2")
		time.Sleep(helloPause / 2) // they pause while the third finds that all are there, and begins the cluster
		c.start("ns3")
		l := c.elected()
		f := c.votedFor(l)
		c.net.Isolate(f.ID(), c.except(f.ID())...) // the leader's first entries are under way to it
		c.stop(f.ID())
		c.net.Rejoin(f.ID(), c.except(f.ID())...)
		s := c.reopenAt(f.ID(), "elsewhere:5300")
		if last, err := s.opened.LastIndex(); last != 0 || err != nil || !s.isSettled() {
			t.Fatalf("it has entries up to %d (%v), settled: %v: it was to have a vote and nothing else", last, err, s.isSettled())
		}
		s.Start()
		c.hasFound(s, "elsewhere:5300")
	})
}

// reopenAt opens a node that was stopped at another address.
func (c *cluster) reopenAt(id, address string) *Store {
	c.t.Helper()
	cfg := c.config(id)
	cfg.Listen, cfg.Advertise = address, address
	s, err := Open(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.stores[id] = s
	return s
}

// hasFound checks that the cluster comes to know a node at its new address, and that the log gets there.
func (c *cluster) hasFound(s *Store, address string) {
	c.t.Helper()
	c.isFoundBy(c.leader(), s, address)
}

func (c *cluster) isFoundBy(l, s *Store, address string) {
	c.t.Helper()
	eventually(c.t, "the configuration has its new address", func() bool { return memberOf(l, s.ID()).Address == address })
	mustPropose(c.t, l, announce(l, l.ID(), "after the move"))
	eventually(c.t, "it has the log", func() bool { return version(s, l.ID()) == "after the move" })
	if n, _ := l.State().Nodes.Get(s.ID()); n.Address != address {
		c.t.Fatalf("%+v", n)
	}
}

// TestMemberThatMovedIsFoundByALeaderThatItDoesNotKnow: by way of a third, which it does.
func TestMemberThatMovedIsFoundByALeaderThatItDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		s, away := c.newLeaderWhileAway()
		back := c.reopenAt(away, "elsewhere:5300")
		back.Start()
		c.isFoundBy(s, back, "elsewhere:5300")
	})
}

// TestLeaderThatMovedIsReached by one that has just started, whose file has the leader's old address.
func TestLeaderThatMovedIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		f := c.other(l)
		c.stop(f.ID())
		s := c.reopenAt(f.ID(), "elsewhere:5300")
		s.Start()
		c.hasFound(s, "elsewhere:5300")
		change(t, l, Transfer, s.ID(), false)
		eventually(t, "it leads", s.reigns)
		c.stop(l.ID())
		c.start(l.ID())
		l = c.stores[l.ID()]
		eventually(t, "the other one has a leader", func() bool { id, _, _ := l.Leader(); return id == s.ID() })
		mustPropose(t, l, announce(l, l.ID(), "by way of the one that moved"))
	})
}

// TestTwoThatMovedFindEachOther by way of a third, which cannot lead: it has missed something.
func TestTwoThatMovedFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, announce(l, l.ID(), "before"))
		third := c.other(l).ID()
		eventually(t, "all have it", func() bool { return version(c.stores[third], l.ID()) == "before" })
		c.stop(third)
		mustPropose(t, l, announce(l, l.ID(), "without the third"))
		both := c.except(third)
		c.stop(both...)
		c.start(third)
		a, b := c.reopenAt(both[0], "elsewhere:5300"), c.reopenAt(both[1], "elsewhere:5301")
		a.Start()
		b.Start()
		l = c.leader(both...)
		c.hasFound(a, "elsewhere:5300")
		c.hasFound(b, "elsewhere:5301")
		eventually(t, "the third has what it missed", func() bool { return version(c.stores[third], l.ID()) == "after the move" })
	})
}

// TestTwoThatExchangedTheirAddressesAreReached: Raft's configuration cannot follow, since no address may stand in it twice.
func TestTwoThatExchangedTheirAddressesAreReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		c.leader()
		c.stop("ns2", "ns3")
		a, b := c.reopenAt("ns2", "ns3:5300"), c.reopenAt("ns3", "ns2:5300")
		a.Start()
		b.Start()
		time.Sleep(time.Minute) // the last lead is over
		l := c.leader()
		mustPropose(t, l, announce(l, l.ID(), "exchanged"))
		for _, s := range c.stores {
			eventually(t, s.ID()+" has the log", func() bool { return version(s, l.ID()) == "exchanged" })
		}
	})
}

// TestNodeIsDialledWhereverItMayBe: what hangs costs a moment, another node is not taken for it, and of two ways one
// is closed.
func TestNodeIsDialledWhereverItMayBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const oneWay = 100 * time.Millisecond // the handshake takes longer than the head start
		c := newCluster(t, 3, memnet.New(oneWay), func(i int) string { return []string{"a:1", "b:1", "c:1"}[i] })
		open := func(id, listen string) *port {
			cfg := c.config(id)
			cfg.Listen = listen
			if err := cfg.complete(); err != nil {
				t.Fatal(err)
			}
			p, err := openPort(&cfg, func(string, string) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p1, p2, p3, gone := open("ns1", "a:1"), open("ns2", "b:1"), open("ns3", "c:1"), open("ns2", "gone:1")
		defer func() {
			for _, p := range []*port{p1, p2, p3, gone} {
				p.close()
			}
		}()
		second := open("ns2", "b:2")
		defer second.close()
		conns := func() int {
			p1.mu.Lock()
			defer p1.mu.Unlock()
			return len(p1.conns)
		}
		for _, x := range []struct {
			what    string
			list    []string
			found   string // empty: nowhere
			within  time.Duration
			dropped bool // nothing passes to ns2's host
		}{
			{"at its first address", []string{"b:1"}, "b:1", time.Second, false},
			{"where nobody listens", []string{"nobody:1"}, "", time.Second, false},
			{"at its second address", []string{"nobody:1", "b:1"}, "b:1", time.Second, false},
			{"not where another one is", []string{"c:1", "b:1"}, "b:1", 2 * time.Second, false},
			{"at neither", []string{"nobody:1", "c:1"}, "", 2 * time.Second, false},
			{"at both, and one is given up", []string{"b:2", "b:1"}, "b:2", time.Second, false},
			{"nowhere, and that takes no longer than it may", []string{"b:2", "b:1"}, "", 3 * time.Second, true},
		} {
			s := &Store{cfg: Config{ID: "ns1"}, port: p1, found: map[string]sighting{"ns2": {address: x.list[0]}}}
			if len(x.list) > 1 {
				s.peers = []Peer{{"ns2", x.list[1]}}
			}
			if got := s.addresses("ns2"); !slices.Equal(got, x.list) {
				t.Fatalf("%s: its addresses are %v", x.what, got)
			}
			if x.dropped {
				c.net.Isolate("ns1", "ns2")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			began := time.Now()
			conn, err := s.dial(ctx, "ns2", protocolCalls)
			if took := time.Since(began); took > x.within {
				t.Errorf("%s: it takes %s", x.what, took)
			}
			switch {
			case x.found == "" && err == nil:
				t.Errorf("%s: it is reached", x.what)
			case x.found != "" && err != nil:
				t.Errorf("%s: %v", x.what, err)
			case x.found != "" && s.found["ns2"].address != x.found:
				t.Errorf("%s: it is found at %s", x.what, s.found["ns2"].address)
			}
			cancel()
			time.Sleep(time.Minute)
			if n := conns(); n > 1 || n == 1 && conn == nil {
				t.Errorf("%s: %d connections are open", x.what, n)
			}
			if conn != nil {
				conn.Close()
			}
		}
		c.net.Rejoin("ns1", "ns2")
		s := &Store{port: p1}
		late := make(chan attempt, 2)
		late <- s.attempt(t.Context(), "ns2", "b:1", protocolCalls)
		late <- s.attempt(t.Context(), "ns2", "nobody:1", protocolCalls)
		if n := conns(); n != 1 {
			t.Fatalf("%d connections are open", n)
		}
		if closeLate(late, 2); conns() != 0 {
			t.Error("what was reached too late stays open")
		}
	})
}

// TestHearsayIsTakenOfMembersAndAddressesOnly, and where it says something new.
func TestHearsayIsTakenOfMembersAndAddressesOnly(t *testing.T) {
	s := &Store{cfg: Config{ID: "ns1", Advertise: "a:1"}, peers: []Peer{{"ns1", "a:1"}, {"ns2", "b:1"}}, hearsay: map[string][]string{}, machine: newMachine(state.New(), testLogger("ns1"))}
	s.heardOf([]Peer{{"ns1", "x:1"}, {"ns2", "b:1"}, {"ns3", "x:1"}, {"ns2", "no address"}})
	if len(s.hearsay) != 0 {
		t.Errorf("%v", s.hearsay)
	}
	s.heardOf([]Peer{{"ns2", "b:2"}})
	if got := s.addresses("ns2"); !slices.Equal(got, []string{"b:1", "b:2"}) {
		t.Errorf("%v", got)
	}
	if got := s.addresses("ns1"); !slices.Equal(got, []string{"a:1"}) {
		t.Errorf("%v", got)
	}
}

// TestLeaderGoesByNoWordThatIsOutOfDate: a node that said where it was may be elsewhere again, and one that says where
// another is may be wrong.
func TestLeaderGoesByNoWordThatIsOutOfDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		id := c.other(l).ID()
		at := l.memberAddress(id)
		l.heardAddress(id, "elsewhere:5300")
		for range 3 * keepEvery / time.Second {
			time.Sleep(time.Second)
			if got := l.memberAddress(id); got != at {
				t.Fatalf("%s is at %s, and the configuration has it at %s", id, at, got)
			}
		}
		if got := l.addresses(id); !slices.Equal(got, []string{at}) {
			t.Errorf("it is sought at %v", got)
		}
	})
}

// TestOneWrongWordHidesNoRightOne of another node, in whatever order they come.
func TestOneWrongWordHidesNoRightOne(t *testing.T) {
	s := &Store{cfg: Config{ID: "ns1", Advertise: "a:1"}, peers: []Peer{{"ns1", "a:1"}, {"ns2", "b:1"}}, hearsay: map[string][]string{}, machine: newMachine(state.New(), testLogger("ns1"))}
	for range 3 {
		s.heardOf([]Peer{{"ns2", "right:1"}})
		s.heardOf([]Peer{{"ns2", "wrong:1"}})
	}
	if got := s.addresses("ns2"); !slices.Equal(got, []string{"b:1", "wrong:1", "right:1"}) {
		t.Errorf("%v", got)
	}
	for i := range 10 {
		s.heardOf([]Peer{{"ns2", fmt.Sprintf("rubbish:%d", i)}})
	}
	if got := s.addresses("ns2"); len(got) != 1+maxHearsay {
		t.Errorf("%v", got)
	}
}
