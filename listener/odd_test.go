//go:build linux

package listener

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"failoverdns/record"
	"failoverdns/zone"
)

// TestWhatTheImageCannotAnswerIsCoreDNSs, though the packet is a plain question.
func TestWhatTheImageCannotAnswerIsCoreDNSs(t *testing.T) {
	zones := served(t)
	deep := record.MustParseName("w.example")
	r := newRoute([]Block{{Zone: record.MustParseName("example"), Fast: true, Payload: 1232}, {Zone: record.MustParseName("net"), Fast: true},
		{Zone: deep, Fast: true}, {Zone: record.MustParseName("off.example")}})
	for _, c := range []struct {
		claim string
		name  string
		qtype uint16
		want  fate
	}{
		{"a name", "ns1.example.", dns.TypeA, ours},
		{"a type above 255", "ns1.example.", dns.TypeCAA, ours},
		{"another's zone", "org.", dns.TypeA, pass},
		{"a zone without an image", "a.net.", dns.TypeA, pass},
		{"a block whose zone has no image, below one that has", "a.w.example.", dns.TypeA, pass},
		{"a block that is off", "a.off.example.", dns.TypeA, pass},
		{"DS", "example.", dns.TypeDS, pass},
		{"a transfer", "example.", dns.TypeAXFR, pass},
	} {
		a := new(answerer)
		if a.read(wire(t, func(m *dns.Msg) { m.Question[0] = dns.Question{Name: c.name, Qtype: c.qtype, Qclass: dns.ClassINET} })) != ours {
			t.Fatalf("%s is not read", c.claim)
		}
		b, m, got := a.answer(make([]byte, 0, bufferSize), r, zones, false)
		if got != c.want {
			t.Errorf("%s: got %d, want %d", c.claim, got, c.want)
		}
		if got == ours {
			new(Tally).count(&a.query, m, len(b), false)
		}
	}
}

// TestRoomIsTheLeastOfWhatClientServerAndNetworkTake.
func TestRoomIsTheLeastOfWhatClientServerAndNetworkTake(t *testing.T) {
	for _, c := range []struct {
		edns bool
		size uint16
		most uint16
		ipv6 bool
		want int
	}{{false, 0, 1232, false, 512}, {true, 100, 1232, false, 512}, {true, 4096, 1232, false, 1232}, {true, 700, 1232, false, 700},
		{true, 65535, 65535, false, mostIPv4}, {true, 65535, 65535, true, mostIPv6}, {true, 600, 65535, true, 600}} {
		a := answerer{query: query{edns: c.edns, size: c.size}}
		if got := a.room(c.most, c.ipv6); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

func TestAnswerThatIsTooLongIsCoreDNSs(t *testing.T) {
	zones := served(t)
	r := newRoute([]Block{{Zone: record.MustParseName("example"), Fast: true}})
	a := new(answerer)
	long := bytes.Repeat([]byte("\x3faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 3)
	packet := append(append(wire(t, nil)[:headerLen:headerLen], long...), "\x01w\x07example\x00\x00\x01\x00\x01"...)
	if a.read(packet) != ours {
		t.Fatal("it is not read")
	}
	if _, _, got := a.answer(make([]byte, 0, bufferSize), r, zones, false); got != ours {
		t.Fatalf("at 512 octets it is given to %d", got)
	}
	packet[11] = 1 // a COOKIE option takes the room
	packet = append(packet, 0, 0, typeOPT, 2, 0, 0, 0, 0, 0, 0, 0)
	if a.read(packet) != ours {
		t.Fatal("it is not read")
	}
	a.grant = make([]byte, 100)
	if _, _, got := a.answer(make([]byte, 0, bufferSize), r, zones, false); got != pass {
		t.Errorf("beyond 512 octets it is given to %d", got)
	}
}

func TestSendersAreReadInBothFamilies(t *testing.T) {
	b := newBatch(false)
	set := func(family uint16, octets ...byte) {
		b.from[0] = unix.RawSockaddrInet6{Family: family}
		copy(b.fromBytes(0)[2:], octets)
	}
	for _, c := range []struct {
		family  uint16
		octets  []byte
		address string
		ipv6    bool
	}{
		{unix.AF_INET, []byte{0, 53, 192, 0, 2, 1}, "192.0.2.1", false},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("2001:db8::1")...), "2001:db8::1", true},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("192.0.2.1").To16()...), "::ffff:192.0.2.1", false},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("fe80::1")...), "fe80::1", true},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("::1")...), "::1", true},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("::ff00:0:1")...), "::ff00:0:1", true},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("::1:ffff:0:1")...), "::1:ffff:0:1", true},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("::1:0:0")...), "::1:0:0", true},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("::fe:0:0")...), "::fe:0:0", true},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("::ff:0:0")...), "::ff:0:0", true},
		{unix.AF_INET6, append([]byte{0, 53, 0, 0, 0, 0}, net.ParseIP("::fffe:0:0")...), "::fffe:0:0", true},
	} {
		set(c.family, c.octets...)
		if b.address(0) != netip.MustParseAddr(c.address) || b.ipv6(0) != c.ipv6 || b.port(0) != 53 {
			t.Errorf("%s: got %s port %d, IPv6: %v", c.address, b.address(0), b.port(0), b.ipv6(0))
		}
		if _, client := b.sender(0); client.Port != 53 || client.AddrPort().Addr().Unmap() != netip.MustParseAddr(c.address).Unmap() {
			t.Errorf("%s: to CoreDNS it is %s", c.address, client)
		}
	}
}

