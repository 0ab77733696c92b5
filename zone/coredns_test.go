package zone_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

// image is the zone of a zone file, ready to serve.
func image(t *rapid.T, text string) *zone.Image {
	origin := record.MustParseName("o")
	soa, sets, err := zone.ParseFile(strings.NewReader(text), "db", origin)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	z := &state.Zone{Name: origin, Serial: 1, SOA: soa}
	for i := range sets {
		z.Sets = z.Sets.With(state.SetKey(sets[i].Name, sets[i].Type), &sets[i])
	}
	st := new(state.State)
	st.Zones = st.Zones.With(state.ZoneKey(origin), z)
	s := zone.NewSet()
	s.Load(st)
	return s.Find(origin)
}

// owner draws names below o. from so few labels that they meet.
func owner() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "*"}), 0, 3).Draw(t, "labels")
		return dns.Fqdn(strings.Join(append(labels, "o"), "."))
	})
}

// zoneText draws a zone file. It may have what cannot stand together: then ok is false.
func zoneText(t *rapid.T) (text string, ok bool) {
	var b strings.Builder
	b.WriteString("o. 300 SOA ns.o. h.o. 1 1 1 1 60\no. 300 NS ns.o.\no. 300 TXT apex\n") // without another record than SOA and NS, file denies its apex
	for range rapid.IntRange(0, 8).Draw(t, "records") {
		kind := rapid.SampledFrom([]string{"A 192.0.2.1", "AAAA 2001:db8::1", "TXT x", "MX 1 ", "CNAME ", "NS ", "DNAME "}).Draw(t, "kind")
		if strings.HasSuffix(kind, " ") {
			kind += owner().Draw(t, "target")
		}
		b.WriteString(owner().Draw(t, "owner") + " 300 " + kind + "\n")
	}
	_, _, err := zone.ParseFile(strings.NewReader(b.String()), "db", record.MustParseName("o"))
	return b.String(), err == nil
}

func texts(rrs []dns.RR) string {
	var out []string
	for _, rr := range rrs {
		out = append(out, rr.String())
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "\n")
}

// client is somebody who asks by UDP.
type client struct{ dns.ResponseWriter }

func (client) RemoteAddr() net.Addr { return &net.UDPAddr{} }

// fileReply is what CoreDNS's file plugin makes of a lookup; ok is false where it has no answer.
func fileReply(z *file.Zone, req *dns.Msg) (m *dns.Msg, ok bool) {
	answer, ns, _, result := z.Lookup(context.Background(), request.Request{Req: req, W: client{}}, req.Question[0].Name)
	m = &dns.Msg{Answer: answer, Ns: ns}
	m.Authoritative = result != file.Delegation
	if result == file.NameError {
		m.Rcode = dns.RcodeNameError
	}
	return m, result != file.ServerFailure
}

// TestAnswersAsCoreDNSFile compares answers with those of CoreDNS's file plugin where that is right. Left out are what
// is known to differ: the addresses beside an answer (file's come from behind delegations, and never from wildcards),
// NS beside positive answers (ours are minimal), SOA in negative answers behind an alias (RFC 2308 section 2.1, file
// has NS), its TTL (RFC 2308 section 3), and aliases that leave the names that exist, which file asks its server for.
func TestAnswersAsCoreDNSFile(t *testing.T) {
	compared, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text, ok := zoneText(t)
		if !ok {
			return
		}
		im := image(t, text)
		theirs, err := file.Parse(strings.NewReader(text), "o.", "db", -1)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			kind := rapid.SampledFrom([]string{"A", "AAAA", "TXT", "MX", "CNAME", "NS", "DS", "DNAME", "SOA"}).Draw(t, "qtype")
			req := new(dns.Msg).SetQuestion(owner().Draw(t, "qname"), dns.StringToType[kind])
			all++
			want, ok := fileReply(theirs, req)
			if !ok {
				continue
			}
			got := im.Respond(req, zone.Images{})
			if fileIsWrong(im, got) {
				continue
			}
			compared++
			compare(t, text, got, want)
		}
	})
	t.Logf("%d of %d answers were compared", compared, all)
	if compared < all/2 {
		t.Errorf("%d of %d answers were compared", compared, all)
	}
}

// fileIsWrong says whether file is known to be wrong about a question.
func fileIsWrong(im *zone.Image, got *dns.Msg) bool {
	for _, rr := range got.Answer {
		if rr.Header().Rrtype == dns.TypeDNAME {
			return true // it does not go on to names that further DNAMEs and wildcards make (RFC 6672 section 3.2)
		}
	}
	// It answers for an empty non-terminal from the wildcard beside it (RFC 4592 section 2.2.2).
	name, at, below := got.Question[0].Name, false, false
	for rr := range im.Transfer(0) {
		at = at || rr.Header().Name == name
		below = below || rr.Header().Name != name && dns.IsSubDomain(name, rr.Header().Name)
	}
	return below && !at
}

func compare(t *rapid.T, text string, got, want *dns.Msg) {
	q := got.Question[0]
	if got.Rcode != want.Rcode || texts(got.Answer) != texts(want.Answer) {
		t.Fatalf("%s in\n%sgot %s\n%s\nfile has %s\n%s", q.String(), text,
			dns.RcodeToString[got.Rcode], texts(got.Answer), dns.RcodeToString[want.Rcode], texts(want.Answer))
	}
	if len(got.Answer) > 0 {
		return
	}
	if got.Authoritative {
		want.Ns = slices.Clone(want.Ns)
		for i, rr := range want.Ns {
			want.Ns[i] = dns.Copy(rr)
			want.Ns[i].Header().Ttl = 60 // the zone's MINIMUM
		}
	}
	if got.Authoritative != want.Authoritative || texts(got.Ns) != texts(want.Ns) {
		t.Fatalf("%s in\n%sgot, aa %v\n%s\nfile has, aa %v\n%s", q.String(), text, got.Authoritative, texts(got.Ns), want.Authoritative, texts(want.Ns))
	}
}
