package main

import (
	"encoding/hex"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestMessagesAreWhatAnAuthoritativeServerOwes asks one server everything that docs/dns.md promises of the messages
// themselves.
func TestMessagesAreWhatAnAuthoritativeServerOwes(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	site(t)
	boot(t, plain(dir)+childBlock)
	for _, c := range []struct {
		claim string
		check func(*testing.T)
	}{
		{"EDNSIsCappedAt1232", capped},
		{"EDNSIsAnsweredOnlyWhenAsked", ednsOnlyWhenAsked},
		{"TruncatedAnswerComesWholeByTCP", truncated},
		{"AdditionalRecordsAreDroppedWithoutTC", droppedAdditional},
		{"TwoOPTRecordsAreFORMERR", twoOPTs},
		{"OPTRecordElsewhereIsFORMERR", strayOPT},
		{"UnknownEDNSVersionIsBADVERS", badVersion},
		{"ResponsesAreDropped", responsesDropped},
		{"OtherOpcodesAreNOTIMP", otherOpcodes},
		{"OtherClassesAreREFUSED", otherClasses},
		{"FlagsAreAnAuthority's", flags},
		{"CaseIsKept", caseKept},
		{"DSIsTheParents", dsOfChild},
		{"ANYIsOneSet", anyQuery},
		{"ForeignNamesAreREFUSED", foreign},
		{"WrongQuestionCountIsFORMERR", questionCount},
		{"TransferWithoutThePluginIsREFUSED", noTransfer},
		{"LongQueryOverUDPIsAnswered", longQuery},
	} {
		t.Run(c.claim, c.check)
	}
}

// childBlock serves a zone below the other one, which delegates it.
const childBlock = `
child.auth.example.org:26000 {
    bind 127.0.0.1
    failover {
        primary azure
        nameserver ns.child.auth.example.org 192.0.2.53
    }
}
`

func mustExchange(t *testing.T, network string, q *dns.Msg) *dns.Msg {
	t.Helper()
	m, err := exchange(network, q)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func question(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(name+".auth.example.org.", qtype)
}

func edns(q *dns.Msg, size uint16) *dns.Msg { return q.SetEdns0(size, false) }

// raw sends bytes over UDP and gives what comes back.
func raw(t *testing.T, b []byte) []byte {
	t.Helper()
	return rawWithin(t, b, patience)
}

// rawWithin is raw, or nil if nothing comes back within a time.
func rawWithin(t *testing.T, b []byte, wait time.Duration) []byte {
	t.Helper()
	c, err := net.Dial("udp", plainAt)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	return within(t, c, wait)
}

func pack(t *testing.T, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rcode fails unless a message has it, and no records.
func rcode(t *testing.T, m *dns.Msg, want int) {
	t.Helper()
	if m.Rcode != want || len(m.Answer)+len(m.Ns) > 0 {
		t.Errorf("Expected %s and no records, got\n%v", dns.RcodeToString[want], m)
	}
}

func capped(t *testing.T) {
	for _, c := range []struct{ asked, told, most int }{{0, 0, 512}, {200, 200, 512}, {512, 512, 512}, {1000, 1000, 1000}, {1232, 1232, 1232}, {4096, 1232, 1232}, {65535, 1232, 1232}} {
		q := question("mail", dns.TypeMX)
		if c.asked > 0 {
			edns(q, uint16(c.asked))
		}
		b := raw(t, pack(t, q))
		m := new(dns.Msg)
		if err := m.Unpack(b); err != nil {
			t.Fatal(err)
		}
		told := 0
		if opt := m.IsEdns0(); opt != nil {
			told = int(opt.UDPSize())
		}
		if len(b) > c.most || told != c.told {
			t.Errorf("asked with %d: Expected at most %d octets and an OPT record of %d, got %d and %d", c.asked, c.most, c.told, len(b), told)
		}
	}
}

func ednsOnlyWhenAsked(t *testing.T) {
	for _, name := range []string{"login", "nothing"} {
		if m := mustExchange(t, "udp", question(name, dns.TypeA)); m.IsEdns0() != nil {
			t.Errorf("Expected no OPT record without one in the query (RFC 6891 section 7), got\n%v", m)
		}
		q := question(name, dns.TypeA).SetEdns0(1232, true)
		q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0LOCALSTART, Data: []byte("x")}}
		if m := mustExchange(t, "udp", q); m.IsEdns0() == nil || !m.IsEdns0().Do() || len(m.IsEdns0().Option) > 0 {
			t.Errorf("Expected an OPT record with DO as asked and without options that nobody knows, got\n%v", m)
		}
	}
}

func truncated(t *testing.T) {
	q := question("big", dns.TypeA)
	m := mustExchange(t, "udp", q)
	if !m.Truncated || len(m.Answer) >= 60 || m.Rcode != dns.RcodeSuccess {
		t.Errorf("Expected 60 addresses not to fit 512 octets, got\n%v", m)
	}
	if m = mustExchange(t, "udp", edns(question("big", dns.TypeA), 4096)); m.Truncated || len(m.Answer) != 60 {
		t.Errorf("Expected 60 addresses to fit 1232 octets, compressed, got\n%v", m)
	}
	if m = mustExchange(t, "tcp", q); m.Truncated || len(m.Answer) != 60 {
		t.Errorf("Expected 60 addresses over TCP, got\n%v", m)
	}
}

func droppedAdditional(t *testing.T) {
	q := edns(question("mail", dns.TypeMX), 600)
	m := mustExchange(t, "udp", q)
	if m.Truncated || len(m.Answer) != 20 {
		t.Errorf("Expected the whole answer and no TC (RFC 2181 section 9), got\n%v", m)
	}
	whole := mustExchange(t, "tcp", q)
	if len(whole.Extra) != 61 || len(m.Extra) >= len(whole.Extra) {
		t.Errorf("Expected 60 addresses and an OPT record over TCP, and fewer over UDP, got %d and %d records", len(whole.Extra), len(m.Extra))
	}
}

func twoOPTs(t *testing.T) {
	q := edns(edns(question("login", dns.TypeA), 1232), 1232)
	if len(q.Extra) != 2 {
		t.Fatal("Expected a query with two OPT records")
	}
	for _, network := range []string{"udp", "tcp"} {
		rcode(t, mustExchange(t, network, q), dns.RcodeFormatError)
	}
}

func strayOPT(t *testing.T) {
	for _, section := range []func(*dns.Msg) *[]dns.RR{
		func(m *dns.Msg) *[]dns.RR { return &m.Answer }, func(m *dns.Msg) *[]dns.RR { return &m.Ns },
	} {
		q := edns(question("login", dns.TypeA), 1232)
		*section(q), q.Extra = q.Extra, nil
		rcode(t, mustExchange(t, "udp", q), dns.RcodeFormatError)
	}
	q := edns(question("login", dns.TypeA), 1232)
	q.Extra[0].Header().Name = "login."
	rcode(t, mustExchange(t, "udp", q), dns.RcodeFormatError)
}

func badVersion(t *testing.T) {
	q := edns(question("login", dns.TypeA), 1232)
	q.IsEdns0().SetVersion(1)
	m := mustExchange(t, "udp", q)
	rcode(t, m, dns.RcodeBadVers)
	if m.IsEdns0() == nil || m.IsEdns0().Version() != 0 {
		t.Errorf("Expected version 0 in the OPT record (RFC 6891 section 6.1.3), got\n%v", m)
	}
}

func responsesDropped(t *testing.T) {
	q := question("login", dns.TypeA)
	q.Response = true
	if b := rawWithin(t, pack(t, q), 300*time.Millisecond); b != nil {
		t.Errorf("Expected no answer to a response, got %x", b)
	}
}

func otherOpcodes(t *testing.T) {
	for opcode := range 16 {
		if opcode == dns.OpcodeQuery {
			continue
		}
		q := question("login", dns.TypeA)
		q.Opcode = opcode
		m := mustExchange(t, "udp", q)
		rcode(t, m, dns.RcodeNotImplemented)
		if m.Opcode != opcode || m.Id != q.Id {
			t.Errorf("Expected opcode %d to come back, got\n%v", opcode, m)
		}
	}
	update := new(dns.Msg).SetUpdate("auth.example.org.")
	update.Insert([]dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "x.auth.example.org.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(192, 0, 2, 1)}})
	rcode(t, mustExchange(t, "tcp", update), dns.RcodeNotImplemented)
}

func otherClasses(t *testing.T) {
	for _, class := range []uint16{dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassNONE, dns.ClassANY, 4711} {
		q := question("login", dns.TypeA)
		q.Question[0].Qclass = class
		rcode(t, mustExchange(t, "udp", q), dns.RcodeRefused)
	}
}

func flags(t *testing.T) {
	for _, name := range []string{"login", "nothing"} {
		q := question(name, dns.TypeA)
		q.RecursionDesired, q.AuthenticatedData, q.CheckingDisabled = true, true, true
		m := mustExchange(t, "udp", q)
		if !m.Authoritative || m.RecursionAvailable || !m.RecursionDesired || m.AuthenticatedData || !m.CheckingDisabled || m.Zero || !m.Response {
			t.Errorf("Expected QR, AA, RD and CD as asked, neither RA nor AD nor Z, got\n%v", m)
		}
		q.RecursionDesired, q.CheckingDisabled = false, false
		if m = mustExchange(t, "udp", q); m.RecursionDesired || m.CheckingDisabled {
			t.Errorf("Expected neither RD nor CD, got\n%v", m)
		}
	}
	m := mustExchange(t, "udp", question("x.child", dns.TypeTXT))
	if !m.Authoritative {
		t.Errorf("Expected the child zone, which is served too, to answer itself, got\n%v", m)
	}
}

func caseKept(t *testing.T) {
	const asked = "aLiAs.AuTh.eXaMpLe.oRg."
	for _, network := range []string{"udp", "tcp"} {
		m := mustExchange(t, network, new(dns.Msg).SetQuestion(asked, dns.TypeA))
		if len(m.Answer) != 3 || m.Question[0].Name != asked || m.Answer[0].Header().Name != asked {
			t.Errorf("Expected the question and the first owner as asked, and two aliases, got\n%v", m)
		}
		m = mustExchange(t, network, new(dns.Msg).SetQuestion("NoThing.auth.example.org.", dns.TypeA))
		if m.Rcode != dns.RcodeNameError || m.Question[0].Name != "NoThing.auth.example.org." {
			t.Errorf("Expected NXDOMAIN with the question as asked, got\n%v", m)
		}
	}
}

func dsOfChild(t *testing.T) {
	m := mustExchange(t, "udp", question("child", dns.TypeDS))
	if len(m.Answer) != 1 || m.Answer[0].Header().Rrtype != dns.TypeDS || !m.Authoritative {
		t.Errorf("Expected the parent's DS (RFC 4035 section 3.1.4.1), got\n%v", m)
	}
	m = mustExchange(t, "udp", question("ns.child", dns.TypeDS))
	if m.Rcode != dns.RcodeSuccess || len(m.Ns) != 1 || m.Ns[0].Header().Name != "child.auth.example.org." || m.Ns[0].Header().Rrtype != dns.TypeSOA {
		t.Errorf("Expected NODATA of the child below its apex, got\n%v", m)
	}
}

func anyQuery(t *testing.T) {
	for name, want := range map[string]uint16{"login": dns.TypeA, "www": dns.TypeCNAME, "x.wild": dns.TypeTXT} {
		m := mustExchange(t, "udp", question(name, dns.TypeANY))
		if len(m.Answer) != 1 || m.Answer[0].Header().Rrtype != want {
			t.Errorf("%s: Expected one record set, %s (RFC 8482 section 4.1), got\n%v", name, dns.TypeToString[want], m)
		}
	}
}

func foreign(t *testing.T) {
	for _, name := range []string{"example.org.", "xauth.example.org.", ".", "auth.example.org.net."} {
		rcode(t, mustExchange(t, "udp", new(dns.Msg).SetQuestion(name, dns.TypeA)), dns.RcodeRefused)
	}
}

func questionCount(t *testing.T) {
	q := question("login", dns.TypeA)
	q.Question = append(q.Question, q.Question[0])
	rcode(t, mustExchange(t, "udp", q), dns.RcodeFormatError)
	q.Question = nil
	rcode(t, mustExchange(t, "udp", q), dns.RcodeFormatError)
}

func longQuery(t *testing.T) {
	q := edns(question("login", dns.TypeA), 1232)
	q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 600)}}
	for _, network := range []string{"udp", "tcp"} {
		if m := mustExchange(t, network, q); len(m.Answer) != 1 {
			t.Errorf("Expected an answer over %s, got\n%v", network, m)
		}
	}
}

