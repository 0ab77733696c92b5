//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
	"failoverdns/e2e/world"
)

// scene is a cluster whose nodes, sites and resolver are hosts of their own, and a judge who watches it from outside.
// What a scenario does goes through the scene, so that the judge knows what the world is like.
type scene struct {
	*cluster.Cluster
	t     *testing.T
	net   *world.Network
	judge *judgement

	azure, aws string // the sites' addresses
}

// set builds a scene of some nodes, whose lines stand in the failover block, and starts nothing.
func set(t *testing.T, nodes int, lines ...string) *scene {
	t.Helper()
	gated(t)
	if err := world.Possible(); err != nil {
		t.Skipf("cannot build hosts: %v", err)
	}
	names := []string{"azure", "aws", "parent", "resolver"}
	for i := range nodes {
		names = append(names, fmt.Sprintf("ns%d", i+1))
	}
	net, err := world.New(names...)
	ok(t, err)
	t.Cleanup(func() { ok(t, net.Close()) })
	s := &scene{t: t, net: net, azure: net.Host("azure").Address, aws: net.Host("aws").Address}
	s.Cluster = prepare(t, cluster.Spec{Nodes: nodes, Interval: fast, Lines: lines, Delegated: true,
		Sites: []cluster.SiteSpec{{Name: "azure", Addresses: []string{s.azure}}, {Name: "aws", Addresses: []string{s.aws}}},
		Place: func(name string) cluster.Place {
			h := net.Host(name)
			return cluster.Place{Address: h.Address, Within: h.Within(), Dial: h.Dial}
		}})
	return s
}

// stage builds a scene and starts all of it.
func stage(t *testing.T, nodes int, lines ...string) *scene {
	t.Helper()
	s := set(t, nodes, lines...)
	s.open()
	return s
}

// open starts everything, and the judge.
func (s *scene) open() {
	s.t.Helper()
	ok(s.t, s.Start(within(s.t, time.Minute)))
	s.judge = watch(s)
}

// fails has the primary refuse its work for everybody, and returns the moment.
func (s *scene) fails() time.Time {
	s.t.Helper()
	ok(s.t, s.Site("azure").SetFaults(cluster.Faults{Status: 503}))
	return s.judge.sick(true)
}

// recovers ends that.
func (s *scene) recovers() time.Time {
	s.t.Helper()
	ok(s.t, s.Site("azure").SetFaults(cluster.Faults{}))
	return s.judge.sick(false)
}

// apart cuts both ways between hosts.
func (s *scene) apart(a string, others ...string) time.Time {
	s.t.Helper()
	for _, o := range others {
		ok(s.t, s.net.Cut(a, o))
		ok(s.t, s.net.Cut(o, a))
	}
	return s.judge.disturbed()
}

// deaf drops what one host sends to another.
func (s *scene) deaf(from, to string) time.Time {
	s.t.Helper()
	ok(s.t, s.net.Cut(from, to))
	return s.judge.disturbed()
}

// heal ends all cuts.
func (s *scene) heal() time.Time {
	s.t.Helper()
	ok(s.t, s.net.HealAll())
	return s.judge.disturbed()
}

func (s *scene) kill(n *cluster.Node) time.Time {
	s.judge.leaves(n)
	n.Kill()
	return s.judge.disturbed()
}

func (s *scene) start(n *cluster.Node) time.Time {
	s.t.Helper()
	ok(s.t, n.Start())
	return s.judge.disturbed()
}

func (s *scene) pause(n *cluster.Node) time.Time {
	s.t.Helper()
	s.judge.leaves(n)
	ok(s.t, n.Pause())
	return s.judge.disturbed()
}

func (s *scene) resume(n *cluster.Node) time.Time {
	s.t.Helper()
	ok(s.t, n.Resume())
	s.judge.returns(n)
	return s.judge.disturbed()
}

// leader is the node that leads, and the others.
func (s *scene) leader() (*cluster.Node, []*cluster.Node) {
	s.t.Helper()
	l, err := s.Leader(soon(s.t))
	ok(s.t, err)
	return l, but(s.Cluster, l)
}

// lanElection is the longest that the nodes were seen to be without a leader under timing lan, and some more for a
// machine that is busy with other tests.
const lanElection = 6 * time.Second

// flipBudget is what a flip may take while nobody is lost; the same and an election where the leader may be.
func (s *scene) flipBudget(elections int) time.Duration {
	spec := s.Spec()
	return spec.Detection() + slack + time.Duration(elections)*lanElection
}

// leaves demands that nodes answer with the secondary in time after the primary's failure, and has the table keep how long
// each took.
func (s *scene) leaves(scenario string, since time.Time, budget time.Duration, nodes ...*cluster.Node) {
	s.t.Helper()
	for _, took := range s.turn(since, budget, nodes) {
		table.add(scenario, took, s.least())
	}
}

// follows demands the same of nodes that were away, after their return.
func (s *scene) follows(since time.Time, budget time.Duration, nodes ...*cluster.Node) {
	s.t.Helper()
	s.turn(since, budget, nodes)
}

// turn waits until nodes answer with the secondary, and gives how long each took.
func (s *scene) turn(since time.Time, budget time.Duration, nodes []*cluster.Node) (all []time.Duration) {
	s.t.Helper()
	for _, n := range nodes {
		took, err := s.judge.wait(n.ID, s.aws, since, budget+5*time.Second)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Logf("%s answers with aws after %.2f s", n.ID, took.Seconds())
		if took > budget {
			s.t.Errorf("%s answered with azure for %.2f s; allowed are %.2f s", n.ID, took.Seconds(), budget.Seconds())
		}
		all = append(all, took)
	}
	return all
}

// least is the theoretical minimum of a flip that three failed probes in a row cause, the first of them at once.
func (s *scene) least() time.Duration {
	spec := s.Spec()
	return (cluster.Failures - 1) * spec.Interval
}

// returnsHome waits until every node answers with the primary again, ending the hold that damps flapping.
func (s *scene) returnsHome() {
	s.t.Helper()
	ok(s.t, s.WaitVerdicts(within(s.t, time.Minute), "up"))
	began := time.Now()
	for _, n := range s.Nodes() {
		eventually(s.t, func() error {
			if last := s.judge.last(n.ID); last.answer == s.azure && last.at.After(began) {
				return nil
			}
			_, err := s.Nodes()[0].API().Failback(s.t.Context(), api.FailbackRequest{Who: api.Who{Author: "scene", Reason: "next"}, Group: zone}, false)
			if err == nil {
				err = fmt.Errorf("%s does not answer with azure", n.ID)
			}
			return err
		})
	}
}
