package node

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
	"failoverdns/token"
	"failoverdns/trust"
)

// joining is how a node came that did not found the cluster.
type joining struct {
	at   *JoinAt
	role state.Role
}

// founders are the first voters, as their Corefiles list them.
func (w *world) founders() (peers []Peer) {
	for _, id := range w.ids {
		if _, joined := w.joins[id]; !joined {
			peers = append(peers, Peer{id, id + ":7400"})
		}
	}
	return peers
}

// joinToken brings a join token into the cluster, and writes its file.
func (w *world) joinToken(by *Node, id string, role state.Role) (file string) {
	w.t.Helper()
	pin, err := trust.ParsePin(by.CAPin())
	if err != nil {
		w.t.Fatal(err)
	}
	j := &token.Join{Token: token.New(), Pin: pin, Role: string(role), Expires: time.Now().Add(time.Hour)}
	create := &state.TokenCreate{ID: j.ID, Kind: state.TokenJoin, Name: id, Hash: j.Hash(), Role: j.Role, OneUse: true, For: time.Hour}
	if res, err := by.Propose(w.t.Context(), state.Command{Header: state.Header{Author: "ann"}, Body: create}); err != nil || res.Refusal != nil {
		w.t.Fatalf("make a token: %v, %v", res.Refusal, err)
	}
	file = filepath.Join(w.dir, id+".token")
	if err := os.WriteFile(file, []byte(j.Text()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// join starts a node that joins by way of another with a token of its own.
func (w *world) join(id string, via *Node, role state.Role) *Node {
	w.t.Helper()
	if err := trust.Issue(w.dir, w.dir, id, nil, 24*time.Hour); err != nil {
		w.t.Fatal(err)
	}
	w.joins[id] = joining{&JoinAt{via.ID() + ":7400", w.joinToken(via, id, role)}, role}
	w.ids = append(slices.Clone(w.ids), id)
	n := w.start(id)
	w.eventually(5*time.Minute, id+" has its place", func() bool {
		m, ok := n.State().Nodes.Get(id)
		return ok && m.Announced && (m.Suffrage == "voter") == (role != state.Replica)
	})
	return n
}

func TestJoinedNodesProbeVoteAndAnswerByTheirRoles(t *testing.T) {
	inWorld(t, three, func(w *world) {
		first := w.nodes["ns1"]
		replica, witness := w.join("ns4", first, state.Replica), w.join("ns5", first, state.Witness)
		w.eventually(5*time.Minute, "the witness counts as a probing node, the replica does not", func() bool {
			a, _ := first.State().Nodes.Get("ns4")
			b, _ := first.State().Nodes.Get("ns5")
			return !a.Prober() && b.Prober() && first.State().Probers() == 4
		})
		if ok, why := replica.Ready(); !ok {
			t.Errorf("the replica is not ready: %s", why)
		}
		if ok, why := witness.Ready(); ok || !strings.Contains(why, "witness") || !witness.Status().Witness {
			t.Errorf("the witness is ready for queries: %t, %q", ok, why)
		}
		if st := first.Status(); st.Voters != 4 {
			t.Errorf("%d voters, want 4", st.Voters)
		}
		if got := len(replica.targets()); got != 0 {
			t.Errorf("the replica probes %d endpoints", got)
		}
		w.breakSite("*", "azure")
		w.eventually(2*time.Minute, "the replica answers with aws", func() bool { return answers(replica, aws) })
	})
}

func TestClusterGrowsAndShrinksWhileASiteFailsAndReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []string{"ns1"})
		w.grows = true
		defer w.stopAll()
		first := w.start("ns1")
		w.eventually(2*time.Minute, "every verdict is up", w.verdictsUp)
		answer := func(address string, within time.Duration) {
			t.Helper()
			w.eventually(within, "all answer "+address, func() bool { return w.all(func(n *Node) bool { return answers(n, address) }) })
		}
		for _, id := range []string{"ns2", "ns3", "ns4", "ns5"} {
			n := w.join(id, first, state.Voter)
			w.eventually(5*time.Minute, id+" counts", func() bool { m, _ := n.State().Nodes.Get(id); return m.Prober() })
			answer(azure, 10*time.Second)
		}
		w.breakSite("*", "azure")
		answer(aws, time.Minute)
		for _, id := range []string{"ns1", "ns4"} { // the one that began it among them, while it is failed over
			w.remove(w.nodes["ns2"], id)
			w.eventually(2*time.Minute, id+" says that it is removed, and answers on", func() bool {
				ok, why := w.nodes[id].Ready()
				return !ok && strings.HasPrefix(why, "removed") && answers(w.nodes[id], aws)
			})
			w.stop(id)
		}
		if got := w.nodes["ns2"].State().Probers(); got != 3 {
			t.Errorf("%d nodes probe, want 3", got)
		}
		w.mendSite("*", "azure")
		answer(azure, 5*time.Minute)
		w.remove(w.nodes["ns2"], "ns5")
		w.stop("ns5")
		w.remove(w.nodes["ns2"], "ns3")
		w.stop("ns3")
		w.breakSite("*", "azure")
		answer(aws, time.Minute)
		w.sameState()
	})
}

// remove takes a member out of the cluster.
func (w *world) remove(by *Node, id string) {
	w.t.Helper()
	res, err := by.ChangeMembers(w.t.Context(), raftstore.Change{Op: raftstore.Remove, Node: id, Author: "ann"})
	if err != nil || res.Refusal != nil {
		w.t.Fatalf("remove %s: %v, %v", id, res.Refusal, err)
	}
}

func TestWipedNodeThatJoinsAgainRevertsNoAnswer(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.breakSite("*", "azure")
		w.eventually(2*time.Minute, "all answer aws", w.answer(aws, three...))
		leader := w.leader(three...)
		wiped := "ns1"
		if wiped == leader {
			wiped = "ns2"
		}
		w.stop(wiped)
		if err := os.RemoveAll(filepath.Join(w.dir, "data-"+wiped)); err != nil {
			w.t.Fatal(err)
		}
		n := w.start(wiped)
		w.eventually(time.Minute, "it knows that it is wiped", func() bool { return n.Status().Phase == raftstore.PhaseWiped })
		by := w.nodes[leader]
		w.remove(by, wiped)
		words, err := os.ReadFile(w.joinToken(by, wiped, state.Voter))
		if err != nil {
			w.t.Fatal(err)
		}
		if err := n.Join(w.t.Context(), leader+":7400", string(words)); err != nil {
			w.t.Fatal(err)
		}
		ready := func() bool { ok, _ := n.Ready(); return ok }
		w.eventually(time.Minute, "it is ready", func() bool {
			if answers(n, azure) {
				w.t.Fatal("it answers with what its file says, not with what the cluster decided")
			}
			return ready()
		})
		if !answers(n, aws) {
			w.t.Fatal("it does not answer aws")
		}
		w.eventually(5*time.Minute, "it counts and votes again", func() bool {
			m, _ := by.State().Nodes.Get(wiped)
			return m.Prober() && m.Suffrage == "voter"
		})
		w.sameState()
	})
}
