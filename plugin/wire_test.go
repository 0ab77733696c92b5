package failover

import (
	"testing"

	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
)

func TestBufsizeOfTheOperatorStands(t *testing.T) {
	for _, c := range []struct{ most, asked, want uint16 }{{payload, 4096, payload}, {payload, 512, 512}, {0, 4096, 4096}} {
		r := question("a.example.", dns.TypeA).SetEdns0(c.asked, false)
		(&wire{payload: c.most}).limit(r)
		if got := r.IsEdns0().UDPSize(); got != c.want {
			t.Errorf("limit %d: Expected %d of %d, got %d", c.most, c.want, c.asked, got)
		}
	}
}

func TestPaddedQueriesGetPaddedAnswersOverEncryptedTransportsOnly(t *testing.T) {
	_, cfg := goodConfig(t, "smallest")
	for _, c := range []struct{ encrypted, asked, want bool }{{true, true, true}, {true, false, false}, {false, true, false}} {
		f := handler("auth.example.com.", true, fixed{loaded(declared(t, cfg)), true})
		f.wire.encrypted, f.wire.stream = c.encrypted, c.encrypted
		r := question("login.auth.example.com.", dns.TypeA).SetEdns0(1232, true)
		if c.asked {
			r.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 40)}}
		}
		_, m := ask(t, f, r)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if got := len(b)%padTo == 0; got != c.want {
			t.Errorf("%+v: Expected a padded answer: %t, got %d octets", c, c.want, len(b))
		}
		if c.want && !m.IsEdns0().Do() {
			t.Error("Expected DO to stay")
		}
	}
}

// stream counts what happens to a writer.
type stream struct {
	test.ResponseWriter
	wrote  []byte
	closed bool
}

func (s *stream) Write(b []byte) (int, error) { s.wrote = b; return len(b), nil }
func (s *stream) Close() error                { s.closed = true; return nil }

func TestStreamsCarryAnswersWhole(t *testing.T) {
	m := new(dns.Msg).SetReply(question("a.example.", dns.TypeA))
	for i := range 60 {
		m.Answer = append(m.Answer, test.A("a.example. 60 IN A 192.0.2."+string(rune('0'+i%10))))
	}
	s := &stream{}
	if err := (&wire{stream: true}).send(s, question("a.example.", dns.TypeA), m); err != nil {
		t.Fatal(err)
	}
	got := new(dns.Msg)
	if err := got.Unpack(s.wrote); err != nil || len(got.Answer) != 60 || got.Truncated || !s.closed {
		t.Errorf("Expected 60 addresses and the stream's end, got %v (%v)", got, err)
	}
	rec := dnstest.NewRecorder(&test.ResponseWriter{})
	short := new(dns.Msg).SetReply(question("a.example.", dns.TypeA))
	if err := (&wire{stream: true}).send(rec, question("a.example.", dns.TypeA), short); err != nil || rec.Msg != short {
		t.Errorf("Expected a short answer to go the usual way, got %v (%v)", rec.Msg, err)
	}
}

func TestGlueIsNeverShed(t *testing.T) {
	m := new(dns.Msg).SetReply(question("x.child.example.", dns.TypeA))
	m.Ns = []dns.RR{test.NS("child.example. 60 IN NS ns.child.example.")}
	for range 60 {
		m.Extra = append(m.Extra, test.A("ns.child.example. 60 IN A 192.0.2.1"))
	}
	shed(m, 512)
	if len(m.Extra) != 60 {
		t.Errorf("Expected the glue to be left to truncation, got %d of 60 addresses", len(m.Extra))
	}
}

func TestRecordSetsAreShedWhole(t *testing.T) {
	m := new(dns.Msg).SetReply(question("a.example.", dns.TypeMX))
	m.Answer = []dns.RR{test.MX("a.example. 60 IN MX 1 mx1.a.example."), test.MX("a.example. 60 IN MX 1 mx2.a.example.")}
	m.Extra = []dns.RR{test.A("mx1.a.example. 60 IN A 192.0.2.1")}
	for range 40 {
		m.Extra = append(m.Extra, test.A("mx2.a.example. 60 IN A 192.0.2.2"))
	}
	shed(m, 501)
	if len(m.Extra) != 1 || m.Extra[0].Header().Name != "mx1.a.example." {
		t.Errorf("Expected the addresses of mx1 alone, got %v", m.Extra)
	}
}
