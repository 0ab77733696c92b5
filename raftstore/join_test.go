package raftstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/state"
	"failoverdns/token"
	"failoverdns/trust"
)

// joinToken makes a token in the cluster, and gives it as its file has it.
func (c *cluster) joinToken(by *Store, role state.Role, lasts time.Duration) *token.Join {
	c.t.Helper()
	pin, err := trust.ReadPin(filepath.Join(c.certs, trust.CAFile))
	if err != nil {
		c.t.Fatal(err)
	}
	j := &token.Join{Token: token.New(), Pin: pin, Role: string(role), Expires: time.Now().Add(lasts)}
	mustPropose(c.t, by, state.Command{Header: state.Header{Author: "ann"}, Body: &state.TokenCreate{ID: j.ID, Kind: state.TokenJoin, Name: "x", Hash: j.Hash(), Role: j.Role, OneUse: true, For: lasts}})
	return j
}

// joiner opens a node that joins by way of another one, with a token in a file, and starts it.
func (c *cluster) joiner(id string, via *Store, j *token.Join) *Store {
	c.t.Helper()
	if _, err := os.Stat(filepath.Join(c.certs, id+".pem")); err != nil {
		c.issue(id)
	}
	file := filepath.Join(c.dirs, id+".token")
	if err := os.WriteFile(file, []byte(j.Text()+"\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	cfg := c.config(id)
	cfg.Peers, cfg.Listen, cfg.Advertise = nil, id+":5300", id+":5300"
	cfg.Join, cfg.Role = &JoinAt{via.cfg.Advertise, file}, state.Role(j.Role)
	s, err := Open(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.stores[id] = s
	s.Start()
	return s
}

// settleIn has a joiner say what it is, as nodes do, and waits until it has its place.
func (c *cluster) settleIn(s *Store, role state.Role) {
	c.t.Helper()
	eventually(c.t, s.ID()+" is a member", func() bool { _, ok := s.State().Nodes.Get(s.ID()); return ok })
	mustPropose(c.t, s, state.Command{Body: &state.Announce{ID: s.ID(), Incarnation: s.Incarnation(), Role: role, Probe: true, Version: "1"}})
	eventually(c.t, s.ID()+" has its suffrage", func() bool {
		n, _ := s.State().Nodes.Get(s.ID())
		return n != nil && (n.Suffrage == "voter") == (role != state.Replica)
	})
}

// newLeaderWhileAway starts three nodes, and lets a fourth one join and lead while one of them is down.
func (c *cluster) newLeaderWhileAway() (leads *Store, away string) {
	c.t.Helper()
	c.start("ns1", "ns2", "ns3")
	l := c.leader()
	away = c.other(l).ID()
	token := c.joinToken(l, state.Voter, time.Hour)
	c.stop(away)
	leads = c.joiner("ns4", l, token)
	c.settleIn(leads, state.Voter)
	change(c.t, l, Transfer, "ns4", false)
	eventually(c.t, "it leads", leads.reigns)
	return leads, away
}

func TestClusterGrowsFromOneToFiveAndShrinksBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 1)
		defer c.end()
		c.start("ns1")
		first := c.leader()
		for i := 2; i <= 5; i++ {
			role := state.Voter
			if i == 5 {
				role = state.Witness
			}
			via := c.stores[fmt.Sprintf("ns%d", i-1)] // any member will do
			s := c.joiner(fmt.Sprintf("ns%d", i), via, c.joinToken(first, role, time.Hour))
			c.settleIn(s, role)
			mustPropose(t, s, announce(s, s.ID(), "in"))
			if st := s.Status(); st.Voters != i || st.Phase != PhaseRunning {
				t.Fatalf("%s: %+v", s.ID(), st)
			}
		}
		if st := first.Status(); st.Tolerance != 2 || first.State().Admissions.Len() != 0 {
			t.Fatalf("%+v", st)
		}
		for _, id := range []string{"ns1", "ns3", "ns4", "ns5"} { // the one that began it all, too
			change(t, c.stores["ns2"], Remove, id, false)
		}
		last := c.stores["ns2"]
		mustPropose(t, last, announce(last, "ns2", "alone again"))
		if st := last.Status(); st.Voters != 1 || !st.Self {
			t.Fatalf("%+v", st)
		}
	})
}

