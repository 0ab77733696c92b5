package raftstore

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestThreeNodesBeginInAnyOrderAndAnyPace(t *testing.T) {
	for _, order := range [][]string{{"ns1", "ns2", "ns3"}, {"ns3", "ns1", "ns2"}, {"ns2", "ns3", "ns1"}} {
		for _, pace := range []time.Duration{0, 300 * time.Millisecond, time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				c := memCluster(t)
				defer c.end()
				for _, id := range order {
					c.start(id)
					time.Sleep(pace)
				}
				l := c.leader()
				mustPropose(t, l, announce(l, l.ID(), "1"))
				f := c.other(l)
				mustPropose(t, f, announce(f, f.ID(), "2"))
				if got := version(f, f.ID()); got != "2" {
					t.Fatalf("the follower that proposed sees version %q", got)
				}
				for id, s := range c.stores {
					if st := s.Status(); st.Phase != PhaseRunning || st.Voters != 3 || st.Tolerance != 1 {
						t.Fatalf("%s: %+v", id, st)
					}
				}
			})
		}
	}
}

func TestWaitingNodeNamesWhomItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2")
		time.Sleep(time.Minute)
		for _, s := range c.stores {
			st := s.Status()
			if st.Phase != PhaseWaiting || len(st.Waiting) != 1 || st.Waiting[0].ID != "ns3" || st.Raft != "" {
				t.Fatalf("%+v", st)
			}
		}
		for _, s := range c.stores {
			if err := s.Reload(c.peers[:2]); err != nil {
				t.Fatal(err)
			}
		}
		if l := c.leader(); l.Status().Voters != 2 {
			t.Fatalf("%+v", l.Status())
		}
	})
}

func TestRestartedNodesAnswerAtOnceWithWhatWasLastAgreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, announce(l, l.ID(), "1"))
		index := mustPropose(t, l, declare(l, 1)).Index
		time.Sleep(time.Second)
		killed := map[string]string{}
		for _, p := range c.peers {
			killed[p.ID] = copyDir(t, c.dir(p.ID))
		}
		c.end()
		clear(c.stores)
		for id, dir := range killed {
			if err := os.CopyFS(c.dir(id)+"-killed", os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			cfg := c.config(id)
			cfg.Dir = c.dir(id) + "-killed"
			s, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			c.stores[id] = s
			if st := s.State(); st.Index < index || st.Zones.Len() != 1 {
				t.Fatalf("%s begins at %d with %d zones; %d was answered", id, st.Index, st.Zones.Len(), index)
			}
		}
		for _, s := range c.stores {
			s.Start()
		}
		next := c.leader()
		mustPropose(t, next, declare(next, 2))
	})
}

func TestWipedNodeIsKeptOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		f := c.other(l)
		mustPropose(t, f, announce(f, f.ID(), "1"))
		c.stop(f.ID())
		if err := os.RemoveAll(c.dir(f.ID())); err != nil {
			t.Fatal(err)
		}
		c.start(f.ID())
		f = c.stores[f.ID()]
		time.Sleep(time.Minute)
		st := f.Status()
		if st.Phase != PhaseWiped || !strings.Contains(st.Detail, "then join") || st.Raft != "" || f.State().Index != 0 {
			t.Fatalf("%+v", st)
		}
		if n := l.Status().Refused[refusedStranger]; n != 0 {
			t.Fatalf("the leader refused it %d times; it must hear where it stands", n)
		}
		if f.Status().Refused[refusedStranger] == 0 {
			t.Fatal("the wiped node took Raft streams")
		}
	})
}

func TestNodeThatMissedTheBootstrapTakesTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		for _, p := range c.peers {
			c.open(p.ID)
		}
		c.stores["ns1"].Start()
		c.stores["ns2"].Start()
		c.stores["ns3"].startCalls() // it answers hello, and dies before it can do more
		l := c.leader("ns1", "ns2")
		mustPropose(t, l, announce(l, l.ID(), "1"))
		late := c.stores["ns3"]
		late.server.Close()
		c.stop("ns3")
		c.start("ns3")
		late = c.stores["ns3"]
		eventually(t, "it has the log", func() bool { return version(late, l.ID()) == "1" })
		if st := late.Status(); st.Phase != PhaseRunning {
			t.Fatalf("%+v", st)
		}
	})
}
