package node

import (
	"slices"
	"sync"
	"testing"
	"time"
)

func TestEveryNodeMeasuresHowAnIncidentCameToItsAnswers(t *testing.T) {
	inWorld(t, three, func(w *world) {
		var mu sync.Mutex
		incidents := map[string]int{}
		for id, n := range w.nodes {
			n.OnApplied(func(s Swap) {
				mu.Lock()
				defer mu.Unlock()
				incidents[id] += s.Incidents
			})
		}
		w.breakSite("*", "azure")
		w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
		time.Sleep(time.Second) // the proposer hears of its command after its swap
		_, in, _ := w.nodes["ns1"].State().Incidents.Last()
		leader := w.leader(three...)
		all := w.nodes["ns2"].Swaps(w.t.Context(), in.Index)
		if len(all) != 3 {
			t.Fatalf("%d nodes, not 3", len(all))
		}
		proposers := 0
		for i, s := range all {
			if s.Node != three[i] || s.Error != "" || s.Index != in.Index || s.Incidents != 1 || s.Leader != (s.Node == leader) {
				t.Errorf("%+v of node %s; %s leads", s, three[i], leader)
			}
			checkSwap(t, &s)
			if s.Proposed > 0 {
				proposers++
			}
		}
		if proposers != 1 {
			t.Errorf("%d nodes say that they proposed it", proposers)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, id := range three {
			if incidents[id] != 1 {
				t.Errorf("the observer of %s heard of %d incidents", id, incidents[id])
			}
		}
	})
}

// checkSwap: to the followers' disks and back is a round trip, and they hear of the commit one way later, or with the
// next message after the one that is under way.
func checkSwap(t *testing.T, s *NodeSwap) {
	t.Helper()
	least := 2 * oneWay
	if !s.Leader {
		least += oneWay
	}
	if s.Swapped < least || s.Swapped > 2*least+oneWay {
		t.Errorf("%s swapped after %s; at least %s are needed", s.Node, s.Swapped, least)
	}
	if s.Leader && (s.Commit < 2*oneWay || s.Commit > s.Swapped) || !s.Leader && s.Commit != 0 {
		t.Errorf("%s: commit %s of %s", s.Node, s.Commit, s.Swapped)
	}
	if s.Proposed != 0 && s.Proposed < least {
		t.Errorf("%s: swapped %s after it proposed", s.Node, s.Proposed)
	}
}

func TestNodeThatRestartedSaysThatItHasNotMeasured(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.breakSite("*", "azure")
		w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
		_, in, _ := w.nodes["ns1"].State().Incidents.Last()
		w.stop("ns3")
		w.start("ns3")
		w.eventually(time.Minute, "ns3 is back", func() bool { return w.nodes["ns3"].Status().Leader != "" })
		var back NodeSwap
		w.eventually(time.Minute, "ns3 can be asked", func() bool {
			all := w.nodes["ns1"].Swaps(w.t.Context(), in.Index)
			back = all[2]
			return back.Error != "" && len(all) == 3 && all[0].Error == ""
		})
		if own := w.nodes["ns3"].Swaps(w.t.Context(), in.Index)[2]; own.Error != errNotMeasured.Error() {
			t.Errorf("ns3 says of itself %+v", own)
		}
	})
}

func TestSwapsKeepTheLatest(t *testing.T) {
	var s swaps
	for i := range uint64(maxSwaps + 2) {
		s.add(Swap{Index: i + 1})
	}
	if _, ok := s.find(2); ok {
		t.Error("the oldest is still there")
	}
	if _, ok := s.find(3); !ok {
		t.Error("one of the latest is gone")
	}
	if _, ok := s.find(0); ok {
		t.Error("index 0 is found")
	}
}

func TestStateThatDiffersIsAnAlarmOnEveryNode(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.stop("ns3")
		n := w.open("ns3")
		n.State().Hash ^= 1 // as if a command had had another effect there
		w.begin("ns3", n)
		w.eventually(time.Minute, "every node names ns3", func() bool {
			return w.all(func(n *Node) bool { return slices.Equal(n.Status().Diverged, []string{"ns3"}) })
		})
		w.holds(10*time.Second, "the alarm stays", func() bool { return len(w.nodes["ns1"].Status().Diverged) > 0 })
	})
}

func TestReportOfAnIndexThatIsNoLongerKnownChangesNothing(t *testing.T) {
	var h hashes
	all := func(string) bool { return true }
	h.ring[7] = hashAt{7, 0x7}
	if !h.heard("ns2", contact{Index: 7, Hash: 0x8}) || h.heard("ns2", contact{Index: 7, Hash: 0x8}) {
		t.Error("a difference is news once")
	}
	h.heard("ns2", contact{Index: 6, Hash: 0x6})
	h.heard("ns3", contact{Index: 7 + keptHashes, Hash: 0x6})
	if got := h.list(true, all); !slices.Equal(got, []string{"ns2"}) {
		t.Errorf("%v differ", got)
	}
	if got := h.list(true, func(string) bool { return false }); got != nil {
		t.Errorf("%v differ, and are no members", got)
	}
	h.heard("ns2", contact{Index: 7, Hash: 0x7})
	if got := h.list(true, all); got != nil {
		t.Errorf("%v still differ", got)
	}
}

func TestNodeThatLeadsNoMoreBelievesTheLeader(t *testing.T) {
	var h hashes
	all := func(string) bool { return true }
	h.ring[7] = hashAt{7, 0x7}
	h.heard("ns2", contact{Index: 7, Hash: 0x8})
	h.tell([]string{"ns3"})
	if got := h.list(false, all); !slices.Equal(got, []string{"ns3"}) {
		t.Errorf("%v differ", got)
	}
	if got := h.list(true, all); got != nil {
		t.Errorf("a new reign begins with %v", got)
	}
}
