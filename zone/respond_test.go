package zone

import (
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

// everyKind has each kind of name that a zone can have.
const everyKind = `$TTL 3600
@       7200 IN SOA ns1 hostmaster 2026010101 7200 900 1209600 300
        IN NS ns1
        IN NS ns.example.net.
        IN MX 10 mail
        IN MX 20 mail
        IN TXT "apex"
ns1     IN A 192.0.2.1
        IN AAAA 2001:db8::1
mail    IN A 192.0.2.25
WWW     IN CNAME Mail
away    IN CNAME www.example.net.
gone    IN CNAME nothing
empty   IN CNAME ent
tomail  IN CNAME www
loop1   IN CNAME loop2
loop2   IN CNAME loop1
self    IN CNAME self
tocut   IN CNAME host.sub
tologin IN CNAME login
a.b.ent IN TXT "deep"
*.wild  IN A 192.0.2.77
        IN MX 5 mail
host.wild IN TXT "host"
x.ent2.wild IN TXT "below an empty non-terminal"
*.cwild IN CNAME mail
sub     IN NS ns.sub
        IN NS ns.sib
        IN NS ns1
        IN NS ns.example.net.
        IN DS 1 8 2 0123456789012345678901234567890123456789012345678901234567890123
ns.sub  IN A 192.0.2.53
sib     IN NS ns.sib
ns.sib  IN AAAA 2001:db8::53
d       600 IN DNAME mail
        IN TXT "beside a DNAME"
dd      IN DNAME far.example.net.
d3      IN DNAME x.d3
_s._tcp IN SRV 0 0 443 login
        IN SRV 0 0 444 mail
https   IN HTTPS 1 .
        IN A 192.0.2.44
alias   IN HTTPS 0 mail
big     IN TXT "one"
        IN A 192.0.2.9
login   IN MX 5 mail
`

const soaLine = "example.org. 300 IN SOA ns1.example.org. hostmaster.example.org. 2 7200 900 1209600 300"

// steered adds a group to everyKind: the apex and login with both families, v4 with one, a wildcard, and a target.
func steered(t testing.TB) *state.State {
	return withGroup(fileState(t, "example.org", everyKind), "example.org", "g",
		[]state.CellDecl{
			{Names: names("example.org", "login.example.org"), TTL: 60},
			{Names: names("v4.example.org", "*.steered.example.org"), TTL: 30},
			{Names: names("cdn.example.org"), TTL: 20},
			{Names: names("in.example.org"), TTL: 10},
		},
		[]state.Answer{
			{A: addrs("203.0.113.10", "203.0.113.11", "203.0.113.10"), AAAA: addrs("2001:db8::10")},
			{A: addrs("203.0.113.20")},
			{Target: record.MustParseName("edge.example.net")},
			{Target: record.MustParseName("mail.example.org")},
		})
}

func TestEachKindOfName(t *testing.T) {
	s := loaded(steered(t))
	for _, tc := range []struct {
		claim, name string
		qtype       uint16
		want        string
	}{
		{"static address", "mail.example.org", dns.TypeA, `NOERROR aa
			mail.example.org. 3600 IN A 192.0.2.25`},
		{"steered address", "login.example.org", dns.TypeA, `NOERROR aa
			login.example.org. 60 IN A 203.0.113.10
			login.example.org. 60 IN A 203.0.113.11`},
		{"steered apex", "example.org", dns.TypeAAAA, `NOERROR aa
			example.org. 60 IN AAAA 2001:db8::10`},
		{"static type beside steered ones", "login.example.org", dns.TypeMX, `NOERROR aa
			login.example.org. 3600 IN MX 5 mail.example.org.
			extra mail.example.org. 3600 IN A 192.0.2.25`},
		{"SOA", "example.org", dns.TypeSOA, `NOERROR aa
			example.org. 7200 IN SOA ns1.example.org. hostmaster.example.org. 2 7200 900 1209600 300`},
		{"NS with the addresses in the zone", "example.org", dns.TypeNS, `NOERROR aa
			example.org. 3600 IN NS ns1.example.org.
			example.org. 3600 IN NS ns.example.net.
			extra ns1.example.org. 3600 IN A 192.0.2.1
			extra ns1.example.org. 3600 IN AAAA 2001:db8::1`},
		{"additional addresses come once", "example.org", dns.TypeMX, `NOERROR aa
			example.org. 3600 IN MX 10 mail.example.org.
			example.org. 3600 IN MX 20 mail.example.org.
			extra mail.example.org. 3600 IN A 192.0.2.25`},
		{"additional addresses may be steered", "_s._tcp.example.org", dns.TypeSRV, `NOERROR aa
			_s._tcp.example.org. 3600 IN SRV 0 0 443 login.example.org.
			_s._tcp.example.org. 3600 IN SRV 0 0 444 mail.example.org.
			extra login.example.org. 60 IN A 203.0.113.10
			extra login.example.org. 60 IN A 203.0.113.11
			extra login.example.org. 60 IN AAAA 2001:db8::10
			extra mail.example.org. 3600 IN A 192.0.2.25`},
		{"a HTTPS record's own name", "https.example.org", dns.TypeHTTPS, `NOERROR aa
			https.example.org. 3600 IN HTTPS 1 .
			extra https.example.org. 3600 IN A 192.0.2.44`},
		{"a HTTPS alias", "alias.example.org", dns.TypeHTTPS, `NOERROR aa
			alias.example.org. 3600 IN HTTPS 0 mail.example.org.
			extra mail.example.org. 3600 IN A 192.0.2.25`},

		{"NODATA", "mail.example.org", dns.TypeAAAA, "NOERROR aa\nns " + soaLine},
		{"NODATA at a steered name lives as short as its addresses", "v4.example.org", dns.TypeAAAA, `NOERROR aa
			ns example.org. 30 IN SOA ns1.example.org. hostmaster.example.org. 2 7200 900 1209600 300`},
		{"NXDOMAIN", "nothing.example.org", dns.TypeA, "NXDOMAIN aa\nns " + soaLine},
		{"NXDOMAIN below a name", "x.mail.example.org", dns.TypeA, "NXDOMAIN aa\nns " + soaLine},
		{"empty non-terminal", "ent.example.org", dns.TypeA, "NOERROR aa\nns " + soaLine},
		{"empty non-terminal below another", "b.ent.example.org", dns.TypeTXT, "NOERROR aa\nns " + soaLine},
		{"empty non-terminal, any type", "ent.example.org", dns.TypeANY, "NOERROR aa\nns " + soaLine},
		{"empty non-terminal above a steered wildcard", "steered.example.org", dns.TypeA, "NOERROR aa\nns " + soaLine},

		{"CNAME in the zone", "www.example.org", dns.TypeA, `NOERROR aa
			www.example.org. 3600 IN CNAME Mail.example.org.
			mail.example.org. 3600 IN A 192.0.2.25`},
		{"CNAME asked for", "www.example.org", dns.TypeCNAME, `NOERROR aa
			www.example.org. 3600 IN CNAME Mail.example.org.`},
		{"CNAME to a name without the type", "www.example.org", dns.TypeAAAA, `NOERROR aa
			www.example.org. 3600 IN CNAME Mail.example.org.
			ns ` + soaLine},
		{"CNAME to a CNAME", "tomail.example.org", dns.TypeA, `NOERROR aa
			tomail.example.org. 3600 IN CNAME www.example.org.
			www.example.org. 3600 IN CNAME Mail.example.org.
			mail.example.org. 3600 IN A 192.0.2.25`},
		{"CNAME to outside", "away.example.org", dns.TypeA, `NOERROR aa
			away.example.org. 3600 IN CNAME www.example.net.`},
		{"CNAME to nothing", "gone.example.org", dns.TypeA, `NXDOMAIN aa
			gone.example.org. 3600 IN CNAME nothing.example.org.
			ns ` + soaLine},
		{"CNAME to an empty non-terminal", "empty.example.org", dns.TypeA, `NOERROR aa
			empty.example.org. 3600 IN CNAME ent.example.org.
			ns ` + soaLine},
		{"CNAME to a steered name", "tologin.example.org", dns.TypeAAAA, `NOERROR aa
			tologin.example.org. 3600 IN CNAME login.example.org.
			login.example.org. 60 IN AAAA 2001:db8::10`},
		{"CNAME to a steered name's NODATA", "tologin.example.org", dns.TypeTXT, `NOERROR aa
			tologin.example.org. 3600 IN CNAME login.example.org.
			ns example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. 2 7200 900 1209600 300`},
		{"CNAME loop ends", "loop1.example.org", dns.TypeA, `NOERROR aa
			loop1.example.org. 3600 IN CNAME loop2.example.org.
			loop2.example.org. 3600 IN CNAME loop1.example.org.`},
		{"CNAME to itself ends", "self.example.org", dns.TypeA, `NOERROR aa
			self.example.org. 3600 IN CNAME self.example.org.`},
		{"CNAME into a delegation", "tocut.example.org", dns.TypeA, `NOERROR aa
			tocut.example.org. 3600 IN CNAME host.sub.example.org.
			` + referral},
		{"steered target outside", "cdn.example.org", dns.TypeA, `NOERROR aa
			cdn.example.org. 20 IN CNAME edge.example.net.`},
		{"steered target inside", "in.example.org", dns.TypeA, `NOERROR aa
			in.example.org. 10 IN CNAME mail.example.org.
			mail.example.org. 3600 IN A 192.0.2.25`},
		{"steered target asked for", "in.example.org", dns.TypeCNAME, `NOERROR aa
			in.example.org. 10 IN CNAME mail.example.org.`},

		{"wildcard", "x.wild.example.org", dns.TypeA, `NOERROR aa
			x.wild.example.org. 3600 IN A 192.0.2.77`},
		{"wildcard over two labels", "x.y.wild.example.org", dns.TypeA, `NOERROR aa
			x.y.wild.example.org. 3600 IN A 192.0.2.77`},
		{"wildcard with additional data", "x.wild.example.org", dns.TypeMX, `NOERROR aa
			x.wild.example.org. 3600 IN MX 5 mail.example.org.
			extra mail.example.org. 3600 IN A 192.0.2.25`},
		{"wildcard without the type", "x.wild.example.org", dns.TypeTXT, "NOERROR aa\nns " + soaLine},
		{"wildcard asked for by its name", "*.wild.example.org", dns.TypeA, `NOERROR aa
			*.wild.example.org. 3600 IN A 192.0.2.77`},
		{"wildcard does not stand for an existing name", "host.wild.example.org", dns.TypeA, "NOERROR aa\nns " + soaLine},
		{"wildcard does not stand for what is below an existing name", "x.host.wild.example.org", dns.TypeA, "NXDOMAIN aa\nns " + soaLine},
		{"wildcard does not stand for an empty non-terminal", "ent2.wild.example.org", dns.TypeA, "NOERROR aa\nns " + soaLine},
		{"wildcard does not stand for what is below an empty non-terminal", "y.ent2.wild.example.org", dns.TypeA, "NXDOMAIN aa\nns " + soaLine},
		{"wildcard does not stand for its parent", "wild.example.org", dns.TypeA, "NOERROR aa\nns " + soaLine},
		{"wildcard CNAME", "x.cwild.example.org", dns.TypeA, `NOERROR aa
			x.cwild.example.org. 3600 IN CNAME mail.example.org.
			mail.example.org. 3600 IN A 192.0.2.25`},
		{"steered wildcard", "tenant.steered.example.org", dns.TypeA, `NOERROR aa
			tenant.steered.example.org. 30 IN A 203.0.113.20`},
		{"steered wildcard without the family", "tenant.steered.example.org", dns.TypeAAAA, `NOERROR aa
			ns example.org. 30 IN SOA ns1.example.org. hostmaster.example.org. 2 7200 900 1209600 300`},

		{"delegation", "sub.example.org", dns.TypeA, "NOERROR\n" + referral},
		{"delegation's own NS", "sub.example.org", dns.TypeNS, "NOERROR\n" + referral},
		{"below a delegation", "x.y.sub.example.org", dns.TypeA, "NOERROR\n" + referral},
		{"glue is not answered", "ns.sub.example.org", dns.TypeA, "NOERROR\n" + referral},
		{"DS at a delegation", "sub.example.org", dns.TypeDS, `NOERROR aa
			sub.example.org. 3600 IN DS 1 8 2 0123456789012345678901234567890123456789012345678901234567890123`},
		{"no DS at a delegation", "sib.example.org", dns.TypeDS, "NOERROR aa\nns " + soaLine},
		{"DS below a delegation", "x.sub.example.org", dns.TypeDS, "NOERROR\n" + referral},
		{"DS at the apex", "example.org", dns.TypeDS, `NOERROR aa
			ns example.org. 60 IN SOA ns1.example.org. hostmaster.example.org. 2 7200 900 1209600 300`},

		{"DNAME into the zone", "x.d.example.org", dns.TypeA, `NXDOMAIN aa
			d.example.org. 600 IN DNAME mail.example.org.
			x.d.example.org. 600 IN CNAME x.mail.example.org.
			ns ` + soaLine},
		{"DNAME to outside", "x.y.dd.example.org", dns.TypeA, `NOERROR aa
			dd.example.org. 3600 IN DNAME far.example.net.
			x.y.dd.example.org. 3600 IN CNAME x.y.far.example.net.`},
		{"DNAME asked for", "d.example.org", dns.TypeDNAME, `NOERROR aa
			d.example.org. 600 IN DNAME mail.example.org.`},
		{"DNAME does not rename its own name", "d.example.org", dns.TypeTXT, `NOERROR aa
			d.example.org. 3600 IN TXT "beside a DNAME"`},
		{"CNAME made from a DNAME, asked for", "x.d.example.org", dns.TypeCNAME, `NOERROR aa
			d.example.org. 600 IN DNAME mail.example.org.
			x.d.example.org. 600 IN CNAME x.mail.example.org.`},

		{"ANY gets addresses first", "big.example.org", dns.TypeANY, `NOERROR aa
			big.example.org. 3600 IN A 192.0.2.9`},
		{"ANY gets steered addresses", "example.org", dns.TypeANY, `NOERROR aa
			example.org. 60 IN A 203.0.113.10
			example.org. 60 IN A 203.0.113.11`},
		{"ANY does not follow a CNAME", "www.example.org", dns.TypeANY, `NOERROR aa
			www.example.org. 3600 IN CNAME Mail.example.org.`},
		{"ANY at another name", "_s._tcp.example.org", dns.TypeANY, `NOERROR aa
			_s._tcp.example.org. 3600 IN SRV 0 0 443 login.example.org.
			_s._tcp.example.org. 3600 IN SRV 0 0 444 mail.example.org.
			extra login.example.org. 60 IN A 203.0.113.10
			extra login.example.org. 60 IN A 203.0.113.11
			extra login.example.org. 60 IN AAAA 2001:db8::10
			extra mail.example.org. 3600 IN A 192.0.2.25`},
	} {
		t.Run(tc.claim, func(t *testing.T) { wantReply(t, ask(t, s, tc.name, tc.qtype), tc.want) })
	}
}

const referral = `ns sub.example.org. 3600 IN NS ns.sub.example.org.
	ns sub.example.org. 3600 IN NS ns.sib.example.org.
	ns sub.example.org. 3600 IN NS ns1.example.org.
	ns sub.example.org. 3600 IN NS ns.example.net.
	extra ns.sub.example.org. 3600 IN A 192.0.2.53
	extra ns.sib.example.org. 3600 IN AAAA 2001:db8::53
	extra ns1.example.org. 3600 IN A 192.0.2.1
	extra ns1.example.org. 3600 IN AAAA 2001:db8::1`

func TestQuestionsThatAreNoneOfTheZones(t *testing.T) {
	im := loaded(steered(t)).Find(record.MustParseName("example.org"))
	for _, tc := range []struct {
		name   string
		qtype  uint16
		qclass uint16
		rcode  int
	}{
		{"example.net.", dns.TypeA, dns.ClassINET, dns.RcodeRefused},
		{"aexample.org.", dns.TypeA, dns.ClassINET, dns.RcodeRefused},
		{"org.", dns.TypeA, dns.ClassINET, dns.RcodeRefused},
		{"example.org.", dns.TypeA, dns.ClassCHAOS, dns.RcodeRefused},
		{"example.org.", dns.TypeAXFR, dns.ClassINET, dns.RcodeRefused},
		{"example.org.", dns.TypeIXFR, dns.ClassINET, dns.RcodeRefused},
		{"example.org.", dns.TypeOPT, dns.ClassINET, dns.RcodeFormatError},
		{"example.org.", dns.TypeTSIG, dns.ClassINET, dns.RcodeNotImplemented},
		{"example..org.", dns.TypeA, dns.ClassINET, dns.RcodeFormatError},
	} {
		req := new(dns.Msg).SetQuestion(tc.name, tc.qtype)
		req.Question[0].Qclass = tc.qclass
		m := im.Respond(req, Images{})
		if m.Rcode != tc.rcode || m.Authoritative || len(m.Answer)+len(m.Ns)+len(m.Extra) > 0 {
			t.Errorf("%s %d: got %s", tc.name, tc.qtype, transcript(m))
		}
	}
	if m := im.Respond(new(dns.Msg), Images{}); m.Rcode != dns.RcodeFormatError || !m.Response {
		t.Errorf("a request without a question gets %s", transcript(m))
	}
}

func TestReplyKeepsIdentityAndCase(t *testing.T) {
	s := loaded(steered(t))
	im := s.Find(record.MustParseName("example.org"))
	for _, name := range []string{"LoGin.eXample.ORG.", "TENANT.Steered.example.org.", "MAIL.example.org.", "X.wild.EXAMPLE.org.", `\108ogin.example.org.`} {
		req := new(dns.Msg).SetQuestion(name, dns.TypeA)
		req.Id = 4711
		m := im.Respond(req, Images{})
		switch {
		case m.Id != 4711 || !m.Response || !m.RecursionDesired || m.RecursionAvailable:
			t.Errorf("%s: header %v", name, m.MsgHdr)
		case m.Question[0].Name != name:
			t.Errorf("%s: the question is %s", name, m.Question[0].Name)
		case len(m.Answer) == 0 || m.Answer[0].Header().Name != name:
			t.Errorf("%s: the answer is %s", name, m.Answer)
		}
	}
}

func TestReferralBringsDSToThoseWhoValidate(t *testing.T) {
	im := loaded(steered(t)).Find(record.MustParseName("example.org"))
	m := im.Respond(new(dns.Msg).SetQuestion("x.sub.example.org.", dns.TypeA).SetEdns0(1232, true), Images{})
	if n := len(m.Ns); n != 5 || m.Ns[4].Header().Rrtype != dns.TypeDS {
		t.Errorf("got %s", transcript(m))
	}
	if m.IsEdns0() != nil {
		t.Error("the reply has an OPT; that is the server's to add")
	}
}

func TestGrowingDNAMEEnds(t *testing.T) {
	m := ask(t, loaded(steered(t)), "a.d3.example.org", dns.TypeA)
	if len(m.Answer) != 1+maxLinks || m.Rcode != dns.RcodeSuccess {
		t.Errorf("got %s", transcript(m))
	}
	if l := m.Answer[0].Header().Rrtype; l != dns.TypeDNAME {
		t.Errorf("the first record is of type %d", l)
	}
}

func TestDNAMEThatMakesTooLongANameIsYXDOMAIN(t *testing.T) {
	label := "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk."
	s := loaded(fileState(t, "o.", "@ 60 SOA n n 1 1 1 1 1\n@ 60 NS n\nd 60 DNAME "+label+"o.\n"))
	m := ask(t, s, label+label+label+"d.o.", dns.TypeA)
	wantReply(t, m, "YXDOMAIN aa\nd.o. 60 IN DNAME "+label+"o.")
}

func TestReplyIsTheCallersOwn(t *testing.T) {
	s := loaded(steered(t))
	want := transcript(ask(t, s, "example.org", dns.TypeMX))
	m := ask(t, s, "example.org", dns.TypeMX)
	for _, section := range [][]dns.RR{m.Answer, m.Extra} {
		section[0] = nil
		_ = append(section, &dns.NULL{})
	}
	if got := transcript(ask(t, s, "example.org", dns.TypeMX)); got != want {
		t.Errorf("after a caller changed its slices:\n%s\nbefore:\n%s", got, want)
	}
}

func TestMadeZoneAnswers(t *testing.T) {
	soa, sets := Made(record.MustParseName("auth.example.com"), []NameServer{
		{record.MustParseName("ns1.auth.example.com"), addrs("192.0.2.1", "2001:db8::1")},
		{record.MustParseName("ns2.example.net"), addrs("192.0.2.2")},
		{record.MustParseName("ns1.auth.example.com"), addrs("192.0.2.3")},
	}, 60)
	st := withGroup(zoneState("auth.example.com", soa, sets), "auth.example.com", "auth.example.com",
		[]state.CellDecl{{Names: names("auth.example.com", "login.auth.example.com"), TTL: 60}},
		[]state.Answer{{A: addrs("203.0.113.10")}})
	s := loaded(st)
	const soaData = "IN SOA ns1.auth.example.com. hostmaster.auth.example.com. 2 7200 900 1209600 60"
	for _, tc := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"auth.example.com", dns.TypeSOA, "NOERROR aa\nauth.example.com. 60 " + soaData},
		{"auth.example.com", dns.TypeNS, `NOERROR aa
			auth.example.com. 86400 IN NS ns1.auth.example.com.
			auth.example.com. 86400 IN NS ns2.example.net.
			extra ns1.auth.example.com. 3600 IN A 192.0.2.1
			extra ns1.auth.example.com. 3600 IN A 192.0.2.3
			extra ns1.auth.example.com. 3600 IN AAAA 2001:db8::1`},
		{"login.auth.example.com", dns.TypeA, "NOERROR aa\nlogin.auth.example.com. 60 IN A 203.0.113.10"},
		{"login.auth.example.com", dns.TypeAAAA, "NOERROR aa\nns auth.example.com. 60 " + soaData},
		{"x.login.auth.example.com", dns.TypeA, "NXDOMAIN aa\nns auth.example.com. 60 " + soaData},
		{"ns1.auth.example.com", dns.TypeAAAA, "NOERROR aa\nns1.auth.example.com. 3600 IN AAAA 2001:db8::1"},
	} {
		wantReply(t, ask(t, s, tc.name, tc.qtype), tc.want)
	}
}
