package node

import (
	"testing"
	"time"

	"failoverdns/record"
)

var three = []string{"ns1", "ns2", "ns3"}

// The budgets of the contract, at the default 10 s × 3 (Part "The promise in one paragraph").
const (
	interval  = 10 * time.Second
	timeout   = 4 * time.Second
	failures  = 3
	detect    = failures*interval + timeout + time.Second
	failback  = 3*interval + time.Second
	election  = 13 * time.Second // the longest seen with the wan preset over such links
	noFlipFor = 10 * interval
)

func TestDeadPrimaryIsOutOfAllAnswersWithinTheBudgetAndBackAfterItsReturn(t *testing.T) {
	inWorld(t, three, func(w *world) {
		before := w.nodes["ns1"].Zones().Find(mustName("login.auth.example.com")).Serial()
		w.breakSite("*", "azure")
		took := w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
		t.Logf("out of all answers after %s", took)
		after := w.nodes["ns1"].Zones().Find(mustName("login.auth.example.com")).Serial()
		if after != before+1 {
			t.Errorf("the serial went from %d to %d, not up by one", before, after)
		}
		w.mendSite("*", "azure")
		took = w.eventually(failback, "all nodes answer with azure again", w.answer(azure, three...))
		t.Logf("back after %s", took)
		w.sameState()
	})
}

func TestOneNodeThatCannotReachThePrimaryFlipsNothingTwoDo(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.breakSite("ns2", "azure")
		w.holds(noFlipFor, "all nodes answer with azure", w.answer(azure, three...))
		w.breakSite("ns3", "azure")
		w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
	})
}

func TestFlipHappensThoughAnyOneNodeIsLost(t *testing.T) {
	for _, victim := range three {
		for _, when := range []time.Duration{0, 15 * time.Second, 29 * time.Second} {
			t.Run(victim+" after "+when.String(), func(t *testing.T) {
				t.Parallel()
				inWorld(t, three, func(w *world) { flipWithout(w, victim, when) })
			})
		}
	}
}

func flipWithout(w *world, victim string, when time.Duration) {
	leads := w.leader(three...) == victim
	var rest []string
	for _, id := range three {
		if id != victim {
			rest = append(rest, id)
		}
	}
	w.breakSite("*", "azure")
	time.Sleep(when)
	w.kill(victim)
	budget := detect - when
	if leads {
		budget += election
	}
	w.eventually(budget, "the two others answer with aws", w.answer(aws, rest...))
	w.net.Rejoin(victim, rest...)
	w.eventually(30*time.Second, "the lost node follows", w.answer(aws, three...))
	w.sameState()
}

func TestLinkCutBetweenTwoNodesDoesNotFlip(t *testing.T) {
	for _, pair := range [][2]string{{"ns1", "ns2"}, {"ns1", "ns3"}, {"ns2", "ns3"}} {
		t.Run(pair[0]+"-"+pair[1], func(t *testing.T) {
			t.Parallel()
			inWorld(t, three, func(w *world) {
				w.net.Isolate(pair[0], pair[1])
				w.holds(2*time.Minute, "all nodes answer with azure", w.answer(azure, three...))
				w.breakSite("*", "azure")
				w.eventually(detect+2*election, "all nodes that a leader reaches answer with aws", func() bool {
					flipped := 0
					for _, id := range three {
						if answers(w.nodes[id], aws) {
							flipped++
						}
					}
					return flipped >= 2
				})
				w.net.Rejoin(pair[0], pair[1])
				w.eventually(time.Minute, "all nodes answer with aws", w.answer(aws, three...))
				w.sameState()
			})
		})
	}
}

func TestNodeLeftAloneHoldsItsAnswers(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.kill("ns1")
		w.kill("ns2")
		w.kill("ns3")
		w.breakSite("*", "azure")
		w.holds(5*time.Minute, "all nodes answer as was last agreed", w.answer(azure, three...))
		for _, id := range three {
			if s := w.nodes[id].Status(); s.Quorum || s.StateAge < 4*time.Minute {
				t.Errorf("%s: quorum %v, state age %s: it does not know that it is alone", id, s.Quorum, s.StateAge)
			}
		}
	})
}

func TestVotesOfAnIsolatedNodeAreVoidWhenItReturns(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.kill("ns1")
		w.breakSite("ns1", "azure")
		w.breakSite("ns2", "azure")
		time.Sleep(2 * time.Minute) // ns1 would have voted down long ago; with ns2 that would be a majority
		w.mendSite("ns1", "azure")
		w.net.Rejoin("ns1", "ns2", "ns3")
		w.holds(2*time.Minute, "all nodes answer with azure", w.answer(azure, three...))
	})
}

func TestRestartedClusterAnswersFirstWhatWasLastAgreed(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.breakSite("*", "azure")
		w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
		time.Sleep(time.Second)
		w.stopAll()
		for _, id := range three {
			n, err := New(w.config(id), Platform{Network: w.net.Host(id), NoSync: true, Probe: nil})
			if err != nil {
				t.Fatal(err)
			}
			w.nodes[id] = n
			if !answers(n, aws) {
				t.Errorf("%s answers %v before Raft is up", id, n.Lookup(mustName("login.auth.example.com"), record.A))
			}
		}
	})
}

func TestNodesMayStartInAnyOrder(t *testing.T) {
	for _, order := range [][]string{{"ns1", "ns2", "ns3"}, {"ns3", "ns1", "ns2"}, {"ns2", "ns3", "ns1"}} {
		t.Run(order[0]+order[1]+order[2], func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *world) {
				for _, id := range order[:2] {
					w.start(id)
					time.Sleep(20 * time.Second)
				}
				if ok, why := w.nodes[order[0]].Ready(); ok || why == "" {
					t.Errorf("a node that waits for its peers is ready %v, %q", ok, why)
				}
				w.start(order[2])
				w.eventually(time.Minute, "all nodes answer", w.answer(azure, three...))
			})
		})
	}
}

func TestLeadershipIsHandedOverByACleanStop(t *testing.T) {
	inWorld(t, three, func(w *world) {
		leader := w.leader(three...)
		var rest []string
		for _, id := range three {
			if id != leader {
				rest = append(rest, id)
			}
		}
		w.stop(leader)
		began := time.Now()
		w.leader(rest...)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the others have a leader only %s after the stop: it was elected, not handed over to", took)
		}
	})
}

func mustName(s string) record.Name { return record.MustParseName(s) }