func TestAnswersLeaveByTheRoutesInterfaceButForLinkLocalOnes(t *testing.T) {
	message := func(level, kind int32, data ...byte) []byte {
		b := make([]byte, unix.SizeofCmsghdr, controlSize)
		binary.NativeEndian.PutUint32(b[8:], uint32(level))
		binary.NativeEndian.PutUint32(b[12:], uint32(kind))
		return append(b, data...)
	}
	at := func(address string) []byte { return append(net.ParseIP(address).To16(), 7, 0, 0, 0) }
	v4 := []byte{7, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 1}
	for _, c := range []struct {
		claim   string
		control []byte
		kept    bool
	}{
		{"nothing", nil, true},
		{"IPv4", message(unix.IPPROTO_IP, unix.IP_PKTINFO, v4...), false},
		{"IPv4 cut short", message(unix.IPPROTO_IP, unix.IP_PKTINFO, v4[:8]...), true},
		{"another message of IPv4", message(unix.IPPROTO_IP, unix.IP_TTL, v4...), true},
		{"IPv6", message(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, at("2001:db8::1")...), false},
		{"IPv6, link-local", message(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, at("fe80::1")...), true},
		{"IPv6, hardly not link-local", message(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, at("fec0::1")...), false},
		{"IPv6 cut short", message(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, at("2001:db8::1")[:16]...), true},
		{"another message of IPv6", message(unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, at("2001:db8::1")...), true},
	} {
		before := bytes.Clone(c.control)
		anyInterface(c.control)
		if bytes.Equal(before, c.control) != c.kept {
			t.Errorf("%s: %x has become %x", c.claim, before, c.control)
		}
	}
}

// TestPacketsThatNobodyAnswersAreCounted, and CoreDNS answers as long as there are no zones.
func TestPacketsThatNobodyAnswersAreCounted(t *testing.T) {
	l, at := listening(t, "127.0.0.1:0")
	c, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("short")); err != nil {
		t.Fatal(err)
	}
	exchange(t, at, "ns1.example.", dns.TypeA) // goes by the same way, mostly: both are there in the end
	for end := time.Now().Add(patience); l.Packets()[testAddress].Malformed != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", l.Packets())
		}
	}
	reload(t, l, at, Config{Zones: func() *zone.Set { return nil }})
	if m := exchange(t, at, "ns1.example.", dns.TypeA); m.Rcode != dns.RcodeRefused {
		t.Errorf("without zones: %v", m)
	}
}

