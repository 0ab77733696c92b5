package node

import (
	"slices"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

var (
	login  = mustName("login.auth.example.com")
	static = mustName("ns1.auth.example.com")
)

// ruled is an inWorld whose zone has a no-quorum rule, and a failback policy.
func ruled(t *testing.T, rule state.NoQuorum, failback health.Failback, test func(w *world)) {
	inWorld(t, three, func(w *world) {
		for _, id := range three {
			w.nodes[id].Reload(w.ruledConfig(id, rule, failback))
			w.eventually(time.Minute, "the rule is in force", func() bool { return w.zoneOf(id).NoQuorum == rule })
		}
		time.Sleep(time.Minute) // every node has counted in full
		test(w)
	})
}

func (w *world) ruledConfig(id string, rule state.NoQuorum, failback health.Failback) Config {
	cfg := w.config(id)
	cfg.Declarations[0].NoQuorum = rule
	cfg.Declarations[0].Groups[0].Failback = failback
	return cfg
}

func (w *world) zoneOf(id string) *state.Zone {
	z, _ := w.nodes[id].State().Zones.Get(state.ZoneKey(mustName("auth.example.com")))
	return z
}

func (w *world) cutAll() {
	for _, id := range three {
		w.kill(id)
	}
}

func (w *world) rejoinAll() {
	w.net.Rejoin("ns1", "ns2", "ns3")
	w.net.Rejoin("ns2", "ns3")
}

// refuses says whether nodes answer steered names with SERVFAIL, and static ones as ever.
func (w *world) refuses(ids ...string) func() bool {
	return func() bool {
		for _, id := range ids {
			steered, other := w.nodes[id].Lookup(login, record.A), w.nodes[id].Lookup(static, record.A)
			if steered.RCode != "SERVFAIL" || len(steered.Answer) > 0 || other.RCode != "NOERROR" || len(other.Answer) != 1 {
				return false
			}
		}
		return true
	}
}

// transfers says whether nodes let others copy the zone.
func (w *world) transfers(ids ...string) func() bool {
	return func() bool {
		for _, id := range ids {
			if w.nodes[id].Zones().Find(login).Mark().Local {
				return false
			}
		}
		return true
	}
}

func (w *world) serial(id string) uint32 { return w.nodes[id].Zones().Find(login).Serial() }

var (
	auto    = health.Failback{Mode: health.FailbackAuto}
	refuse  = state.NoQuorum{Mode: state.NoQuorumRefuse, After: 2 * time.Minute}
	byOwn   = state.NoQuorum{Mode: state.NoQuorumLocal, After: time.Minute}
	slack   = 3 * time.Second
	fullRun = 3*interval + timeout
)

func TestNodeCutOffRefusesSteeredNamesUntilALeaderIsBack(t *testing.T) {
	ruled(t, refuse, auto, func(w *world) {
		w.kill("ns1")
		w.holds(refuse.After-slack, "the lone node answers", w.answer(azure, "ns1"))
		w.eventually(2*slack, "the lone node refuses", w.refuses("ns1"))
		w.holds(time.Minute, "it goes on refusing", w.refuses("ns1"))
		if w.transfers("ns1")() {
			t.Error("it lets the zone be copied")
		}
		if a := w.nodes["ns1"].Answered(); a.Rule("auth.example.com") != RuleRefuse || len(a.Local.Modes) != 1 {
			t.Errorf("it says of itself %+v", a.Local)
		}
		if !w.answer(azure, "ns2", "ns3")() || !w.transfers("ns2", "ns3")() {
			t.Error("the majority does not go on as ever")
		}
		w.net.Rejoin("ns1", "ns2", "ns3")
		w.eventually(30*time.Second, "it answers again", w.answer(azure, "ns1"))
		w.eventually(time.Second, "it lets the zone be copied again", w.transfers("ns1"))
		w.sameState()
	})
}

func TestRefusingNodeDoesNotAnswerWithWhatTheClusterLeftMeanwhile(t *testing.T) {
	ruled(t, refuse, auto, func(w *world) {
		w.kill("ns1")
		w.eventually(refuse.After+slack, "the lone node refuses", w.refuses("ns1"))
		w.breakSite("*", "azure")
		w.eventually(detect, "the majority answers with aws", w.answer(aws, "ns2", "ns3"))
		w.net.Rejoin("ns1", "ns2", "ns3")
		w.holds(30*time.Second, "the node that returns never answers with azure", func() bool { return !answers(w.nodes["ns1"], azure) })
		w.eventually(time.Second, "it answers with aws", w.answer(aws, "ns1"))
	})
}

func TestLostQuorumMakesAllRefuseAndAllAnswerAgain(t *testing.T) {
	ruled(t, refuse, auto, func(w *world) {
		w.cutAll()
		w.eventually(refuse.After+slack, "all refuse", w.refuses(three...))
		w.rejoinAll()
		w.eventually(time.Minute, "all answer", w.answer(azure, three...))
	})
}

func TestRestartBeginsTheTimeWithoutALeaderAnew(t *testing.T) {
	ruled(t, refuse, auto, func(w *world) {
		w.kill("ns1")
		w.eventually(refuse.After+slack, "the lone node refuses", w.refuses("ns1"))
		w.stop("ns1")
		n := w.open("ns1")
		if !answers(n, azure) {
			t.Error("a restarted node does not answer at once with what it had")
		}
		w.begin("ns1", n)
		w.holds(refuse.After-slack, "it answers for as long as the rule says", w.answer(azure, "ns1"))
		w.eventually(2*slack, "it refuses again", w.refuses("ns1"))
	})
}

func TestEmergencyFileHasANodeAnswerThatWouldRefuse(t *testing.T) {
	ruled(t, refuse, auto, func(w *world) {
		w.kill("ns1")
		w.eventually(refuse.After+slack, "the lone node refuses", w.refuses("ns1"))
		w.emergencyFile("ns1", "auth.example.com pin aws "+inFuture(time.Hour)+" call 4711")
		w.eventually(2*time.Second, "it answers as its operator says", w.answer(aws, "ns1"))
	})
}

func TestWithoutQuorumEachNodeGoesByItsOwnCounts(t *testing.T) {
	ruled(t, byOwn, auto, func(w *world) {
		before := w.serial("ns1")
		w.cutAll()
		time.Sleep(byOwn.After + slack)
		w.breakSite("ns1", "azure")
		w.breakSite("ns2", "azure")
		w.eventually(fullRun+slack, "the nodes that see azure down answer with aws", w.answer(aws, "ns1", "ns2"))
		if !w.answer(azure, "ns3")() {
			t.Error("the node that sees azure up left it")
		}
		for _, id := range three {
			if w.serial(id) != before {
				t.Errorf("the serial of %s went from %d to %d", id, before, w.serial(id))
			}
			if w.transfers(id)() {
				t.Errorf("%s lets others copy what only it says", id)
			}
		}
		if a := w.nodes["ns1"].Answered(); a.Rule("auth.example.com") != state.RuleLocal {
			t.Errorf("ns1 says of itself %+v", a.Local)
		}
		w.mendSite("ns1", "azure")
		w.eventually(fullRun+slack, "ns1 answers with azure again, by failback auto", w.answer(azure, "ns1"))
	})
}

func TestOwnCountsThatWereReadyApplyAtOnceWhenTheTimeIsOver(t *testing.T) {
	ruled(t, byOwn, auto, func(w *world) {
		w.cutAll()
		w.breakSite("*", "azure")
		w.holds(byOwn.After-slack, "all hold what was agreed", w.answer(azure, three...))
		w.eventually(2*slack, "all answer with aws", w.answer(aws, three...))
	})
}

func TestNodeThatSeesNoSiteUpHolds(t *testing.T) {
	ruled(t, byOwn, auto, func(w *world) {
		w.kill("ns1")
		w.breakSite("ns1", "azure")
		w.breakSite("ns1", "aws")
		w.holds(5*time.Minute, "a node whose own network is gone holds what was agreed", w.answer(azure, "ns1"))
	})
}

func TestOneFailedProbeDoesNotEndOwnCounts(t *testing.T) {
	ruled(t, byOwn, auto, func(w *world) {
		w.kill("ns1")
		w.breakSite("ns1", "azure")
		w.eventually(byOwn.After+slack, "the lone node answers with aws", w.answer(aws, "ns1"))
		w.breakSite("ns1", "aws")
		w.holds(interval, "it goes on while aws is not down", w.answer(aws, "ns1"))
		w.mendSite("ns1", "aws")
		w.holds(time.Minute, "and after that", w.answer(aws, "ns1"))
	})
}

func TestOwnCountsObeyManualFailback(t *testing.T) {
	ruled(t, byOwn, health.Failback{Mode: health.FailbackManual}, func(w *world) {
		w.cutAll()
		w.breakSite("*", "azure")
		w.eventually(byOwn.After+slack, "all answer with aws", w.answer(aws, three...))
		w.mendSite("*", "azure")
		w.holds(5*time.Minute, "no node returns without an operator's word", w.answer(aws, three...))
	})
}

func TestOwnCountsObeyTheHoldOfFailbackAfter(t *testing.T) {
	ruled(t, byOwn, health.Failback{Mode: health.FailbackAfter, After: 5 * time.Minute}, func(w *world) {
		w.cutAll()
		w.breakSite("*", "azure")
		w.eventually(byOwn.After+slack, "all answer with aws", w.answer(aws, three...))
		w.mendSite("*", "azure")
		w.holds(2*interval+5*time.Minute-slack, "azure is held", w.answer(aws, three...))
		w.eventually(2*interval, "all return", w.answer(azure, three...))
	})
}

// All three concluded alone that azure is down. When they meet again, the old votes say up: nobody may go back to azure
// on their account before a majority has voted anew.
func TestOwnCountsEndOnlyWhenAMajorityHasVotedSince(t *testing.T) {
	ruled(t, byOwn, auto, func(w *world) {
		w.cutAll()
		w.breakSite("*", "azure")
		w.eventually(byOwn.After+slack, "all answer with aws", w.answer(aws, three...))
		w.rejoinAll()
		w.holds(election+2*fullRun, "all go on answering with aws", w.answer(aws, three...))
		w.eventually(time.Minute, "all follow the cluster again", func() bool { return w.all(func(n *Node) bool { return len(n.Answered().Local.Modes) == 0 }) })
		for _, id := range three {
			if !w.transfers(id)() || !answers(w.nodes[id], aws) {
				t.Errorf("%s does not serve as ever", id)
			}
			if g, _ := w.nodes[id].State().Groups.Get("auth.example.com"); g.Active != "aws" || w.serial(id) == 0 {
				t.Errorf("the cluster answers with %s", g.Active)
			}
		}
		w.sameState()
	})
}

// A node alone saw azure down by its own fault; the majority kept its votes. It follows them, though they cast none.
func TestNodeThatReturnsFollowsTheMajorityThatHadNothingToVote(t *testing.T) {
	ruled(t, byOwn, auto, func(w *world) {
		w.kill("ns1")
		w.breakSite("ns1", "azure")
		w.eventually(byOwn.After+slack, "the lone node answers with aws", w.answer(aws, "ns1"))
		w.net.Rejoin("ns1", "ns2", "ns3")
		w.eventually(election+2*fullRun, "it answers with azure, though it cannot reach it", w.answer(azure, "ns1"))
		w.holds(2*time.Minute, "and stays with it", w.answer(azure, three...))
	})
}

// The majority decided otherwise meanwhile: its votes came after this node was cut off, so they count at once.
func TestLeaderThatComesBackWithOtherVerdictsIsFollowedAtOnce(t *testing.T) {
	ruled(t, byOwn, auto, func(w *world) {
		w.kill("ns1")
		time.Sleep(byOwn.After + slack)
		w.breakSite("ns2", "azure")
		w.breakSite("ns3", "azure")
		w.eventually(detect, "the majority answers with aws", w.answer(aws, "ns2", "ns3"))
		if !w.answer(azure, "ns1")() {
			t.Error("the lone node, which sees azure up, left it")
		}
		w.net.Rejoin("ns1", "ns2", "ns3")
		w.eventually(election, "the node that returns answers with aws", w.answer(aws, "ns1"))
		w.sameState()
	})
}

// The whole cluster lost its network, and so each node all sites. What they counted then is no vote: else they would
// vote azure down as soon as they meet.
func TestCountsMadeWithoutALeaderAreNeverVotes(t *testing.T) {
	for _, rule := range []state.NoQuorum{{Mode: state.NoQuorumHold}, byOwn} {
		t.Run(string(rule.Mode), func(t *testing.T) {
			t.Parallel()
			ruled(t, rule, auto, func(w *world) {
				w.cutAll()
				w.breakSite("*", "azure")
				w.breakSite("*", "aws")
				time.Sleep(5 * time.Minute)
				w.mendSite("*", "azure")
				w.mendSite("*", "aws")
				w.rejoinAll()
				w.holds(5*time.Minute, "all answer with azure", w.answer(azure, three...))
				for _, e := range w.nodes["ns1"].State().Events.All() {
					if e.Type == "vote" && slices.Contains([]string{"refused"}, e.Reason) {
						t.Errorf("what was counted without a leader became a vote: %s", e.Text)
					}
				}
			})
		})
	}
}

func TestOwnCountsBeginAnewAfterARestartInIsolation(t *testing.T) {
	ruled(t, byOwn, auto, func(w *world) {
		w.kill("ns1")
		w.breakSite("ns1", "azure")
		w.eventually(byOwn.After+slack, "the lone node answers with aws", w.answer(aws, "ns1"))
		w.stop("ns1")
		w.begin("ns1", w.open("ns1"))
		w.holds(byOwn.After-slack, "after the restart it holds what was agreed", w.answer(azure, "ns1"))
		w.eventually(2*slack, "then goes by its own counts again", w.answer(aws, "ns1"))
	})
}

func TestZonesOfOneNodeHaveRulesOfTheirOwn(t *testing.T) {
	inWorld(t, three, func(w *world) {
		for _, id := range three {
			cfg := w.config(id)
			cfg.Declarations[0].NoQuorum = refuse
			cfg.Declarations = append(cfg.Declarations, shop("shop.example.com", byOwn), shop("hold.example.com", state.NoQuorum{Mode: state.NoQuorumHold}))
			w.nodes[id].Reload(cfg)
		}
		w.eventually(time.Minute, "the zones are there", func() bool { return w.all(func(n *Node) bool { return n.State().Zones.Len() == 3 }) })
		time.Sleep(time.Minute)
		w.kill("ns1")
		w.breakSite("ns1", "azure")
		time.Sleep(refuse.After + slack)
		n := w.nodes["ns1"]
		if !w.refuses("ns1")() {
			t.Error("the zone with no-quorum refuse does not")
		}
		if l := n.Lookup(mustName("shop.example.com"), record.A); len(l.Answer) != 1 || !hasSuffix(l.Answer[0], aws) {
			t.Errorf("the zone with no-quorum local answers %v", l)
		}
		if l := n.Lookup(mustName("hold.example.com"), record.A); len(l.Answer) != 1 || !hasSuffix(l.Answer[0], azure) {
			t.Errorf("the zone with no-quorum hold answers %v", l)
		}
		if l := n.Answered().Local; len(l.Modes) != 2 || l.Hold != 1 {
			t.Errorf("it says of itself %+v", l)
		}
	})
}

// shop is a zone that shares the sites of auth.example.com.
func shop(name string, rule state.NoQuorum) *state.Declaration {
	d := declaration()
	apex := mustName(name)
	d.Zone, d.Sites, d.NoQuorum, d.Sets = apex, nil, rule, []record.Set{{Name: apex, Type: record.NS, TTL: 60, Data: [][]byte{[]byte(static)}}}
	d.SOA.MName = static
	d.Groups[0].Name = name
	d.Groups[0].Cells = []state.CellDecl{{Names: []record.Name{apex}, TTL: 60}}
	return d
}
