package zone

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

// flattenedWorld is a state as commands make it, with a set that follows it: azure is a flattened target, at the apex
// and at a name with other types.
type flattenedWorld struct {
	t   *testing.T
	st  *state.State
	set *Set
}

func newFlattenedWorld(t *testing.T) *flattenedWorld {
	w := &flattenedWorld{t: t, st: state.New(), set: NewSet()}
	w.st, _ = w.st.Configure(1, []state.Member{{ID: "ns1", Voter: true}})
	soa, sets, err := ParseFile(strings.NewReader(tiny+"@ 60 MX 1 ns1\nmail 60 TXT t\n"), "db.test", record.MustParseName("example.org"))
	if err != nil {
		t.Fatal(err)
	}
	w.do(&state.Declare{Node: "ns1", Incarnation: "i", Declarations: []*state.Declaration{{
		Zone: record.MustParseName("example.org"), Source: "Corefile:1", SOA: soa, Sets: sets,
		Sites: []state.SiteDecl{{Name: "azure", Target: record.MustParseName("lb.cloud.example"), Flatten: true, MinHealthy: 1}},
		Groups: []state.GroupDecl{{Name: "example.org", Sites: []string{"azure"}, AllDown: state.AllDownPrimary,
			Cells: []state.CellDecl{{Names: names("example.org", "mail.example.org"), TTL: 30}}}},
	}}})
	return w
}

func (w *flattenedWorld) do(body state.Body) {
	w.t.Helper()
	next, res := w.st.Apply(w.st.Index+1, state.Command{Body: body})
	if res.Refusal != nil {
		w.t.Fatal(res.Refusal)
	}
	w.st = next
	w.set.Update(next, res.Effect.Zones)
}

func (w *flattenedWorld) resolved(all ...string) {
	w.t.Helper()
	w.do(&state.Resolved{Target: record.MustParseName("lb.cloud.example"), Addresses: addrs(all...)})
}

// TestFlattenedTargetIsAnsweredWithAddressesBesideOtherTypes: no CNAME anywhere, so SOA, NS, MX and TXT may stand beside
// it (RFC 1034 section 3.6.2).
func TestFlattenedTargetIsAnsweredWithAddressesBesideOtherTypes(t *testing.T) {
	w := newFlattenedWorld(t)
	w.resolved("203.0.113.9", "2001:db8::9")
	wantReply(t, ask(t, w.set, "example.org", dns.TypeA), `NOERROR aa
		example.org. 30 IN A 203.0.113.9`)
	wantReply(t, ask(t, w.set, "example.org", dns.TypeAAAA), `NOERROR aa
		example.org. 30 IN AAAA 2001:db8::9`)
	wantReply(t, ask(t, w.set, "example.org", dns.TypeNS), `NOERROR aa
		example.org. 60 IN NS ns1.example.org.
		extra ns1.example.org. 60 IN A 192.0.2.1`)
	wantReply(t, ask(t, w.set, "mail.example.org", dns.TypeTXT), `NOERROR aa
		mail.example.org. 60 IN TXT "t"`)
	wantReply(t, ask(t, w.set, "mail.example.org", dns.TypeCNAME), `NOERROR aa
		ns example.org. 30 IN SOA ns1.example.org. host.example.org. 2 1 1 1 60`)
	transfer := strings.Join(lines(slices.Collect(w.set.Find(record.MustParseName("example.org")).Transfer(0))), "\n")
	if strings.Contains(transfer, "CNAME") || strings.Count(transfer, " A 203.0.113.9") != 2 {
		t.Errorf("the transfer has\n%s", transfer)
	}
}

// TestChangedTargetSwapsTheAnswersAndRaisesTheSerial; a family that it does not have any more is NODATA.
func TestChangedTargetSwapsTheAnswersAndRaisesTheSerial(t *testing.T) {
	w := newFlattenedWorld(t)
	w.resolved("203.0.113.9", "2001:db8::9")
	held := w.set.Find(record.MustParseName("example.org"))
	w.resolved("203.0.113.7", "203.0.113.8")
	wantReply(t, ask(t, w.set, "mail.example.org", dns.TypeA), `NOERROR aa
		mail.example.org. 30 IN A 203.0.113.7
		mail.example.org. 30 IN A 203.0.113.8`)
	wantReply(t, ask(t, w.set, "example.org", dns.TypeAAAA), `NOERROR aa
		ns example.org. 30 IN SOA ns1.example.org. host.example.org. 3 1 1 1 60`)
	wantReply(t, held.Respond(new(dns.Msg).SetQuestion("example.org.", dns.TypeA), Images{}), `NOERROR aa
		example.org. 30 IN A 203.0.113.9`)
	w.resolved("203.0.113.8", "203.0.113.7")
	if serial := w.set.Find(record.MustParseName("example.org")).Serial(); serial != 3 {
		t.Errorf("the same addresses in another order raised the serial to %d", serial)
	}
}

// TestTargetWithoutAResultIsNoData, not NXDOMAIN, and for no longer than its own answers would last.
func TestTargetWithoutAResultIsNoData(t *testing.T) {
	w := newFlattenedWorld(t)
	wantReply(t, ask(t, w.set, "example.org", dns.TypeA), `NOERROR aa
		ns example.org. 30 IN SOA ns1.example.org. host.example.org. 1 1 1 1 60`)
}