// reload puts another configuration of the same address into force.
func reload(t *testing.T, l *Listener, at string, c Config) {
	t.Helper()
	if c.Zones == nil {
		zones := served(t)
		c.Zones = func() *zone.Set { return zones }
	}
	c.Addresses = []Address{{Name: testAddress, Host: at, Blocks: []Block{{Zone: record.MustParseName("example"), Fast: true, Payload: 1232}}}}
	if err := l.Prepare(c); err != nil {
		t.Fatal(err)
	}
	l.Serve(testAddress, Server{Handler: slow})
	l.Commit()
}

func TestLimitThatAReloadLeavesAloneGoesOn(t *testing.T) {
	limit := RateLimit{Answers: 1, IPv4: 24, IPv6: 56}
	again, other := limit, limit
	other.Answers = 2
	d := (*defence)(nil).next(Config{RateLimit: &limit})
	if d.limit == nil || d.next(Config{RateLimit: &again}).limit != d.limit {
		t.Error("what was counted is forgotten")
	}
	if d.next(Config{RateLimit: &other}).limit == d.limit {
		t.Error("another limit did not begin")
	}
	none := d.next(Config{})
	if none.limit != nil || none.on() || none.next(Config{RateLimit: &limit}).limit == nil {
		t.Error("no limit, and then one again, are not what they are")
	}
}