// TestNodeThatJoinsByASnapshotIsNotTakenForRemoved: the snapshot is from before it was let in, and lists others only.
func TestNodeThatJoinsByASnapshotIsNotTakenForRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		c.compaction = Compaction{Threshold: 1, Trailing: 1, Every: time.Hour}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, announce(l, l.ID(), "before"))
		if err := l.raft.Load().Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		s := c.joiner("ns4", l, c.joinToken(l, state.Replica, time.Hour))
		unlisted := 0
		for ; s.memberAddress("ns4") == ""; time.Sleep(time.Millisecond) {
			if s.State().Index > 0 {
				unlisted++
			}
			if st := s.Status(); st.Phase == PhaseRemoved {
				t.Fatalf("%s: %s", st.Phase, st.Detail)
			}
		}
		if unlisted == 0 {
			t.Fatal("there was no time in which it had a state and was in no list")
		}
		c.settleIn(s, state.Replica)
		change(t, l, Remove, "ns4", false)
		eventually(t, "it knows that it was removed", func() bool { return s.Status().Phase == PhaseRemoved })
	})
}

func TestReplicaGetsTheLogAndNoVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 1)
		defer c.end()
		c.start("ns1")
		l := c.leader()
		s := c.joiner("ns2", l, c.joinToken(l, state.Replica, time.Hour))
		c.settleIn(s, state.Replica)
		time.Sleep(time.Minute)
		if m := memberOf(l, "ns2"); m.Voter || l.Status().Voters != 1 {
			t.Fatalf("%+v", m)
		}
		if out := tryChange(t, s, Promote, "ns2", true); out.Refusal == nil {
			t.Fatal("a replica was given a vote")
		}
		eventually(t, "it has the refusal, too", func() bool { return s.State().Index == l.State().Index })
		if s.State().Hash != l.State().Hash {
			t.Fatal("it has another state")
		}
	})
}

// TestReplicaThatHasNotSpokenYetGetsNoVote: its token has told what it is.
func TestReplicaThatHasNotSpokenYetGetsNoVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 1)
		defer c.end()
		c.start("ns1")
		l := c.leader()
		s := c.joiner("ns2", l, c.joinToken(l, state.Replica, time.Hour))
		eventually(t, "it is a member", func() bool { _, ok := s.State().Nodes.Get("ns2"); return ok && memberOf(l, "ns2").ID == "ns2" })
		if n, _ := l.State().Nodes.Get("ns2"); n.Announced {
			t.Fatal("it has spoken")
		}
		out := tryChange(t, l, Promote, "ns2", true)
		if out.Refusal == nil || out.Refusal.Code != state.RefusedConflict || !strings.Contains(out.Refusal.Text, "is a replica") {
			t.Errorf("%+v", out)
		}
	})
}

func TestVoterThatBecomesAReplicaLosesItsVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		f := c.other(l)
		mustPropose(t, f, state.Command{Body: &state.Announce{ID: f.ID(), Incarnation: f.Incarnation(), Role: state.Replica}})
		eventually(t, "it has no vote", func() bool { return !memberOf(l, f.ID()).Voter })
	})
}

