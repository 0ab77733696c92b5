package zone

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"failoverdns/record"
	"failoverdns/state"
)

// twins are the zones of a server, which answers from a list of records by looking at each of them for every step, with
// names as text. It is slow and dumb on purpose: RFC 1034 section 4.3.2 as it is written, with RFC 4592 and RFC 6672.
type twins []*twin

type twin struct {
	apex    string
	records []dns.RR
	steered map[string]uint32 // TTL of steered owners
}

func twinOf(im *Image) *twin {
	tw := &twin{apex: im.Zone().String(), steered: map[string]uint32{}}
	for rr := range im.Transfer(0) {
		tw.records = append(tw.records, rr)
	}
	tw.records = tw.records[:len(tw.records)-1] // the SOA once
	for n := range im.tree.order.all() {
		if n.cell >= 0 {
			tw.steered[n.name.String()] = im.cells[n.cell].ttl
		}
	}
	return tw
}

func (tw *twin) at(name string, t uint16) (out []dns.RR) {
	for _, rr := range tw.records {
		if rr.Header().Name == name && rr.Header().Rrtype == t {
			out = append(out, rr)
		}
	}
	return out
}

func (tw *twin) exists(name string) bool {
	for _, rr := range tw.records {
		if dns.IsSubDomain(name, rr.Header().Name) {
			return true
		}
	}
	for owner := range tw.steered {
		if dns.IsSubDomain(name, owner) {
			return true
		}
	}
	return false
}

// ancestors are the names from the apex down to name.
func (tw *twin) ancestors(name string) []string {
	labels := dns.SplitDomainName(name)
	var out []string
	for i := len(labels) - dns.CountLabel(tw.apex); i >= 0; i-- {
		out = append(out, dns.Fqdn(strings.Join(labels[i:], ".")))
	}
	return out
}

// source is the name whose records stand for name, or what else answers: "cut NAME", "dname NAME", "none".
func (tw *twin) source(name string, qtype uint16) string {
	encloser := tw.apex
	for _, n := range tw.ancestors(name) {
		if n != tw.apex && n[0] != '*' && len(tw.at(n, dns.TypeNS)) > 0 && !(n == name && qtype == dns.TypeDS) {
			return "cut " + n
		}
		if n != name && len(tw.at(n, dns.TypeDNAME)) > 0 {
			return "dname " + n
		}
		if !tw.exists(n) {
			if tw.exists("*." + encloser) {
				return "*." + encloser
			}
			return "none"
		}
		encloser = n
	}
	return name
}

// nearest is the longest zone above a name; for DS strictly above, where there is one.
func (all twins) nearest(name string, qtype uint16) (best *twin) {
	var own *twin
	for _, tw := range all {
		switch {
		case !dns.IsSubDomain(tw.apex, name):
		case qtype == dns.TypeDS && tw.apex == name:
			own = tw
		case best == nil || dns.CountLabel(tw.apex) > dns.CountLabel(best.apex):
			best = tw
		}
	}
	if best == nil {
		return own
	}
	return best
}

// zoneAt says whether there is a zone at a name or below it.
func (all twins) zoneAt(name string) bool {
	return slices.ContainsFunc(all, func(tw *twin) bool { return dns.IsSubDomain(name, tw.apex) })
}