func TestUnderPressureNothingIsCutAndTheProvenAndExemptGetAll(t *testing.T) {
	limit := RateLimit{Answers: 1, Errors: 1, Slip: 1, IPv4: 24, IPv6: 56, Exempt: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	d, p, a := (*defence)(nil).next(Config{RateLimit: &limit}), new(port), new(answerer)
	a.read(wire(t, nil))
	block := &block{}
	say := func(from string, proven bool, rcode uint8, pressed bool) string {
		switch b := d.limited(p, a, []byte("whole"), made{block: block, rcode: rcode}, client{from: netip.MustParseAddr(from), proven: proven}, moment{time.Now(), pressed}); {
		case b == nil:
			return "nothing"
		case string(b) == "whole":
			return "whole"
		}
		return "cut"
	}
	for _, c := range []struct {
		from    string
		proven  bool
		rcode   uint8
		pressed bool
		want    string
	}{
		{"192.0.2.1", false, 0, true, "whole"}, {"192.0.2.1", false, 0, false, "cut"}, {"192.0.2.1", false, 0, true, "nothing"},
		{"192.0.2.1", false, 3, true, "nothing"}, {"192.0.2.1", false, 3, false, "whole"}, {"192.0.2.1", true, 3, true, "whole"},
		{"198.51.100.9", false, 3, true, "whole"},
	} {
		if got := say(c.from, c.proven, c.rcode, c.pressed); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
	if p.shed.Load() != 1 || p.limited.Load() != 2 {
		t.Errorf("%d shed, %d limited", p.shed.Load(), p.limited.Load())
	}
}

func TestAnswersOfCoreDNSAreCutWhateverTheyAre(t *testing.T) {
	whole := append(wire(t, nil), 1, 2, 3)
	for claim, c := range map[string]struct{ in, want []byte }{
		"a question and records": {whole, append(with(wire(t, nil), 2, whole[2]|2)[:headerLen:headerLen], wire(t, nil)[headerLen:]...)},
		"no question":            {append(with(wire(t, nil), 5, 0)[:headerLen:headerLen], 9), with(with(wire(t, nil)[:headerLen], 5, 0), 2, whole[2]|2)},
		"a name without end":     {whole[:headerLen+3], with(whole[:headerLen+3], 2, whole[2]|2)},
	} {
		if got := shorten(c.in); !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %x, want %x", claim, got, c.want)
		}
	}
	d := (*defence)(nil).next(Config{RateLimit: &RateLimit{Answers: 1, IPv4: 24, IPv6: 56}})
	if got := d.later(new(port), new(answerer), client{from: netip.MustParseAddr("192.0.2.1")})([]byte("short")); string(got) != "short" {
		t.Errorf("what is no message has become %q", got)
	}
}

// TestAnswerThatTheSystemRefusesCostsNoOther has the first of two answers go to what is no address.
func TestAnswerThatTheSystemRefusesCostsNoOther(t *testing.T) {
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	s, err := openOne("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := s.batch
	port := to.LocalAddr().(*net.UDPAddr).Port
	b.from[1] = unix.RawSockaddrInet6{Family: unix.AF_INET}
	copy(b.fromBytes(1)[2:], []byte{byte(port >> 8), byte(port), 127, 0, 0, 1})
	b.in[0].Namelen, b.in[1].Namelen = 1, unix.SizeofSockaddrInet4
	b.reply(0, copy(b.buffer()[:5], "first"))
	b.reply(1, copy(b.buffer()[:6], "second"))
	b.send(s.fd)
	var got [16]byte
	if err := to.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := to.Read(got[:]); err != nil || string(got[:n]) != "second" || b.sendError != 1 {
		t.Errorf("got %q, %v; %d were refused", got[:n], err, b.sendError)
	}
	s.close()
	if _, err := b.receive(-1, true); err == nil {
		t.Error("a descriptor that is none was received from")
	}
}

func TestAddressThatIsNoneSharesOneBucket(t *testing.T) {
	l := newLimiter(RateLimit{Answers: 1, IPv4: 24, IPv6: 56})
	if l.judge(netip.Addr{}, 0, l.began) != sayAll || l.judge(netip.Addr{}, 0, l.began) != sayNothing {
		t.Error("it is not limited")
	}
}

func TestOpcodesThatPluginsTakeReachThem(t *testing.T) {
	for _, c := range []struct {
		claim     string
		opcode    int
		questions uint16
		want      dns.MsgAcceptAction
	}{
		{"a query", dns.OpcodeQuery, 1, dns.MsgAccept}, {"an update that is wanted", dns.OpcodeUpdate, 1, dns.MsgAccept},
		{"with two questions", dns.OpcodeUpdate, 2, dns.MsgReject}, {"another opcode", dns.OpcodeStatus, 1, dns.MsgRejectNotImplemented},
	} {
		p := &passage{room: make(chan struct{}, 1), opcodes: []int{dns.OpcodeUpdate}}
		p.room <- struct{}{}
		if got := p.accept(dns.Header{Bits: uint16(c.opcode) << 11, Qdcount: c.questions}); got != c.want || (len(p.room) == 1) != (got == dns.MsgAccept) {
			t.Errorf("%s: got %d, %d still at work", c.claim, got, len(p.room))
		}
	}
}

// TestReloadChangesWhatIsAnsweredAndClosesWhatIsGone, and what was counted stays.
func TestReloadChangesWhatIsAnsweredAndClosesWhatIsGone(t *testing.T) {
	l, at := listening(t, "127.0.0.1:0")
	exchange(t, at, "ns1.example.", dns.TypeA)
	reload(t, l, at, Config{RateLimit: &RateLimit{Answers: 1, Errors: 1, Slip: 1, IPv4: 24, IPv6: 56}})
	answers := uint64(2)
	for began := time.Now(); !exchange(t, at, "ns1.example.", dns.TypeA).Truncated; answers++ { // one in a second is whole
		if time.Since(began) > patience {
			t.Fatal("the limit is not in force")
		}
	}
	l.Commit() // nothing is pending
	if err := l.Prepare(Config{}); err != nil {
		t.Fatal(err)
	}
	l.Commit()
	if l.Open(testAddress) {
		t.Error("the address is still open")
	}
	if err := l.Prepare(Config{Addresses: []Address{{Name: testAddress, Host: "127.0.0.1:0"}}}); err != nil {
		t.Fatal(err)
	}
	l.Rollback()
	if n := l.Tallies()[testAddress][record.MustParseName("example")].Rcodes[0]; n != answers { // one of them cut
		t.Errorf("%d answers are counted of %d", n, answers)
	}
}

func TestWithoutAServerPacketsOverflow(t *testing.T) {
	p, s := new(port), &socket{batch: newBatch(false), active: &active{defence: new(defence)}}
	p.pass(s, 0, client{})
	if p.overflow.Load() != 1 || p.passed.Load() != 0 {
		t.Errorf("%d overflow, %d passed", p.overflow.Load(), p.passed.Load())
	}
}

// TestSocketsAreAsManyAsProcessorsAndShareTheWork opens more than this machine has, and steers to each of them.
func TestSocketsAreAsManyAsProcessorsAndShareTheWork(t *testing.T) {
	const n = 4
	sockets, err := open("127.0.0.1:0", n)
	if err != nil {
		t.Fatal(err)
	}
	p := &port{name: testAddress, log: slog.New(slog.DiscardHandler), sockets: sockets}
	zones := served(t)
	p.active.Store(&active{newRoute([]Block{{Zone: record.MustParseName("example"), Fast: true, Payload: 1232}}), func() *zone.Set { return zones }, new(defence)})
	p.serve(Server{Handler: slow})
	defer func() {
		if err := p.close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	at := sockets[0].local.String()
	for i := range n {
		if err := steer(sockets[0].fd, behind(i)); err != nil {
			t.Fatal(err)
		}
		if m := exchange(t, at, "ns1.example.", dns.TypeA); m.Rcode != dns.RcodeSuccess {
			t.Errorf("socket %d: %v", i, m)
		}
		if m := exchange(t, at, "example.net.", dns.TypeA); m.Rcode != dns.RcodeRefused {
			t.Errorf("socket %d, by CoreDNS: %v", i, m)
		}
		sockets[i].mu.Lock()
		if got := sockets[i].tallies[record.MustParseName("example")]; got == nil || got.Rcodes[0] != 1 {
			t.Errorf("socket %d has counted %v", i, got)
		}
		sockets[i].mu.Unlock()
	}
	// By processor, every packet has one of them, and all have counted together what was asked.
	if err := steer(sockets[0].fd, byProcessor(n)); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		exchange(t, at, "ns1.example.", dns.TypeA)
	}
	sum := counts{}
	sum.add(testAddress, p)
	if got := sum[testAddress].tallies[record.MustParseName("example")].Rcodes[0]; got != 50+n {
		t.Errorf("%d answers are counted", got)
	}
}

// TestPassageIsASocketForThePacketsThatCameThisWayOnly, as the DNS library sees it.
func TestPassageIsASocketForThePacketsThatCameThisWayOnly(t *testing.T) {
	local, client := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53}, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5353}
	p := &passage{local: local, queue: make(chan *passed, 1), room: make(chan struct{}, 1), done: make(chan struct{})}
	if _, err := p.WriteTo([]byte("x"), client); !errors.Is(err, errForeign) {
		t.Errorf("an answer to a stranger: %v", err)
	}
	one := &passed{data: []byte("?"), client: client}
	if one.Network() != "udp" || one.String() != client.String() || p.LocalAddr() != net.Addr(local) {
		t.Errorf("from %s %s to %s", one.Network(), one, p.LocalAddr())
	}
	if got := (writer{&remote{of: one}}).RemoteAddr(); got != net.Addr(client) {
		t.Errorf("CoreDNS sees %v", got)
	}
	if got := (writer{&remote{of: local}}).RemoteAddr(); got != net.Addr(local) {
		t.Errorf("of what came another way CoreDNS sees %v", got)
	}
	p.put(one)
	p.put(&passed{data: []byte("more than there is room for")})
	b := make([]byte, 8)
	if n, from, err := p.ReadFrom(b); err != nil || string(b[:n]) != "?" || from != net.Addr(one) {
		t.Errorf("read %q from %v (%v)", b[:n], from, err)
	}
	if err := errors.Join(p.SetWriteDeadline(time.Unix(1, 0)), p.SetDeadline(time.Time{}), p.SetDeadline(time.Now().Add(time.Hour))); err != nil {
		t.Error(err)
	}
	select {
	case <-p.done:
		t.Error("a deadline that is not over ended it")
	default:
	}
	p.SetDeadline(time.Unix(1, 0))
	if _, _, err := p.ReadFrom(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after its end: %v", err)
	}
}