func noTransfer(t *testing.T) {
	for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
		for _, network := range []string{"udp", "tcp"} {
			q := new(dns.Msg).SetQuestion("auth.example.org.", qtype)
			rcode(t, mustExchange(t, network, q), dns.RcodeRefused)
		}
	}
}

// TestMalformedPacketsDoNoHarm sends packets that are broken in every way that chance finds.
func TestMalformedPacketsDoNoHarm(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	site(t)
	boot(t, plain(dir, "debug")) // with debug a panic is not caught
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	c, err := net.Dial("udp", plainAt)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	good := goodPackets(t)
	for i := range 5000 {
		b := mutate(r, good[i%len(good)])
		if _, err := c.Write(b); err != nil {
			t.Fatalf("%v after %s", err, hex.EncodeToString(b))
		}
		if i%100 == 0 {
			if m, err := ask("udp", "login.auth.example.org.", dns.TypeA); err != nil || len(m.Answer) != 1 {
				t.Fatalf("Expected an answer after %d packets, got %v (%v)", i, m, err)
			}
		}
	}
	m, err := ask("tcp", "login.auth.example.org.", dns.TypeA)
	if err != nil || len(m.Answer) != 1 {
		t.Errorf("Expected an answer in the end, got %v (%v)", m, err)
	}
}

func goodPackets(t *testing.T) (all [][]byte) {
	for _, name := range []string{"login", "www", "big", "x.wild", "ns.child", "nothing", strings.Repeat("a.", 60) + "b"} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeANY, dns.TypeDS, dns.TypeAXFR, dns.TypeOPT, dns.TypeSOA} {
			q := question(name, qtype)
			all = append(all, pack(t, q), pack(t, q.SetEdns0(4096, true)))
		}
	}
	return append(all, pack(t, new(dns.Msg).SetNotify("auth.example.org.")), pack(t, new(dns.Msg).SetUpdate("auth.example.org.")))
}

// mutate flips, cuts, repeats and inserts bytes.
func mutate(r *rand.Rand, good []byte) []byte {
	b := slices.Clone(good)
	for range r.IntN(4) + 1 {
		at := r.IntN(len(b))
		switch r.IntN(5) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.IntN(256))
		case 2:
			b = b[:at+1]
		case 3:
			b = append(b, b[at:]...)
		default:
			b = slices.Insert(b, at, 0xC0, byte(r.IntN(len(b))))
		}
		b = b[:min(len(b), 4000)]
	}
	return b
}
