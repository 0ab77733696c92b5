package failover

import (
	"context"
	"net"
	"testing"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

// fixed is a source that never changes.
type fixed struct {
	zones *zone.Set
	ready bool
}

func (f fixed) Zones() *zone.Set      { return f.zones }
func (f fixed) Ready() (bool, string) { return f.ready, "" }
func (fixed) Answers() bool           { return true }

// declared is the state after one node has offered what a configuration declares.
func declared(t *testing.T, cfg node.Config) *state.State {
	t.Helper()
	st, _ := state.New().Configure(1, []state.Member{{ID: "ns1", Address: "192.0.2.1:7000", Voter: true}})
	st, result := st.Apply(2, state.Command{Body: &state.Declare{Node: "ns1", Incarnation: "i1", Declarations: cfg.Declarations}})
	if result.Refusal != nil {
		t.Fatalf("Expected the declarations to be taken, got %v", result.Refusal)
	}
	return st
}

func loaded(st *state.State) *zone.Set {
	s := zone.NewSet()
	s.Load(st)
	return s
}

// handler answers for a zone; next answers REFUSED by code 5 alone, so that it is seen in tests.
func handler(zoneName string, isDeclared bool, s source) *Failover {
	next := plugin.HandlerFunc(func(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) { return dns.RcodeYXDomain, nil })
	return &Failover{Next: next, zone: record.MustParseName(zoneName), declared: isDeclared, source: func() source { return s }, wire: &wire{payload: payload}}
}

// ask gives the rcode that ServeDNS returns and the reply that it wrote, if any.
func ask(t *testing.T, f *Failover, m *dns.Msg) (int, *dns.Msg) {
	t.Helper()
	rec := dnstest.NewRecorder(&test.ResponseWriter{})
	rcode, err := f.ServeDNS(context.Background(), rec, m)
	if err != nil {
		t.Fatal(err)
	}
	return rcode, rec.Msg
}

func question(qname string, qtype uint16) *dns.Msg { return new(dns.Msg).SetQuestion(qname, qtype) }

func TestEveryGoodCorefileIsTakenByTheStateAndServed(t *testing.T) {
	for _, file := range []string{"all", "smallest"} {
		_, cfg := goodConfig(t, file)
		s := fixed{loaded(declared(t, cfg)), true}
		for _, d := range cfg.Declarations {
			f := handler(d.Zone.String(), true, s)
			for _, g := range d.Groups {
				for _, c := range g.Cells {
					for _, n := range c.Names {
						_, m := ask(t, f, question(n.String(), dns.TypeA))
						if m == nil || m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 || !m.Authoritative {
							t.Errorf("%s: Expected an authoritative answer for %s, got %v", file, n, m)
						}
					}
				}
			}
		}
	}
}

func TestAnswersKeepTheQuerysCaseAndCarryTheTTL(t *testing.T) {
	_, cfg := goodConfig(t, "smallest")
	f := handler("auth.example.com.", true, fixed{loaded(declared(t, cfg)), true})
	_, m := ask(t, f, question("LoGin.auth.EXAMPLE.com.", dns.TypeA))
	if len(m.Answer) != 1 {
		t.Fatalf("Expected one record, got %v", m)
	}
	a, ok := m.Answer[0].(*dns.A)
	if !ok || a.Hdr.Name != "LoGin.auth.EXAMPLE.com." || a.Hdr.Ttl != 60 || !a.A.Equal(net.ParseIP("203.0.113.10")) {
		t.Errorf("Expected the primary's address, TTL 60, in the query's case, got %v", m.Answer[0])
	}
	_, m = ask(t, f, question("login.auth.example.com.", dns.TypeAAAA))
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 || len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA {
		t.Errorf("Expected NODATA with the SOA, got %v", m)
	}
}

func TestWhatEachSituationGets(t *testing.T) {
	_, cfg := goodConfig(t, "smallest")
	full, empty := loaded(declared(t, cfg)), zone.NewSet()
	notify := new(dns.Msg).SetNotify("auth.example.com.")
	chaos := question("auth.example.com.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	const next = dns.RcodeYXDomain
	for _, c := range []struct {
		claim    string
		f        *Failover
		m        *dns.Msg
		rcode    int
		answered bool
	}{
		{"a name that is not there", handler("auth.example.com.", true, fixed{full, true}), question("nope.auth.example.com.", dns.TypeA), dns.RcodeSuccess, true},
		{"a new node without state", handler("auth.example.com.", true, fixed{empty, false}), question("auth.example.com.", dns.TypeA), dns.RcodeServerFailure, false},
		{"no node at all", handler("auth.example.com.", true, nil), question("auth.example.com.", dns.TypeA), dns.RcodeServerFailure, false},
		{"a declared zone that the state does not have", handler("auth.example.com.", true, fixed{empty, true}), question("auth.example.com.", dns.TypeA), dns.RcodeServerFailure, false},
		{"a zone that is only served, and not stored", handler("other.example.com.", false, fixed{full, true}), question("other.example.com.", dns.TypeA), next, false},
		{"the same on a node without state", handler("other.example.com.", false, fixed{empty, false}), question("other.example.com.", dns.TypeA), dns.RcodeServerFailure, false},
		{"a stored zone through a block that declares nothing", handler("auth.example.com.", false, fixed{full, true}), question("auth.example.com.", dns.TypeA), dns.RcodeSuccess, true},
		{"a deeper block does not answer from the zone above", handler("sub.auth.example.com.", false, fixed{full, true}), question("x.sub.auth.example.com.", dns.TypeA), next, false},
		{"a foreign name", handler("auth.example.com.", true, fixed{full, true}), question("example.net.", dns.TypeA), next, false},
		{"a NOTIFY", handler("auth.example.com.", true, fixed{full, true}), notify, dns.RcodeNotImplemented, false},
		{"another class", handler("auth.example.com.", true, fixed{full, true}), chaos, dns.RcodeRefused, false},
		{"a transfer without the plugin transfer", handler("auth.example.com.", true, fixed{full, true}), question("auth.example.com.", dns.TypeAXFR), dns.RcodeRefused, false},
	} {
		if c.f.source() == source(nil) {
			c.f.source = func() source { return nil }
		}
		rcode, m := ask(t, c.f, c.m)
		if rcode != c.rcode || (m != nil) != c.answered {
			t.Errorf("%s: Expected rcode %d and a reply written: %t, got %d and %v", c.claim, c.rcode, c.answered, rcode, m)
		}
	}
}

func TestReadinessIsTheNodes(t *testing.T) {
	for _, ready := range []bool{true, false} {
		if got := handler("a.example.", true, fixed{zone.NewSet(), ready}).Ready(); got != ready {
			t.Errorf("Expected %t, got %t", ready, got)
		}
	}
	f := handler("a.example.", true, nil)
	f.source = func() source { return nil }
	if f.Ready() {
		t.Error("Expected a process without a node not to be ready")
	}
}

func TestTransferIsTheWholeZoneBetweenTwoSOAs(t *testing.T) {
	_, cfg := goodConfig(t, "all")
	f := handler("auth.example.com.", true, fixed{loaded(declared(t, cfg)), true})
	rrs := transferOf(t, f, "auth.example.com.", 0)
	first, ok1 := rrs[0].(*dns.SOA)
	_, ok2 := rrs[len(rrs)-1].(*dns.SOA)
	if !ok1 || !ok2 {
		t.Fatalf("Expected an SOA first and last, got %v", rrs)
	}
	steered := false
	for _, rr := range rrs {
		steered = steered || rr.Header().Name == "login.auth.example.com." && rr.Header().Rrtype == dns.TypeA
	}
	if !steered {
		t.Errorf("Expected the present addresses of login, got %v", rrs)
	}
	if same := transferOf(t, f, "auth.example.com.", first.Serial); len(same) != 1 {
		t.Errorf("Expected the SOA alone for a secondary that has it all, got %v", same)
	}
	for _, foreign := range []string{"example.com.", "login.auth.example.com.", "example.net."} {
		if _, err := f.Transfer(foreign, 0); err != transfer.ErrNotAuthoritative {
			t.Errorf("%s: Expected %v, got %v", foreign, transfer.ErrNotAuthoritative, err)
		}
	}
	st, own := declared(t, cfg), zone.NewSet()
	own.Mark(map[string]zone.Mark{state.ZoneKey(record.MustParseName("auth.example.com")): {Local: true}})
	own.Load(st)
	if _, err := handler("auth.example.com.", true, fixed{own, true}).Transfer("auth.example.com.", 0); err == nil || err == transfer.ErrNotAuthoritative {
		t.Errorf("Expected no transfer of answers that this node alone has, got %v", err)
	}
	if _, err := handler("auth.example.com.", true, fixed{zone.NewSet(), false}).Transfer("auth.example.com.", 0); err == nil || err == transfer.ErrNotAuthoritative {
		t.Errorf("Expected a fault from a node without state, got %v", err)
	}
}

func transferOf(t *testing.T, f *Failover, zoneName string, serial uint32) []dns.RR {
	t.Helper()
	ch, err := f.Transfer(zoneName, serial)
	if err != nil {
		t.Fatal(err)
	}
	var rrs []dns.RR
	for piece := range ch {
		rrs = append(rrs, piece...)
	}
	return rrs
}