// remote is a writer of whom only the client's address is asked.
type remote struct {
	dns.ResponseWriter
	of net.Addr
}

func (r *remote) RemoteAddr() net.Addr { return r.of }

// TestPassageThatMayNotWaitLeavesItsQueue: the context's end is the end.
func TestPassageThatMayNotWaitLeavesItsQueue(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	p := newPassage(&net.UDPAddr{}, Server{Handler: dns.HandlerFunc(func(dns.ResponseWriter, *dns.Msg) {
		asked <- true
		<-answer
	})})
	one := &passed{data: wire(t, nil), client: &net.UDPAddr{}, reply: func([]byte) error { return nil }}
	for range atWork {
		p.put(one)
		<-asked
	}
	p.put(one) // has to wait
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
	if len(p.queue) != 1 {
		t.Errorf("%d are in the queue", len(p.queue))
	}
	close(answer)
	<-p.ended
}

// TestSocketThatFailsIsToldOf, and its goroutine ends: CoreDNS's own socket goes on.
func TestSocketThatFailsIsToldOf(t *testing.T) {
	var log bytes.Buffer
	p := &port{name: testAddress, log: slog.New(slog.NewTextHandler(&log, nil))}
	s := &socket{fd: -1, batch: newBatch(false)}
	s.run(p)
	if !strings.Contains(log.String(), "the fast path's socket failed") || !strings.Contains(log.String(), testAddress) {
		t.Errorf("it says %q", &log)
	}
	if _, err := queueOf(-1); err == nil {
		t.Error("what is no socket has a queue")
	}
	if err := steer(-1, behind(1)); err == nil {
		t.Error("what is no socket is steered")
	}
}

