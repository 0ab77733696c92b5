package zone

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

const tiny = "@ 60 SOA ns1 host 1 1 1 1 60\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n"

// join puts the zones of several states into one.
func join(states ...*state.State) *state.State {
	out := new(state.State)
	for _, st := range states {
		for k, z := range st.Zones.All() {
			out.Zones = out.Zones.With(k, z)
		}
		for k, g := range st.Groups.All() {
			out.Groups = out.Groups.With(k, g)
		}
	}
	return out
}

func TestFindTakesTheLongestZoneByWholeLabels(t *testing.T) {
	s := loaded(join(fileState(t, "org.", tiny), fileState(t, "example.org", tiny), fileState(t, "a.b.example.org", tiny)))
	for name, want := range map[string]string{
		"example.org":       "example.org.",
		"www.example.org":   "example.org.",
		"aexample.org":      "org.",
		"b.example.org":     "example.org.",
		"a.b.example.org":   "a.b.example.org.",
		"x.a.b.example.org": "a.b.example.org.",
		"xa.b.example.org":  "example.org.",
		"net":               "",
		".":                 "",
	} {
		got := ""
		if im := s.Find(record.MustParseName(name)); im != nil {
			got = im.Zone().String()
		}
		if got != want {
			t.Errorf("%s belongs to %q, want %q", name, got, want)
		}
	}
	var all []string
	for im := range s.All() {
		all = append(all, im.Zone().String())
	}
	if want := []string{"org.", "example.org.", "a.b.example.org."}; !slices.Equal(all, want) {
		t.Errorf("the zones are %q, want %q", all, want)
	}
}

func TestRootZoneIsFoundForEveryName(t *testing.T) {
	s := loaded(fileState(t, ".", tiny))
	wantReply(t, ask(t, s, "ns1.", dns.TypeA), "NOERROR aa\nns1. 60 IN A 192.0.2.1")
	wantReply(t, ask(t, s, ".", dns.TypeNS), "NOERROR aa\n. 60 IN NS ns1.\nextra ns1. 60 IN A 192.0.2.1")
	wantReply(t, ask(t, s, "a.b.", dns.TypeA), "NXDOMAIN aa\nns . 60 IN SOA ns1. host. 1 1 1 1 60")
}

func TestDSOfAServedChildIsTheParents(t *testing.T) {
	parent := tiny + "sub 60 NS ns1\nsub 60 DS 1 8 2 0123456789012345678901234567890123456789012345678901234567890123\n"
	s := loaded(join(fileState(t, "example.org", parent), fileState(t, "sub.example.org", tiny)))
	name := record.MustParseName("sub.example.org")
	for typ, want := range map[record.Type]string{record.DS: "example.org.", record.A: "sub.example.org."} {
		if got := s.FindFor(name, typ).Zone().String(); got != want {
			t.Errorf("%s of the child belongs to %s, want %s", typ, got, want)
		}
	}
	if got := s.FindFor(record.MustParseName("example.org"), record.DS).Zone().String(); got != "example.org." {
		t.Errorf("the DS of a zone without a served parent belongs to %s", got)
	}
	if s.FindFor(record.MustParseName("net"), record.DS) != nil {
		t.Error("a foreign name belongs to a zone")
	}
	if m := ask(t, s, "sub.example.org", dns.TypeDS); len(m.Answer) != 1 || !m.Authoritative {
		t.Errorf("got %s", transcript(m))
	}
}

// flipped is the state with other answers in the group g of example.org.
func flipped(st *state.State, answers ...state.Answer) *state.State {
	g, _ := st.Groups.Get("g")
	return withGroup(st, "example.org", "g", g.Cells, answers)
}

func zoneChange(origin string, whole bool, cells ...state.CellRef) []state.ZoneChange {
	return []state.ZoneChange{{Zone: state.ZoneKey(record.MustParseName(origin)), Whole: whole, Cells: cells}}
}

