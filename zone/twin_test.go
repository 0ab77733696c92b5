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

// twin answers from a list of records by looking at each of them for every step, with names as text. It is slow and
// dumb on purpose: RFC 1034 section 4.3.2 as it is written, with RFC 4592 and RFC 6672.
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
	for _, n := range im.tree.order {
		if n.cell >= 0 {
			tw.steered[n.owner] = im.cells[n.cell].ttl
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

func (tw *twin) respond(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, qtype)
	m.Authoritative = true
	var seen []string
	for len(seen) < maxLinks && dns.IsSubDomain(tw.apex, name) && !slices.Contains(seen, name) {
		seen = append(seen, name)
		src := tw.source(name, qtype)
		kind, owner, ok := strings.Cut(src, " ")
		switch {
		case src == "none":
			m.Rcode = dns.RcodeNameError
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
				if mx, ok := rr.(*dns.MX); ok && dns.IsSubDomain(tw.apex, mx.Mx) {
					m.Extra = append(m.Extra, tw.addresses(tw.source(mx.Mx, dns.TypeA), mx.Mx)...)
				}
				if ns, ok := rr.(*dns.NS); ok && dns.IsSubDomain(tw.apex, ns.Ns) {
					m.Extra = append(m.Extra, tw.addresses(tw.source(ns.Ns, dns.TypeA), ns.Ns)...)
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
func genOwner() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "*"}), 0, 3).Draw(t, "labels")
		return dns.Fqdn(strings.Join(append(labels, "o"), "."))
	})
}

// genZone draws a zone of up to twelve records that may stand beside each other.
func genZone(t *rapid.T, kinds []string) (text string, sets []record.Set, soa state.SOA) {
	types := map[string][]record.Type{"o.": {record.SOA, record.NS}}
	var b strings.Builder
	b.WriteString("o. 300 SOA ns.o. h.o. 1 1 1 1 60\no. 300 NS ns.o.\no. 300 NS a.o.\n")
	for i := range rapid.IntRange(0, 12).Draw(t, "records") {
		owner, kind := genOwner().Draw(t, "owner"), rapid.SampledFrom(kinds).Draw(t, "kind")
		typ := record.Type(dns.StringToType[kind])
		beside := append(slices.Clone(types[owner]), typ)
		single := (kind == "CNAME" || kind == "DNAME") && slices.Contains(types[owner], typ)
		if owner[0] == '*' && (kind == "NS" || kind == "DNAME") || single || record.CheckBeside(beside, owner == "o.") != nil {
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
	soa, sets, err := ParseFile(strings.NewReader(b.String()), "db", record.MustParseName("o"))
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

func TestImageAnswersAsItsDumbTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, sets, soa := genZone(t, allKinds)
		s := loaded(genSteered(t, zoneState("o", soa, sets)))
		tw := twinOf(s.Find(record.MustParseName("o")))
		for range 20 {
			name := genOwner().Draw(t, "qname")
			kind := rapid.SampledFrom([]string{"A", "AAAA", "MX", "CNAME", "NS", "DS", "DNAME", "SOA", "TXT"}).Draw(t, "qtype")
			qtype := dns.StringToType[kind]
			got, want := sorted(s.Find(record.MustParseName(name)).Respond(new(dns.Msg).SetQuestion(name, qtype))), sorted(tw.respond(name, qtype))
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
		m := im.Respond(req)
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