func TestWhatIsNoUDPSocketIsNotTaken(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	good, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	first, err := good.File()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	l := New(slog.New(slog.DiscardHandler))
	if err := l.Prepare(Config{Addresses: []Address{{Name: testAddress, Passed: []*os.File{first, file}}}}); err == nil || l.Open(testAddress) {
		t.Errorf("a file is taken for a socket (%v)", err)
	}
	l.Serve(testAddress, Server{Handler: slow}) // it is not there: nothing to serve
	c, err := net.ListenPacket("unixgram", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := takeOver(c, true); err == nil || !strings.Contains(err.Error(), "unixgram is no UDP socket") {
		t.Errorf("a socket of the file system: %v", err)
	}
}

// TestBothFamiliesKnowToWhichAddressAPacketWent, each on a socket of its own for all addresses.
func TestBothFamiliesKnowToWhichAddressAPacketWent(t *testing.T) {
	for network, level := range map[string][2]int{"udp4": {unix.IPPROTO_IP, unix.IP_PKTINFO}, "udp6": {unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO}} {
		c, err := net.ListenUDP(network, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := takeOver(c, false)
		if err != nil {
			t.Fatal(err)
		}
		if on, err := unix.GetsockoptInt(s.fd, level[0], level[1]); err != nil || on != 1 || !s.wildcard {
			t.Errorf("%s: %d (%v)", network, on, err)
		}
		s.close()
	}
}
