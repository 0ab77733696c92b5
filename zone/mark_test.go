package zone

import (
	"testing"

	"github.com/miekg/dns"

	"failoverdns/state"
)

// marked is a zone whose apex and login are steered, with a mark.
func marked(t *testing.T, m Mark) (*Set, *state.State) {
	t.Helper()
	st := fileState(t, "example.org", tiny+"@ 60 MX 10 login\nwww 60 CNAME login\nmail 60 A 192.0.2.25\nalias 60 CNAME mail\n")
	cells := []state.CellDecl{{Names: names("example.org", "login.example.org", "*.w.example.org"), TTL: 60}}
	st = withGroup(st, "example.org", "g", cells, []state.Answer{{A: addrs("203.0.113.10")}})
	s := NewSet()
	s.Mark(map[string]Mark{key("example.org"): m})
	s.Load(st)
	return s, st
}

func key(zone string) string { return state.ZoneKey(names(zone)[0]) }

func TestWithheldZoneAnswersStaticNamesAndFailsSteeredOnes(t *testing.T) {
	s, _ := marked(t, Mark{Withheld: []string{"g"}})
	for _, c := range []struct {
		name  string
		qtype uint16
		rcode int
		extra int
	}{
		{"login.example.org", dns.TypeA, dns.RcodeServerFailure, 0},
		{"login.example.org", dns.TypeAAAA, dns.RcodeServerFailure, 0}, // NODATA speaks of the active site as much
		{"login.example.org", dns.TypeTXT, dns.RcodeServerFailure, 0},
		{"login.example.org", dns.TypeANY, dns.RcodeServerFailure, 0},
		{"www.example.org", dns.TypeA, dns.RcodeServerFailure, 0}, // an alias that leads there
		{"x.w.example.org", dns.TypeA, dns.RcodeServerFailure, 0},
		{"example.org", dns.TypeA, dns.RcodeServerFailure, 0},
		{"example.org", dns.TypeSOA, dns.RcodeSuccess, 0},
		{"example.org", dns.TypeNS, dns.RcodeSuccess, 1},
		{"example.org", dns.TypeMX, dns.RcodeSuccess, 0}, // without the steered addresses of its target
		{"www.example.org", dns.TypeCNAME, dns.RcodeSuccess, 0},
		{"alias.example.org", dns.TypeA, dns.RcodeSuccess, 0},
		{"mail.example.org", dns.TypeTXT, dns.RcodeSuccess, 0},
		{"nothing.example.org", dns.TypeA, dns.RcodeNameError, 0},
	} {
		m := ask(t, s, c.name, c.qtype)
		if m.Rcode != c.rcode || len(m.Extra) != c.extra {
			t.Errorf("%s %s: %s with %d additional records, want %s with %d", c.name, dns.Type(c.qtype), dns.RcodeToString[m.Rcode], len(m.Extra), dns.RcodeToString[c.rcode], c.extra)
		}
		if c.rcode == dns.RcodeServerFailure && (m.Authoritative || len(m.Answer)+len(m.Ns) > 0) {
			t.Errorf("%s: a failure says something all the same:\n%s", c.name, transcript(m))
		}
	}
}

func TestMarkOutlastsFlipsAndEndsWithTheNextUpdate(t *testing.T) {
	s, st := marked(t, Mark{Withheld: []string{"g"}, Local: true})
	before := s.Find(names("login.example.org")[0])
	st = withGroup(st, "example.org", "g", []state.CellDecl{{Names: names("example.org", "login.example.org", "*.w.example.org"), TTL: 60}}, []state.Answer{{A: addrs("198.51.100.20")}})
	change := []state.ZoneChange{{Zone: key("example.org"), Cells: []state.CellRef{{Group: "g"}}}}
	s.Update(st, change)
	if m := s.Find(names("login.example.org")[0]).Mark(); m.Withheld == nil || !m.Local {
		t.Errorf("after a flip the mark is %+v", m)
	}
	s.Mark(nil)
	s.Update(st, []state.ZoneChange{{Zone: key("example.org")}})
	wantReply(t, ask(t, s, "login.example.org", dns.TypeA), "NOERROR aa\nlogin.example.org. 60 IN A 198.51.100.20")
	if before.Mark().Withheld == nil || !s.Find(names("login.example.org")[0]).Mark().Equal(Mark{}) {
		t.Error("a mark's end reached an image that was held, or did not reach the new one")
	}
}

func TestOnlyTheNamedGroupsAreWithheld(t *testing.T) {
	st := fileState(t, "example.org", tiny)
	st = withGroup(st, "example.org", "one", []state.CellDecl{{Names: names("a.example.org"), TTL: 60}, {Names: names("b.example.org"), TTL: 60}}, []state.Answer{{A: addrs("203.0.113.10")}, {A: addrs("203.0.113.11")}})
	st = withGroup(st, "example.org", "two", []state.CellDecl{{Names: names("c.example.org"), TTL: 60}}, []state.Answer{{A: addrs("203.0.113.12")}})
	s := NewSet()
	s.Mark(map[string]Mark{key("example.org"): {Withheld: []string{"two"}}})
	s.Load(st)
	for name, rcode := range map[string]int{"a.example.org": dns.RcodeSuccess, "b.example.org": dns.RcodeSuccess, "c.example.org": dns.RcodeServerFailure} {
		if m := ask(t, s, name, dns.TypeA); m.Rcode != rcode {
			t.Errorf("%s: %s, want %s", name, dns.RcodeToString[m.Rcode], dns.RcodeToString[rcode])
		}
	}
}
