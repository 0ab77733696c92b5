//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
	"failoverdns/e2e/world"
)

// Packets that are late, doubled, out of order, or held up for a while: no answer may be wrong for it, and no flip much
// later.

func TestLateDoubledAndReorderedQuestionsAndAnswersMakeNoAnswerWrong(t *testing.T) {
	s := stage(t, 3, "ttl 2")
	seed := seeded(t)
	c := s.client()
	s.impaired(world.Impairment{Delay: 20 * time.Millisecond, Jitter: 20 * time.Millisecond, Duplicate: 30, Reorder: 30, Late: 40 * time.Millisecond,
		Only: []string{s.net.Outside(), s.net.Host("resolver").Address}}, seed)
	began := time.Now()
	for i, n := range s.Nodes() {
		s.burst(n, s.azure, rand.New(rand.NewPCG(seed, uint64(i))))
	}
	failed := s.fails()
	s.leaves("DNS packets late, doubled, out of order", failed, s.flipBudget(0)+slack, s.Nodes()...)
	for i, n := range s.Nodes() {
		s.burst(n, s.aws, rand.New(rand.NewPCG(seed, uint64(10+i))))
		m, err := n.QueryTCP(soon(t), login, dns.TypeA)
		ok(t, err)
		if got := cluster.Answer(m); got != s.aws {
			t.Errorf("%s answers %s over TCP", n.ID, got)
		}
	}
	time.Sleep(2 * time.Second) // what the resolver had has ended
	after := time.Now()
	time.Sleep(time.Second)
	c.only(t, began, s.azure, s.aws)
	if last := c.only(t, after, s.azure, s.aws); !last.IsZero() {
		t.Errorf("a client was sent to the dead site %s after its death", last.Sub(failed))
	}
}

func TestSlowAndStallingLinksBetweenNodesKeepNoFlipBackForLong(t *testing.T) {
	s := stage(t, 3)
	seed := seeded(t)
	s.judge.allow(lanElection)
	var nodes []string
	for _, n := range s.Nodes() {
		nodes = append(nodes, s.net.Host(n.ID).Address)
	}
	for _, c := range []struct {
		row string
		imp world.Impairment // at both ends of each link
	}{
		{"links of 40 to 100 ms each way, packets doubled and out of order",
			world.Impairment{Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, Duplicate: 10, Reorder: 5, Late: 30 * time.Millisecond}},
		{"links that stand still 0.5 s each 2 s", world.Impairment{StallEvery: 2 * time.Second, StallFor: 500 * time.Millisecond}},
	} {
		c.imp.Only = nodes
		remove := s.impaired(c.imp, seed)
		time.Sleep(4 * time.Second) // not only the first seconds count
		s.leaves(c.row, s.fails(), s.flipBudget(2), s.Nodes()...)
		remove()
		s.recovers()
		s.returnsHome()
	}
}

// impaired puts a wire of this kind before each node, until remove or the end of the test. It must have done something.
func (s *scene) impaired(i world.Impairment, seed uint64) (remove func()) {
	s.t.Helper()
	var wires []*world.Wire
	for k, n := range s.Nodes() {
		s.judge.leaves(n) // what is on its way while cables are moved may be lost
		w, err := s.net.Host(n.ID).Impair(i, seed+uint64(k))
		ok(s.t, err)
		wires = append(wires, w)
		s.judge.returns(n)
	}
	s.judge.disturbed()
	return func() {
		s.t.Helper()
		for k, w := range wires {
			n := s.Nodes()[k]
			s.judge.leaves(n)
			ok(s.t, w.Remove())
			s.judge.returns(n)
			p := w.Passed()
			s.t.Logf("the wire of %s: %+v", n.ID, p)
			if i.Duplicate > 0 && p.Duplicated == 0 || i.Reorder > 0 && p.Reordered == 0 || i.StallFor > 0 && p.Stalls == 0 {
				s.t.Error("it did not do what it was there for")
			}
		}
		s.judge.disturbed()
	}
}

// burstOf is how many questions a burst has: far fewer than the kernel keeps for a socket.
const burstOf = 200

// burst asks a node many things at once from one socket, and holds whatever comes back to the question with its ID. Each
// must be answered, some twice, and not all in order.
func (s *scene) burst(n *cluster.Node, site string, rng *rand.Rand) {
	s.t.Helper()
	conn, err := net.Dial("udp", n.DNS)
	ok(s.t, err)
	defer conn.Close()
	asked := make([]*dns.Msg, burstOf)
	for id := range asked {
		asked[id] = s.question(rng)
		asked[id].Id = uint16(id)
		b, err := asked[id].Pack()
		ok(s.t, err)
		_, err = conn.Write(b)
		ok(s.t, err)
	}
	times, overtaken, last := make([]int, burstOf), 0, 0
	for buf := make([]byte, 4096); ; {
		ok(s.t, conn.SetReadDeadline(time.Now().Add(slack)))
		size, err := conn.Read(buf)
		if err != nil {
			break
		}
		m := new(dns.Msg)
		ok(s.t, m.Unpack(buf[:size]))
		id := int(m.Id)
		if why := s.mismatch(m, asked, site); why != "" {
			s.t.Fatalf("%s: %s", n.ID, why)
		}
		if times[id]++; id < last {
			overtaken++
		}
		last = id
	}
	twice := 0
	for id, n := range times {
		if n == 0 {
			s.t.Errorf("question %d was not answered: %s", id, asked[id].Question[0].String())
		}
		if n > 1 {
			twice++
		}
	}
	s.t.Logf("%s answered %d of %d questions more than once, %d answers came after later ones", n.ID, twice, burstOf, overtaken)
	if twice == 0 || overtaken == 0 {
		s.t.Error("nothing was doubled, or nothing out of order")
	}
}

// question is about a name that follows the sites, one that does not, or one that is not there.
func (s *scene) question(rng *rand.Rand) *dns.Msg {
	names := []string{login, zone, "ns1." + zone, fmt.Sprintf("%x.%s", rng.Uint32(), zone)}
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	return new(dns.Msg).SetQuestion(dns.Fqdn(names[rng.IntN(len(names))]), types[rng.IntN(len(types))])
}

// mismatch says why a response is not what the question with its ID deserves.
func (s *scene) mismatch(m *dns.Msg, asked []*dns.Msg, site string) string {
	if int(m.Id) >= len(asked) || len(m.Question) != 1 || m.Question[0] != asked[m.Id].Question[0] {
		return fmt.Sprintf("nobody asked what this answers:\n%s", m)
	}
	want := "NXDOMAIN"
	switch q := m.Question[0]; {
	case q.Name == "ns1."+zone+"." && q.Qtype == dns.TypeA:
		want = s.net.Host("ns1").Address
	case (q.Name == login+"." || q.Name == zone+".") && q.Qtype == dns.TypeA:
		want = site
	case q.Name == "ns1."+zone+"." || q.Name == login+"." || q.Name == zone+".":
		want = "NODATA"
	}
	if got := cluster.Answer(m); got != want {
		return fmt.Sprintf("it answers %s, not %s, to %s", got, want, m.Question[0].String())
	}
	return ""
}
