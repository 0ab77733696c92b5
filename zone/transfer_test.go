package zone

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
)

func TestTransferIsTheZoneWithItsCurrentAnswers(t *testing.T) {
	text := tiny + "*.w 60 TXT w\nsub 60 NS ns.sub\nns.sub 60 A 192.0.2.53\nlogin 60 MX 1 ns1\n"
	st := fileState(t, "example.org", text)
	full := steered(t)
	g, _ := full.Groups.Get("g")
	st = withGroup(st, "example.org", "g", g.Cells, g.Answers)
	im := loaded(st).Find(record.MustParseName("example.org"))
	want := `example.org. 60 IN SOA ns1.example.org. host.example.org. 2 1 1 1 60
example.org. 60 IN A 203.0.113.10
example.org. 60 IN A 203.0.113.11
example.org. 60 IN AAAA 2001:db8::10
example.org. 60 IN NS ns1.example.org.
cdn.example.org. 20 IN CNAME edge.example.net.
in.example.org. 10 IN CNAME mail.example.org.
login.example.org. 60 IN A 203.0.113.10
login.example.org. 60 IN A 203.0.113.11
login.example.org. 60 IN AAAA 2001:db8::10
login.example.org. 60 IN MX 1 ns1.example.org.
ns1.example.org. 60 IN A 192.0.2.1
*.steered.example.org. 30 IN A 203.0.113.20
sub.example.org. 60 IN NS ns.sub.example.org.
ns.sub.example.org. 60 IN A 192.0.2.53
v4.example.org. 30 IN A 203.0.113.20
*.w.example.org. 60 IN TXT "w"
example.org. 60 IN SOA ns1.example.org. host.example.org. 2 1 1 1 60`
	if got := strings.Join(lines(slices.Collect(im.Transfer(0))), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTransferToACurrentSecondaryIsTheSOA(t *testing.T) {
	im := loaded(steered(t)).Find(record.MustParseName("example.org"))
	for serial, whole := range map[uint32]bool{2: false, 3: false, 1: true, 1<<31 + 3: true, 0: true} {
		rrs := slices.Collect(im.Transfer(serial))
		if (len(rrs) > 1) != whole || rrs[0].Header().Rrtype != dns.TypeSOA {
			t.Errorf("a secondary at %d gets %d records", serial, len(rrs))
		}
	}
	for range im.Transfer(0) {
		break // a reader may stop early
	}
}

// TestTransferAndListEndWhereTheirReaderDoes.
func TestTransferAndListEndWhereTheirReaderDoes(t *testing.T) {
	s := loaded(steered(t))
	im := s.Find(record.MustParseName("example.org"))
	whole := slices.Collect(im.Transfer(0))
	for _, most := range []int{1, 2, len(whole) - 1} {
		var got []dns.RR
		for rr := range im.Transfer(0) {
			if got = append(got, rr); len(got) == most {
				break
			}
		}
		if !slices.EqualFunc(got, whole[:most], func(a, b dns.RR) bool { return a.String() == b.String() }) {
			t.Errorf("got %v, want %v", got, whole[:most])
		}
	}
	n := 0
	for range s.All() {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d zones", n)
	}
}
