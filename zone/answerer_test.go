package zone

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"failoverdns/record"
)

// inWire is an Answerer's reply as a whole message.
func inWire(a *Answerer, im *Image, req *dns.Msg, images Images) (wire []byte, ok bool) {
	name, err := record.ParseName(req.Question[0].Name)
	if err != nil {
		return nil, false
	}
	opt := req.IsEdns0()
	rcode, authoritative, ok := a.Answer(im, Question{name, req.Question[0].Qtype, opt != nil && opt.Do()}, images)
	if !ok {
		return nil, false
	}
	head := new(dns.Msg).SetReply(req)
	head.Rcode, head.Authoritative = rcode, authoritative
	b, err := head.Pack()
	if err != nil {
		return nil, false
	}
	asked := b[12 : len(b)-4]
	length := len(b) + a.Len(len(asked))
	b, counts := a.AppendTo(b, asked)
	for i, c := range counts {
		binary.BigEndian.PutUint16(b[6+2*i:], c)
	}
	return b, len(b) == length
}

func wantSameInWire(t interface {
	Helper()
	Fatalf(string, ...any)
}, a *Answerer, im *Image, req *dns.Msg, images Images) {
	t.Helper()
	want, err := im.Respond(req, images).Pack()
	if err != nil {
		t.Fatalf("%v", err)
	}
	got, ok := inWire(a, im, req, images)
	if !ok || !bytes.Equal(got, want) {
		m := new(dns.Msg)
		err := m.Unpack(got)
		t.Fatalf("%v:\n%x, %v, %v: %v\nwant\n%x: %v", req.Question[0], got, ok, err, m, want, im.Respond(req, images))
	}
}

// mixed changes the case of letters here and there.
func mixed(name string, bits int) string {
	b := []byte(name)
	for i := range b {
		if bits>>(i%16)&1 == 1 {
			b[i] = strings.ToUpper(string(b[i]))[0]
		}
	}
	return string(b)
}

func TestAnswerInWireFormIsTheSameOctetForOctet(t *testing.T) {
	var a Answerer
	rapid.Check(t, func(t *rapid.T) {
		_, s := genZones(t)
		if rapid.Bool().Draw(t, "withheld") {
			s.Find(record.MustParseName("o")).mark.Withheld = []string{"g"}
		}
		for range 20 {
			name := mixed(genOwner().Draw(t, "qname"), rapid.IntRange(0, 1<<16-1).Draw(t, "case"))
			kind := rapid.SampledFrom([]string{"A", "AAAA", "MX", "CNAME", "NS", "DS", "DNAME", "SOA", "TXT", "ANY"}).Draw(t, "qtype")
			req := new(dns.Msg).SetQuestion(name, dns.StringToType[kind])
			im := s.FindFor(record.MustParseName(name), record.Type(req.Question[0].Qtype))
			if rapid.Bool().Draw(t, "edns") {
				req.SetEdns0(4096, rapid.Bool().Draw(t, "do"))
			}
			wantSameInWire(t, &a, im, req, s.Images())
		}
	})
}

func TestEveryTypeIsTheSameInWireForm(t *testing.T) {
	var text strings.Builder
	text.WriteString(fileHead)
	for i, data := range oneOfEach {
		if strings.HasPrefix(data, "DS ") || strings.HasPrefix(data, "IPSECKEY ") {
			continue
		}
		fmt.Fprintf(&text, "h%d 60 IN %s\n", i, data)
	}
	s := loaded(fileState(t, "example.org", text.String()))
	im := s.Find(record.MustParseName("example.org"))
	var a Answerer
	for rr := range im.Transfer(0) {
		wantSameInWire(t, &a, im, new(dns.Msg).SetQuestion(rr.Header().Name, rr.Header().Rrtype), s.Images())
	}
}

func TestQuestionsForNoRecordsAreLeftToOthers(t *testing.T) {
	s := loaded(steered(t))
	im := s.Find(record.MustParseName("example.org"))
	var a Answerer
	for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR, dns.TypeOPT, dns.TypeNXNAME, dns.TypeTKEY, dns.TypeTSIG, dns.TypeMAILA, dns.TypeMAILB} {
		if _, _, ok := a.Answer(im, Question{Name: im.Zone(), Type: qtype}, s.Images()); ok {
			t.Errorf("%s is answered", dns.Type(qtype))
		}
	}
	if _, _, ok := a.Answer(im, Question{Name: record.MustParseName("example.com"), Type: dns.TypeA}, s.Images()); ok {
		t.Error("another zone's name is answered")
	}
}

// TestAliasesIntoOtherZonesDoNotAllocate also asks for names above zones, which are no NXDOMAIN.
func TestAliasesIntoOtherZonesDoNotAllocate(t *testing.T) {
	s := below(t)
	all := names("www.example.org", "round.example.org", "ghost.example.org", "deep.example.org", "mx.example.org", "empty.example.org", "empt.example.org")
	var a Answerer
	if got := testing.AllocsPerRun(100, func() {
		for _, name := range all {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX} {
				images := s.Images()
				if _, _, ok := a.Answer(images.Find(name), Question{Name: name, Type: qtype}, images); !ok {
					t.Fatalf("%s is not answered", name)
				}
			}
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// warm are questions of every kind but DNAME.
func warm(t testing.TB) (*Set, []record.Name) {
	s := loaded(steered(t))
	return s, names("example.org", "login.example.org", "nowhere.example.org", "x.wild.example.org", "x.sub.example.org", "tologin.example.org")
}

func TestAnswerAndFindDoNotAllocate(t *testing.T) {
	s, all := warm(t)
	var a Answerer
	b := make([]byte, 0, 4096)
	run := func() {
		for _, name := range all {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeNS, dns.TypeTXT} {
				if _, _, ok := a.Answer(s.Find(name), Question{Name: name, Type: qtype}, s.Images()); !ok {
					t.Fatalf("%s is not answered", name)
				}
				a.AppendTo(b[:0], []byte(name))
			}
		}
	}
	if got := testing.AllocsPerRun(100, run); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkAnswer(b *testing.B) {
	s := loaded(bigState(100000))
	for _, name := range []string{"s777.example.org", "n777.example.org", "none.example.org"} {
		b.Run(name, func(b *testing.B) {
			asked := record.MustParseName(name)
			var a Answerer
			buf := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				a.Answer(s.Find(asked), Question{Name: asked, Type: dns.TypeA}, s.Images())
				a.AppendTo(buf, []byte(asked))
			}
		})
	}
}

func TestLongWildcardsDoNotAllocate(t *testing.T) {
	long := "a-label-of-some-length.another-one-of-some-length.example.org"
	st := fileState(t, "example.org", tiny+"*."+long+". 60 A 192.0.2.9\n")
	s := loaded(st)
	im := s.Find(record.MustParseName("example.org"))
	q := Question{Name: record.MustParseName("x." + long), Type: 1}
	var a Answerer
	if got := testing.AllocsPerRun(100, func() {
		if rcode, _, ok := a.Answer(im, q, s.Images()); rcode != 0 || !ok || a.Len(10) == 0 {
			t.Fatal("the wildcard does not answer")
		}
	}); got != 0 {
		t.Errorf("an answer from a wildcard allocates %v times", got)
	}
}