func TestFlipIsSeenByLaterLookupsAndAnOldImageStaysAsItWas(t *testing.T) {
	st := steered(t)
	s := loaded(st)
	old := s.Find(record.MustParseName("example.org"))
	g, _ := st.Groups.Get("g")
	answers := slices.Clone(g.Answers)
	answers[0] = state.Answer{A: addrs("198.51.100.20")}
	answers[2] = state.Answer{A: addrs("198.51.100.21")}
	s.Update(flipped(st, answers...), zoneChange("example.org", false, state.CellRef{Group: "g", Cell: 0}, state.CellRef{Group: "g", Cell: 2}))

	const soa3 = "example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. 3 7200 900 1209600 300"
	for _, tc := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"login.example.org", dns.TypeA, "NOERROR aa\nlogin.example.org. 60 IN A 198.51.100.20"},
		{"example.org", dns.TypeA, "NOERROR aa\nexample.org. 60 IN A 198.51.100.20"},
		{"login.example.org", dns.TypeAAAA, "NOERROR aa\nns " + soa3},
		{"cdn.example.org", dns.TypeA, "NOERROR aa\ncdn.example.org. 20 IN A 198.51.100.21"},
		{"v4.example.org", dns.TypeA, "NOERROR aa\nv4.example.org. 30 IN A 203.0.113.20"},
	} {
		wantReply(t, ask(t, s, tc.name, tc.qtype), tc.want)
	}
	if now := s.Find(record.MustParseName("example.org")); now.Serial() != 3 || old.Serial() != 2 || now.tree != old.tree {
		t.Errorf("serial %d after %d; the tree is shared: %v", now.Serial(), old.Serial(), now.tree == old.tree)
	}
	wantReply(t, old.Respond(new(dns.Msg).SetQuestion("login.example.org.", dns.TypeAAAA), Images{}),
		"NOERROR aa\nlogin.example.org. 60 IN AAAA 2001:db8::10")
}

func TestSerialAloneMayChange(t *testing.T) {
	st := steered(t)
	s := loaded(st)
	g, _ := st.Groups.Get("g")
	s.Update(flipped(st, g.Answers...), zoneChange("example.org", false))
	if m := ask(t, s, "example.org", dns.TypeSOA); m.Answer[0].(*dns.SOA).Serial != 3 {
		t.Errorf("got %s", transcript(m))
	}
}

func TestWholeChangeRebuildsAddsAndDrops(t *testing.T) {
	st := steered(t)
	s := loaded(st)
	grown := fileState(t, "example.org", tiny+"new 60 A 192.0.2.2\n")
	both := join(grown, fileState(t, "example.net", tiny))
	s.Update(both, append(zoneChange("example.org", true), zoneChange("example.net", true)...))
	wantReply(t, ask(t, s, "new.example.org", dns.TypeA), "NOERROR aa\nnew.example.org. 60 IN A 192.0.2.2")
	wantReply(t, ask(t, s, "ns1.example.net", dns.TypeA), "NOERROR aa\nns1.example.net. 60 IN A 192.0.2.1")
	if m := ask(t, s, "login.example.org", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("a name that is gone gets %s", transcript(m))
	}
	s.Update(grown, zoneChange("example.net", true))
	if s.Find(record.MustParseName("example.net")) != nil {
		t.Error("a dropped zone is still served")
	}
	s.Load(new(state.State))
	if s.Find(record.MustParseName("example.org")) != nil {
		t.Error("Load keeps a zone that the state does not have")
	}
}