func (all twins) respond(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, qtype)
	m.Authoritative = true
	top := all.nearest(name, qtype).apex
	among := slices.DeleteFunc(slices.Clone(all), func(tw *twin) bool { return !dns.IsSubDomain(top, tw.apex) })
	var seen []string
	for len(seen) < maxLinks && dns.IsSubDomain(top, name) && !slices.Contains(seen, name) {
		seen = append(seen, name)
		tw := among.nearest(name, qtype)
		src := tw.source(name, qtype)
		kind, owner, ok := strings.Cut(src, " ")
		switch {
		case src == "none":
			if !all.zoneAt(name) {
				m.Rcode = dns.RcodeNameError
			}
			m.Ns = tw.negative("")
			return m
		case ok && kind == "cut":
			m.Authoritative = len(m.Answer) > 0
			m.Ns = tw.at(owner, dns.TypeNS)
			for _, ns := range m.Ns {
				m.Extra = append(m.Extra, tw.glue(ns.(*dns.NS).Ns)...)
			}
			return m
		case ok:
			d := tw.at(owner, dns.TypeDNAME)[0].(*dns.DNAME)
			if !slices.Contains(m.Answer, dns.RR(d)) {
				m.Answer = append(m.Answer, d)
			}
			target := strings.TrimSuffix(name, owner) + d.Target
			m.Answer = append(m.Answer, &dns.CNAME{Hdr: header(name, dns.TypeCNAME, d.Hdr.Ttl), Target: target})
			if qtype == dns.TypeCNAME {
				return m
			}
			name = target
			continue
		}
		if rrs := tw.at(src, qtype); len(rrs) > 0 {
			for _, rr := range rrs {
				rr = dns.Copy(rr)
				rr.Header().Name = name
				m.Answer = append(m.Answer, rr)
				if mx, ok := rr.(*dns.MX); ok && dns.IsSubDomain(top, mx.Mx) {
					m.Extra = append(m.Extra, among.additional(mx.Mx)...)
				}
				if ns, ok := rr.(*dns.NS); ok && dns.IsSubDomain(top, ns.Ns) {
					m.Extra = append(m.Extra, among.additional(ns.Ns)...)
				}
			}
			return m
		}
		alias := tw.at(src, dns.TypeCNAME)
		if len(alias) == 0 {
			m.Ns = tw.negative(src)
			return m
		}
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: header(name, dns.TypeCNAME, alias[0].Header().Ttl), Target: alias[0].(*dns.CNAME).Target})
		name = alias[0].(*dns.CNAME).Target
	}
	return m
}

func (all twins) additional(name string) []dns.RR {
	tw := all.nearest(name, dns.TypeA)
	return tw.addresses(tw.source(name, dns.TypeA), name)
}

func (tw *twin) glue(name string) []dns.RR {
	switch {
	case !dns.IsSubDomain(tw.apex, name):
		return nil
	case tw.exists(name):
		return tw.addresses(name, name)
	}
	return tw.addresses(tw.source(name, dns.TypeA), name)
}

func (tw *twin) addresses(src, name string) (out []dns.RR) {
	for _, rr := range append(tw.at(src, dns.TypeA), tw.at(src, dns.TypeAAAA)...) {
		rr = dns.Copy(rr)
		rr.Header().Name = name
		out = append(out, rr)
	}
	return out
}

func (tw *twin) negative(src string) []dns.RR {
	soa := dns.Copy(tw.at(tw.apex, dns.TypeSOA)[0]).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	if ttl, ok := tw.steered[src]; ok {
		soa.Hdr.Ttl = min(soa.Hdr.Ttl, ttl)
	}
	return []dns.RR{soa}
}

// sorted is a transcript in which the records of a section have no order and come once.
func sorted(m *dns.Msg) string {
	s := *m
	for _, section := range []*[]dns.RR{&s.Answer, &s.Ns, &s.Extra} {
		rrs := slices.Clone(*section)
		slices.SortFunc(rrs, func(a, b dns.RR) int { return strings.Compare(a.String(), b.String()) })
		*section = slices.CompactFunc(rrs, func(a, b dns.RR) bool { return a.String() == b.String() })
	}
	return transcript(&s)
}

// genOwner draws owners below o. from so few labels that they meet.
func genOwner() *rapid.Generator[string] { return genBelow("o.") }

func genBelow(apex string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "*"}), 0, 4-dns.CountLabel(apex)).Draw(t, "labels")
		return strings.Join(append(labels, apex), ".")
	})
}

// genZone draws the zone o. of up to twelve records that may stand beside each other.
func genZone(t *rapid.T, kinds []string) (text string, sets []record.Set, soa state.SOA) {
	return genZoneAt(t, "o.", kinds)
}

func genZoneAt(t *rapid.T, apex string, kinds []string) (text string, sets []record.Set, soa state.SOA) {
	types := map[string][]record.Type{apex: {record.SOA, record.NS}}
	var b strings.Builder
	fmt.Fprintf(&b, "%[1]s 300 SOA ns.o. h.o. 1 1 1 1 60\n%[1]s 300 NS ns.o.\n%[1]s 300 NS a.o.\n", apex)
	for i := range rapid.IntRange(0, 12).Draw(t, "records") {
		owner, kind := genBelow(apex).Draw(t, "owner"), rapid.SampledFrom(kinds).Draw(t, "kind")
		typ := record.Type(dns.StringToType[kind])
		beside := append(slices.Clone(types[owner]), typ)
		single := (kind == "CNAME" || kind == "DNAME") && slices.Contains(types[owner], typ)
		if owner[0] == '*' && (kind == "NS" || kind == "DNAME") || single || record.CheckBeside(beside, owner == apex) != nil {
			continue
		}
		types[owner] = beside
		data := genOwner().Draw(t, "target")
		switch kind {
		case "A":
			data = fmt.Sprintf("192.0.2.%d", i)
		case "AAAA":
			data = fmt.Sprintf("2001:db8::%d", i)
		case "MX":
			data = "1 " + data
		case "DS":
			data = fmt.Sprintf("%d 8 2 00", i)
		}
		fmt.Fprintf(&b, "%s 300 %s %s\n", owner, kind, data)
	}
	soa, sets, err := ParseFile(strings.NewReader(b.String()), "db", record.MustParseName(apex))
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	return b.String(), sets, soa
}

