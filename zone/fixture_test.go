package zone

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

func addrs(all ...string) (out []netip.Addr) {
	for _, s := range all {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func names(all ...string) (out []record.Name) {
	for _, s := range all {
		out = append(out, record.MustParseName(s))
	}
	return out
}

// zoneState is a state with one zone and no groups.
func zoneState(origin string, soa state.SOA, sets []record.Set) *state.State {
	name := record.MustParseName(origin)
	z := &state.Zone{Name: name, Serial: 1, SOA: soa}
	for i := range sets {
		z.Sets = z.Sets.With(state.SetKey(sets[i].Name, sets[i].Type), &sets[i])
	}
	st := new(state.State)
	st.Zones = st.Zones.With(state.ZoneKey(name), z)
	return st
}

// fileState is a state with the zone of a zone file.
func fileState(t testing.TB, origin, text string) *state.State {
	t.Helper()
	soa, sets, err := ParseFile(strings.NewReader(text), "db.test", record.MustParseName(origin))
	if err != nil {
		t.Fatal(err)
	}
	return zoneState(origin, soa, sets)
}

// withGroup is the state with a group in a zone.
func withGroup(st *state.State, origin, group string, cells []state.CellDecl, answers []state.Answer) *state.State {
	out := *st
	name := record.MustParseName(origin)
	z, _ := st.Zones.Get(state.ZoneKey(name))
	zone := *z
	if !slices.Contains(zone.Groups, group) {
		zone.Groups = append(slices.Clone(zone.Groups), group)
	}
	zone.Serial++
	out.Zones = st.Zones.With(state.ZoneKey(name), &zone)
	out.Groups = st.Groups.With(group, &state.Group{
		GroupDecl: state.GroupDecl{Name: group, Cells: cells}, Zone: name, Answers: answers,
	})
	return &out
}

// loaded is a set with all zones of a state.
func loaded(st *state.State) *Set {
	s := NewSet()
	s.Load(st)
	return s
}

// ask puts a question to a set as a server would.
func ask(t interface {
	Helper()
	Fatalf(string, ...any)
}, s *Set, name string, qtype uint16) *dns.Msg {
	t.Helper()
	images := s.Images()
	im := images.FindFor(record.MustParseName(name), record.Type(qtype))
	if im == nil {
		t.Fatalf("no zone for %s", name)
	}
	return im.Respond(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), images)
}

// lines writes a section as text, one record a line, tabs as blanks.
func lines(rrs []dns.RR) []string {
	var out []string
	for _, rr := range rrs {
		out = append(out, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	return out
}

// transcript writes what a reply promises: flags and rcode, then the sections.
func transcript(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	if m.Authoritative {
		b.WriteString(" aa")
	}
	for _, section := range []struct {
		mark string
		rrs  []dns.RR
	}{{"", m.Answer}, {"ns ", m.Ns}, {"extra ", m.Extra}} {
		for _, l := range lines(section.rrs) {
			b.WriteString("\n" + section.mark + l)
		}
	}
	return b.String()
}

func wantReply(t testing.TB, m *dns.Msg, want string) {
	t.Helper()
	var w []string
	for l := range strings.Lines(strings.TrimSpace(want)) {
		w = append(w, strings.TrimSpace(l))
	}
	if got := transcript(m); got != strings.Join(w, "\n") {
		t.Errorf("%s: got\n%s\nwant\n%s", strings.ReplaceAll(m.Question[0].String(), "\t", " "), got, strings.Join(w, "\n"))
	}
	if _, err := m.Pack(); err != nil {
		t.Errorf("%s: the reply does not pack: %v", m.Question[0].String(), err)
	}
}