func TestJoinIsRefusedWithoutAGoodTokenAndNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 1)
		defer c.end()
		c.start("ns1")
		l := c.leader()
		good := c.joinToken(l, state.Voter, time.Hour)
		guess := &token.Join{Token: token.New(), Pin: good.Pin, Role: "voter", Expires: good.Expires}
		other := *good
		other.Pin[0] ^= 1
		wrong := *good
		wrong.Role = "replica"
		expired, revoked := c.joinToken(l, state.Voter, time.Minute), c.joinToken(l, state.Voter, time.Hour)
		mustPropose(t, l, state.Command{Header: state.Header{Author: "ann"}, Body: &state.TokenRevoke{ID: revoked.ID}})
		before := l.State().Index
		for i, x := range []struct {
			token *token.Join
			says  string
			after time.Duration
		}{
			{guess, "there is no such token", 0},
			{&other, "another CA than the one that the token names", 0},
			{revoked, "revoked by ann", 0},
			{expired, "expired", 2 * time.Minute},
		} {
			time.Sleep(x.after)
			s := c.joiner(fmt.Sprintf("ns%d", 2+i), l, x.token)
			time.Sleep(30 * time.Second)
			st := s.Status()
			if st.Phase != PhaseWaiting || len(st.Waiting) != 1 || !strings.Contains(st.Waiting[0].Why, x.says) || s.raft.Load() != nil {
				t.Errorf("%q: %+v", x.says, st)
			}
			if i < 2 && l.State().Index != before {
				t.Errorf("%q: it left an entry in the log", x.says)
			}
			c.stop(s.ID())
		}
		if n := l.Status(); n.Voters != 1 || n.Refused[refusedToken] == 0 {
			t.Fatalf("%+v", n)
		}
		s := c.joiner("ns7", l, good)
		if err := s.Join(t.Context(), "ns1:5300", &wrong); err == nil || !strings.Contains(err.Error(), "write role replica") {
			t.Errorf("a token for another role: %v", err)
		}
		c.settleIn(s, state.Voter)
		if err := s.Join(t.Context(), "ns1:5300", good); err == nil || !strings.Contains(err.Error(), "in a cluster already") {
			t.Errorf("a member joins: %v", err)
		}
	})
}

func TestJoinTokenLetsOneNodeInOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 1)
		defer c.end()
		c.start("ns1")
		l := c.leader()
		j := c.joinToken(l, state.Voter, time.Hour)
		first := c.joiner("ns2", l, j)
		c.settleIn(first, state.Voter)
		second := c.joiner("ns3", l, j)
		time.Sleep(30 * time.Second)
		if st := second.Status(); st.Phase != PhaseWaiting || !strings.Contains(st.Detail, "used already, by ns2/") {
			t.Fatalf("%+v", st)
		}
		another := c.joinToken(l, state.Voter, time.Hour) // its file is replaced while it waits
		if err := os.WriteFile(second.cfg.Join.TokenFile, []byte(another.Text()), 0o600); err != nil {
			t.Fatal(err)
		}
		c.settleIn(second, state.Voter)
	})
}

func TestJoinerThatDiesBeforeItHasTheLogComesBackWithTheSameToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 1)
		defer c.end()
		c.start("ns1")
		l := c.leader()
		j := c.joinToken(l, state.Voter, time.Hour)
		c.joiner("ns2", l, j)
		c.stop("ns2") // at once, wherever it was
		dir := c.dir("ns2")
		if _, err := os.Stat(dir); err != nil {
			t.Fatal(err)
		}
		s := c.joiner("ns2", l, j)
		c.settleIn(s, state.Voter)
		c.stop("ns2") // and as a member, with a token that is used up
		s = c.joiner("ns2", l, j)
		eventually(t, "it is back", func() bool { return s.Status().Leader != "" && s.Status().Phase == PhaseRunning })
	})
}

func TestWipedNodeJoinsUnderItsOldNameOnceItIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		f := c.other(l)
		id, old := f.ID(), f.Incarnation()
		mustPropose(t, f, announce(f, id, "1"))
		c.stop(id)
		if err := os.RemoveAll(c.dir(id)); err != nil {
			t.Fatal(err)
		}
		c.start(id) // with the Corefile that it always had
		f = c.stores[id]
		eventually(t, "it knows that it is wiped", func() bool { return f.Status().Phase == PhaseWiped })
		l = c.leader(c.except(id)...)
		j := c.joinToken(l, state.Voter, time.Hour)
		var refused errRefusedJoin
		if err := f.Join(t.Context(), l.cfg.Advertise, j); !errors.As(err, &refused) || refused.Code != state.RefusedWiped || !strings.Contains(err.Error(), "cluster remove "+id) {
			t.Fatalf("it joins before it is removed: %v", err)
		}
		change(t, l, Remove, id, false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := f.Join(ctx, l.cfg.Advertise, j); err != nil { // the token was not used up by the refusal
			t.Fatal(err)
		}
		c.settleIn(f, state.Voter)
		if n, _ := l.State().Nodes.Get(id); n.Incarnation == old || n.Incarnation != f.Incarnation() || l.Status().Voters != 3 {
			t.Fatalf("%+v", n)
		}
		c.stop(id)
		c.start(id)
		f = c.stores[id]
		eventually(t, "it begins again as a member", func() bool { return f.Status().Leader != "" })
	})
}

func TestRemovedNodeJoinsAgainWithWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		f := c.other(l)
		change(t, l, Remove, f.ID(), false)
		eventually(t, "it knows that it is removed", func() bool { return f.Status().Phase == PhaseRemoved })
		mustPropose(t, l, declare(l, 1))
		if err := f.Join(t.Context(), l.cfg.Advertise, c.joinToken(l, state.Voter, time.Hour)); err != nil {
			t.Fatal(err)
		}
		c.settleIn(f, state.Voter)
		if st := f.Status(); st.Phase != PhaseRunning || f.State().Zones.Len() != 1 {
			t.Fatalf("%+v", st)
		}
	})
}

func TestDoorLetsFewInAtOnceAndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d door
		in := 0
		for d.enter() {
			in++
		}
		if in != maxJoins {
			t.Fatalf("%d are inside at once", in)
		}
		for range in {
			d.leave()
		}
		for range 1000 {
			if d.enter() {
				in++
				d.leave()
			}
		}
		if in != joinBurst {
			t.Fatalf("%d came in a burst", in)
		}
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			if d.enter() {
				in++
				d.leave()
			}
		}
		if more := in - joinBurst; more < 59 || more > 61 {
			t.Fatalf("%d came in a minute", more)
		}
	})
}

func TestNodeThatWasOnItsOwnBecomesTheFirstOfACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 1)
		defer c.end()
		cfg := c.config("ns1")
		cfg.Peers, cfg.Listen, cfg.Trust = nil, "", nil // no port, no certificate
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c.stores["ns1"] = s
		s.Start()
		c.leader()
		mustPropose(t, s, declare(s, 1))
		if err := s.Join(t.Context(), "ns9:5300", &token.Join{Token: token.New(), Role: "voter"}); err == nil || !strings.Contains(err.Error(), "docs/cluster.md") {
			t.Errorf("a node on its own joins: %v", err)
		}
		c.stop("ns1")
		c.start("ns1") // with a port, a certificate, and a list of first voters that is itself
		s = c.leader()
		if s.State().Zones.Len() != 1 {
			t.Fatal("what it had is gone")
		}
		eventually(t, "it is in the configuration by its address", func() bool { return memberOf(s, "ns1").Address == "ns1:5300" })
		second := c.joiner("ns2", s, c.joinToken(s, state.Voter, time.Hour))
		c.settleIn(second, state.Voter)
		if st := second.Status(); st.Voters != 2 || second.State().Zones.Len() != 1 {
			t.Fatalf("%+v", st)
		}
	})
}

func TestWipedFirstNodeBeginsNoClusterOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 1)
		defer c.end()
		c.start("ns1")
		l := c.leader()
		for _, id := range []string{"ns2", "ns3"} {
			c.settleIn(c.joiner(id, l, c.joinToken(l, state.Voter, time.Hour)), state.Voter)
		}
		c.stop("ns1")
		if err := os.RemoveAll(c.dir("ns1")); err != nil {
			t.Fatal(err)
		}
		l = c.leader("ns2", "ns3")
		c.start("ns1") // its file lists itself alone, as on its first day
		s := c.stores["ns1"]
		eventually(t, "it knows that it is wiped", func() bool { return s.Status().Phase == PhaseWiped })
		time.Sleep(time.Hour)
		if st := s.Status(); st.Phase != PhaseWiped || st.Raft != "" || s.State().Index != 0 {
			t.Fatalf("%+v", st)
		}
		change(t, l, Remove, "ns1", false)
		time.Sleep(time.Hour)
		if err := s.Join(t.Context(), l.cfg.Advertise, c.joinToken(l, state.Voter, time.Hour)); err != nil {
			t.Fatal(err)
		}
		c.settleIn(s, state.Voter)
	})
}