var allKinds = []string{"A", "AAAA", "MX", "CNAME", "NS", "NS", "DS", "DNAME"}

// genSteered adds a group with up to two cells at names that have no addresses or alias of their own.
func genSteered(t *rapid.T, st *state.State) *state.State {
	z, _ := st.Zones.Get(state.ZoneKey(record.MustParseName("o")))
	g := func(i int) (state.CellDecl, state.Answer) {
		c := state.CellDecl{TTL: uint32(20 + 20*i)}
		for _, owner := range rapid.SliceOfNDistinct(genOwner(), 0, 2, rapid.ID).Draw(t, "steered") {
			name := record.MustParseName(owner)
			if !z.Sets.Has(state.SetKey(name, record.CNAME)) {
				c.Names = append(c.Names, name)
			}
		}
		answers := []state.Answer{{A: addrs("203.0.113.1")}, {A: addrs("203.0.113.2"), AAAA: addrs("2001:db8::99")}}
		return c, rapid.SampledFrom(answers).Draw(t, "answer")
	}
	var cells []state.CellDecl
	var answers []state.Answer
	for i := range 2 {
		c, a := g(i)
		cells, answers = append(cells, c), append(answers, a)
	}
	return withGroup(st, "o", "g", cells, answers)
}

// genZones draws the zone o. with a group, and up to two zones below it. Nobody sees to it that it delegates them.
func genZones(t *rapid.T) (text string, s *Set) {
	text, sets, soa := genZone(t, allKinds)
	st := genSteered(t, zoneState("o", soa, sets))
	for _, apex := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a.o.", "b.a.o.", "b.o.", "c.b.o."}), 0, 2, rapid.ID).Draw(t, "zones below") {
		more, sets, soa := genZoneAt(t, apex, allKinds)
		key := state.ZoneKey(record.MustParseName(apex))
		z, _ := zoneState(apex, soa, sets).Zones.Get(key)
		st.Zones = st.Zones.With(key, z)
		text += more
	}
	return text, loaded(st)
}

func TestImageAnswersAsItsDumbTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, s := genZones(t)
		var tw twins
		for im := range s.All() {
			tw = append(tw, twinOf(im))
		}
		for range 20 {
			name := genOwner().Draw(t, "qname")
			kind := rapid.SampledFrom([]string{"A", "AAAA", "MX", "CNAME", "NS", "DS", "DNAME", "SOA", "TXT"}).Draw(t, "qtype")
			qtype := dns.StringToType[kind]
			got, want := sorted(ask(t, s, name, qtype)), sorted(tw.respond(name, qtype))
			if got != want {
				t.Fatalf("%s %s in\n%sgot\n%s\nthe twin has\n%s", name, kind, text, got, want)
			}
		}
	})
}

func FuzzRespond(f *testing.F) {
	s := loaded(steered(f))
	im := s.Find(record.MustParseName("example.org"))
	for _, name := range []string{"example.org.", "x.wild.example.org.", "x.d3.example.org.", "loop1.example.org.", "x.sub.example.org.", "."} {
		wire, err := new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(1232, true).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		req := new(dns.Msg)
		if req.Unpack(wire) != nil {
			t.Skip("the server drops it")
		}
		m := im.Respond(req, s.Images())
		if m.Id != req.Id || !m.Response {
			t.Fatalf("got %v", m)
		}
		packed, err := m.Pack()
		if err != nil {
			t.Fatalf("%v does not pack: %v", m, err)
		}
		if new(dns.Msg).Unpack(packed) != nil {
			t.Fatalf("%v does not unpack", m)
		}
	})
}
