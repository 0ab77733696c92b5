package listener

import (
	"bytes"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// wire packs a question for a.Example with changes.
func wire(t testing.TB, change func(*dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion("a.Example.", dns.TypeA)
	m.Id = 0x1234
	if change != nil {
		change(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func opt(options ...dns.EDNS0) func(*dns.Msg) {
	return func(m *dns.Msg) { m.SetEdns0(1232, true).IsEdns0().Option = options }
}

// cut is b without its last n octets.
func cut(b []byte, n int) []byte { return b[:len(b)-n] }

// with is b with one octet changed.
func with(b []byte, at int, to byte) []byte {
	b = bytes.Clone(b)
	b[at] = to
	return b
}

func TestPlainQuestionsAreOursAndAllElseIsCoreDNSs(t *testing.T) {
	plain, edns := wire(t, nil), wire(t, opt())
	end := len(plain)
	cookie := &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}
	long := append(bytes.Repeat([]byte{1, 'a'}, 130), 0)
	for _, c := range []struct {
		claim  string
		packet []byte
		want   fate
	}{
		{"a plain question", plain, ours},
		{"with EDNS", edns, ours},
		{"with the flags of a client", wire(t, func(m *dns.Msg) { m.AuthenticatedData, m.CheckingDisabled = true, true }), ours},
		{"with a cookie and padding", wire(t, opt(cookie, &dns.EDNS0_PADDING{Padding: make([]byte, 9)})), ours},
		{"with two cookies", wire(t, opt(cookie, cookie)), ours},
		{"nothing", nil, drop},
		{"half a header", plain[:11], drop},
		{"an answer", with(plain, 2, 0x81), drop},
		{"a header alone", plain[:12], pass},
		{"another opcode", with(plain, 2, 0x29), pass},
		{"AA set", with(plain, 2, 0x05), pass},
		{"no question", with(plain, 5, 0), pass},
		{"two questions", with(plain, 5, 2), pass},
		{"an answer record", with(plain, 7, 1), pass},
		{"an authority record", with(plain, 9, 1), pass},
		{"two additional records", with(edns, 11, 2), pass},
		{"a name without end", cut(plain, 5), pass},
		{"a name that ends in a label", cut(plain, 8), pass},
		{"a compressed name", with(plain, 12, 0xc0), pass},
		{"a name that is too long", append(append(plain[:12:12], long...), 0, 1, 0, 1), pass},
		{"half a question", cut(plain, 1), pass},
		{"another class", with(plain, end-1, 3), pass},
		{"something behind", append(bytes.Clone(plain), 0), pass},
		{"no OPT record", with(plain, 11, 1), pass},
		{"another record", with(edns, end+2, 42), pass},
		{"an OPT record of another name", with(edns, end, 1), pass},
		{"an extended rcode", with(edns, end+5, 1), pass},
		{"another version", with(edns, end+6, 1), pass},
		{"options that are too long", with(edns, end+10, 1), pass},
		{"something behind the OPT record", append(bytes.Clone(edns), 0), pass},
		{"half an option", append(with(edns, end+10, 3), 0, 10, 0), pass},
		{"an option that is too long", append(with(edns, end+10, 5), 0, 10, 0, 2, 1), pass},
		{"NSID", wire(t, opt(&dns.EDNS0_NSID{Code: dns.EDNS0NSID})), pass},
	} {
		var q query
		if got := q.read(c.packet); got != c.want {
			t.Errorf("%s: got %d, want %d", c.claim, got, c.want)
		}
	}
}

func TestQuestionIsReadAsItStands(t *testing.T) {
	var q query
	q.read(wire(t, opt(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})))
	if q.id != 0x1234 || q.name() != record.MustParseName("a.example") || string(q.asked) != "\x01a\x07Example\x00" || q.qtype != dns.TypeA ||
		!q.edns || q.size != 1232 || !q.signatures() || len(q.cookie) != 8 {
		t.Errorf("got %+v", q)
	}
	q.read(wire(t, nil))
	if q.edns || q.size != 0 || q.signatures() || q.cookie != nil {
		t.Errorf("the last packet's OPT record is still there: %+v", q)
	}
}

// FuzzPacket compares with the DNS library: what is ours it must read too, and alike.
func FuzzPacket(f *testing.F) {
	f.Add(wire(f, nil))
	f.Add(wire(f, opt()))
	f.Add(wire(f, opt(&dns.EDNS0_PADDING{Padding: make([]byte, 3)}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"})))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q query
		if q.read(b) != ours {
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(b); err != nil {
			t.Fatalf("the library does not read it: %v", err)
		}
		name, err := record.ParseName(m.Question[0].Name)
		if err != nil || name != q.name() || m.Question[0].Qtype != q.qtype || m.Question[0].Qclass != classIN || m.Id != q.id ||
			m.Opcode != dns.OpcodeQuery || len(m.Answer)+len(m.Ns) != 0 {
			t.Fatalf("got %+v from %v", q, m)
		}
		o := m.IsEdns0()
		if q.edns != (o != nil) || len(m.Extra) > 1 || o != nil && (o.UDPSize() != q.size || o.Do() != q.signatures() || o.Version() != 0) {
			t.Fatalf("got %+v from %v", q, m)
		}
	})
}
