package zone

import (
	"bytes"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

func TestDataPointsToANameOrToNone(t *testing.T) {
	name := []byte("\x01a\x00")
	after := func(front ...byte) []byte { return append(front, name...) }
	for _, c := range []struct {
		claim string
		qtype uint16
		data  []byte
		want  []byte
	}{
		{"NS", dns.TypeNS, name, name},
		{"MX", dns.TypeMX, after(0, 1), name},
		{"SRV", dns.TypeSRV, after(0, 0, 0, 0, 0, 1), name},
		{"SVCB", dns.TypeSVCB, after(0, 1), name},
		{"HTTPS with parameters", dns.TypeHTTPS, append(after(0, 1), 0, 3, 0, 2, 1, 187), name},
		{"a type without names", dns.TypeTXT, name, nil},
		{"MX cut short", dns.TypeMX, []byte{0}, nil},
		{"something behind a name", dns.TypeNS, append(bytes.Clone(name), 1), nil},
		{"a name without end", dns.TypeNS, []byte("\x01a"), nil},
		{"a compressed name", dns.TypeNS, []byte{0xc0, 0}, nil},
		{"a name that is too long", dns.TypeNS, append(bytes.Repeat([]byte{1, 'a'}, 130), 0), nil},
	} {
		if got := pointsTo(c.qtype, c.data); !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.claim, got, c.want)
		}
	}
}

// TestDataThatNobodyReadsIsServedAsItIs, without looking for addresses of what it does not point to.
func TestDataThatNobodyReadsIsServedAsItIs(t *testing.T) {
	apex := record.MustParseName("o")
	s := loaded(zoneState("o", state.SOA{TTL: 60, MName: apex, RName: apex}, []record.Set{{Name: apex, Type: record.Type(dns.TypeMX), TTL: 60, Data: [][]byte{{0}}}}))
	wantReply(t, ask(t, s, "o", dns.TypeMX), "NOERROR aa\no. 60 CLASS1 TYPE15 \\# 1 00")
}

func TestANYOfAnApexWithoutRecordsIsItsSOA(t *testing.T) {
	apex := record.MustParseName("o")
	soa := state.SOA{TTL: 60, MName: apex, RName: apex}
	s := loaded(zoneState("o", soa, []record.Set{{Name: record.MustParseName("x.y.o"), Type: record.A, TTL: 60, Data: [][]byte{{192, 0, 2, 1}}}}))
	wantReply(t, ask(t, s, "o", dns.TypeANY), "NOERROR aa\no. 60 IN SOA o. o. 1 0 0 0 0")
	wantReply(t, ask(t, s, "y.o", dns.TypeANY), "NOERROR aa\nns o. 0 IN SOA o. o. 1 0 0 0 0")
}

func TestCellWithoutAnAnswerYetIsNODATA(t *testing.T) {
	st := fileState(t, "example.org", tiny)
	cells := []state.CellDecl{{TTL: 60, Names: names("x.example.org")}}
	s := loaded(withGroup(st, "example.org", "g", cells, nil))
	if m := ask(t, s, "x.example.org", dns.TypeA); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 || len(m.Ns) != 1 {
		t.Errorf("got %v", m)
	}
}

func TestRecordThatCannotBeServedAgainIsRefused(t *testing.T) {
	for claim, rr := range map[string]dns.RR{
		"an owner that is no name": &dns.A{Hdr: header("a..o.", dns.TypeA, 60), A: []byte{192, 0, 2, 1}},
		"data that does not pack":  &dns.MX{Hdr: header("a.o.", dns.TypeMX, 60), Mx: "a..o."},
		"data that is empty":       &dns.RFC3597{Hdr: header("a.o.", dns.TypeA, 60)},
		"data of a wrong length":   &dns.RFC3597{Hdr: header("a.o.", dns.TypeA, 60), Rdata: "c00002"},
	} {
		if s, err := toSet(rr); err == nil {
			t.Errorf("%s gives %+v", claim, s)
		}
	}
}
