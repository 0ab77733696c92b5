package zone

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// oneOfEach has a record of each common type, and of the form for unknown ones.
var oneOfEach = []string{
	"A 192.0.2.1", "AAAA 2001:db8::1", "AFSDB 1 db.example.org.", "AMTRELAY 10 0 1 203.0.113.15", "APL 1:192.168.32.0/21 !1:192.168.38.0/28",
	`AVC "app-name:x"`, `CAA 0 issue "ca.example.net"`, "CDNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	"CDS 370 13 2 BE74359954660069D5C63D200C39F5603827D7DD02B56F120EE9F3A86764247C", "CERT 1 0 0 AQID", "CNAME Target.Example.org.",
	"CSYNC 66 3 A NS AAAA", "DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=", "DNAME Target.example.org.",
	"DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	"DS 370 13 2 BE74359954660069D5C63D200C39F5603827D7DD02B56F120EE9F3A86764247C", "EUI48 00-00-5e-00-53-2a", "EUI64 00-00-5e-ef-10-00-00-2a",
	`HINFO "cpu" "os"`, `HTTPS 1 . alpn="h2,h3" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"`, "IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
	"KX 10 kx.example.org.", "L32 10 10.1.2.0", "L64 10 2001:0db8:1140:1000", "LOC 42 21 54.000 N 71 06 18.000 W -24.00m 30m 10000m 10m",
	"LP 10 l64.example.org.", `MX 10 Mail.example.org.`, `NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.example.org.`,
	"NID 10 0014:4fff:ff20:ee64", "NS ns.example.org.", "NSEC3PARAM 1 0 0 -", "OPENPGPKEY AQID", "PTR host.example.org.", "PX 10 a.example.org. b.example.org.",
	"RP mbox.example.org. txt.example.org.", "SMIMEA 3 0 0 0123", "SPF \"v=spf1 -all\"", "SRV 0 5 443 host.example.org.",
	"SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789", `SVCB 16 foo.example.org. mandatory="alpn" alpn="h2" port="53"`,
	"TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971", `TXT "one" "two; \"quoted\" \001"`, `TXT ""`, `URI 10 1 "https://example.org/"`,
	`ZONEMD 2018031500 1 1 febe3d4ce2ec2ffa4ba99d46cd69d6d29711e55217057beea7eb1a7b41f8cb31deca7d5c5ce3d7b9e8f2c6ac1a8a1f5a`,
	`TYPE65280 \# 4 0a000001`, `TYPE65281 \# 0`,
}

func TestRecordsSurviveAsSets(t *testing.T) {
	for _, text := range oneOfEach {
		rr, err := dns.NewRR("host.example.org. 60 IN " + text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		set, err := toSet(rr)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if set.Name != record.MustParseName("host.example.org") || uint16(set.Type) != rr.Header().Rrtype || set.TTL != 60 {
			t.Errorf("%s: got %v", text, set)
		}
		back := toRecords("host.example.org.", set)[0]
		if lines([]dns.RR{back})[0] != lines([]dns.RR{rr})[0] {
			t.Errorf("%s came back as %s", rr, back)
		}
		again, err := toSet(back)
		if err != nil || !bytes.Equal(again.Data[0], set.Data[0]) {
			t.Errorf("%s: its data is %x, then %x, %v", text, set.Data[0], again.Data[0], err)
		}
	}
}

func TestTypesGoThroughAZoneFileToTheWire(t *testing.T) {
	var b strings.Builder
	b.WriteString(fileHead)
	for i, text := range oneOfEach {
		if strings.HasPrefix(text, "DS ") || strings.HasPrefix(text, "IPSECKEY ") {
			continue // one stands at a delegation only, the other the parser takes on a file's last line only
		}
		b.WriteString("h" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + " 60 IN " + text + "\n")
	}
	s := loaded(fileState(t, "example.org", b.String()))
	for rr := range s.Find(record.MustParseName("example.org")).Transfer(0) {
		if rr.Header().Name == "example.org." || rr.Header().Rrtype == dns.TypeNS {
			continue
		}
		m := ask(t, s, rr.Header().Name, rr.Header().Rrtype)
		wire, err := m.Pack()
		if err != nil {
			t.Errorf("%s: %v", rr, err)
			continue
		}
		got := new(dns.Msg)
		if err := got.Unpack(wire); err != nil || len(got.Answer) == 0 || got.Answer[0].String() != rr.String() {
			t.Errorf("%s is answered by %s, %v", rr, transcript(got), err)
		}
	}
}

func TestDataThatCannotBeReadIsServedAsItIs(t *testing.T) {
	set := record.Set{Name: record.MustParseName("x.example.org"), Type: record.A, TTL: 60, Data: [][]byte{{1, 2, 3}}}
	rr := toRecords("x.example.org.", set)[0]
	wire, err := pack(dns.Copy(rr), 100)
	if err != nil || !bytes.HasSuffix(wire, []byte{0, 1, 0, 1, 0, 0, 0, 60, 0, 3, 1, 2, 3}) {
		t.Errorf("got %x, %v", wire, err)
	}
	set.Type, set.Data = record.CNAME, [][]byte{{1}}
	soa, sets, err := ParseFile(strings.NewReader(fileHead), "db", record.MustParseName("example.org"))
	if err != nil {
		t.Fatal(err)
	}
	m := ask(t, loaded(zoneState("example.org", soa, append(sets, set))), "x.example.org", dns.TypeA)
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 {
		t.Errorf("a torn CNAME gives %s", transcript(m))
	}
}