func TestFlipOfAnotherShapeIsBuiltAnew(t *testing.T) {
	st := steered(t)
	for claim, refs := range map[string][]state.CellRef{
		"unknown group": {{Group: "other", Cell: 0}},
		"unknown cell":  {{Group: "g", Cell: 17}},
		"negative cell": {{Group: "g", Cell: -1}},
	} {
		s := loaded(st)
		before := s.Find(record.MustParseName("example.org")).tree
		s.Update(st, zoneChange("example.org", false, refs...))
		after := s.Find(record.MustParseName("example.org")).tree
		if after == before {
			t.Errorf("%s: the old tree is still used", claim)
		}
	}
	s := loaded(st)
	s.Update(fileState(t, "example.com", tiny), zoneChange("example.com", false))
	wantReply(t, ask(t, s, "ns1.example.com", dns.TypeA), "NOERROR aa\nns1.example.com. 60 IN A 192.0.2.1")
}

func TestReadersSeeAllOfAFlipOrNothing(t *testing.T) {
	st := steered(t)
	s := loaded(st)
	g, _ := st.Groups.Get("g")
	other := slices.Clone(g.Answers)
	other[0], other[1] = state.Answer{A: addrs("198.51.100.1")}, state.Answer{A: addrs("198.51.100.1")}
	away := flipped(st, other...)
	refs := []state.CellRef{{Group: "g", Cell: 0}, {Group: "g", Cell: 1}}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				im := s.Find(record.MustParseName("login.example.org"))
				a := im.Respond(new(dns.Msg).SetQuestion("login.example.org.", dns.TypeA), Images{})
				b := im.Respond(new(dns.Msg).SetQuestion("v4.example.org.", dns.TypeA), Images{})
				if (len(a.Answer) == 1) != (b.Answer[0].(*dns.A).A.String() == "198.51.100.1") {
					t.Errorf("half of a flip: %s and %s", a.Answer, b.Answer)
				}
				if _, err := a.Pack(); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range 200 {
		s.Update(away, zoneChange("example.org", false, refs...))
		s.Update(st, zoneChange("example.org", false, refs...))
	}
	close(done)
	readers.Wait()
}

// bigState is a zone with n static names and n steered ones in one cell.
func bigState(n int) *state.State {
	soa, sets := Made(record.MustParseName("example.org"), []NameServer{{record.MustParseName("ns1.example.org"), addrs("192.0.2.1")}}, 60)
	var steered []record.Name
	for i := range n {
		steered = append(steered, record.MustParseName(fmt.Sprintf("s%d.example.org", i)))
		name := record.MustParseName(fmt.Sprintf("n%d.example.org", i))
		sets = append(sets, record.AddressSets(name, 60, addrs("192.0.2.7"))...)
	}
	return withGroup(zoneState("example.org", soa, sets), "example.org", "g",
		[]state.CellDecl{{Names: steered, TTL: 60}}, []state.Answer{{A: addrs("192.0.2.8")}})
}

func TestFlipCostsTheSameInABigZone(t *testing.T) {
	cost := func(n int) float64 {
		st := bigState(n)
		s := loaded(st)
		change := zoneChange("example.org", false, state.CellRef{Group: "g", Cell: 0})
		return testing.AllocsPerRun(20, func() { s.Update(st, change) })
	}
	if small, big := cost(10), cost(20000); big > small {
		t.Errorf("a flip takes %v allocations with 20000 names in the cell, %v with 10", big, small)
	}
}

func BenchmarkFlip(b *testing.B) {
	for _, n := range []int{10, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			st := bigState(n)
			s := loaded(st)
			change := zoneChange("example.org", false, state.CellRef{Group: "g", Cell: 0})
			b.ReportAllocs()
			for b.Loop() {
				s.Update(st, change)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	st := bigState(100000)
	b.ReportAllocs()
	for b.Loop() {
		loaded(st)
	}
}

func BenchmarkRespond(b *testing.B) {
	s := loaded(bigState(100000))
	req := new(dns.Msg).SetQuestion("s777.example.org.", dns.TypeA)
	name := record.MustParseName("s777.example.org")
	b.ReportAllocs()
	for b.Loop() {
		if m := s.Find(name).Respond(req, Images{}); len(m.Answer) != 1 {
			b.Fatal(m)
		}
	}
}
