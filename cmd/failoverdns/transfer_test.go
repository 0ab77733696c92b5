package main

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// axfr transfers the zone over TCP. An empty secret asks without TSIG.
func axfr(q *dns.Msg, withSecret string) ([]dns.RR, error) {
	tr := &dns.Transfer{ReadTimeout: 5 * time.Second}
	if withSecret != "" {
		tr.TsigSecret = map[string]string{key: withSecret}
		q.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
	}
	ch, err := tr.In(q, plainAt)
	if err != nil {
		return nil, err
	}
	var all []dns.RR
	for e := range ch {
		if e.Error != nil {
			return nil, e.Error
		}
		all = append(all, e.RR...)
	}
	return all, nil
}

func wholeZone() *dns.Msg { return new(dns.Msg).SetAxfr("auth.example.org.") }

func since(serial uint32) *dns.Msg {
	return new(dns.Msg).SetIxfr("auth.example.org.", serial, "ns.example.net.", "hostmaster.auth.example.org.")
}

// addressOf is the address that a transfer has for login.
func addressOf(rrs []dns.RR) string {
	var all []string
	for _, rr := range rrs {
		if a, ok := rr.(*dns.A); ok && a.Hdr.Name == "login.auth.example.org." {
			all = append(all, a.A.String())
		}
	}
	return strings.Join(all, " ")
}

func TestTransferCarriesThePresentAnswers(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	azure := site(t)
	boot(t, plain(dir, "transfer {\n to *\n }"))
	rrs, err := axfr(wholeZone(), "")
	if err != nil || len(rrs) < 100 || addressOf(rrs) != "127.0.0.1" {
		t.Fatalf("Expected the zone with login at 127.0.0.1, got %d records, login at %q (%v)", len(rrs), addressOf(rrs), err)
	}
	first, ok := rrs[0].(*dns.SOA)
	if last := rrs[len(rrs)-1]; !ok || !dns.IsDuplicate(first, last) {
		t.Fatalf("Expected the SOA first and last (RFC 5936 section 2.2), got %v and %v", rrs[0], last)
	}
	if now, err := axfr(since(first.Serial), ""); err != nil || len(now) != 1 {
		t.Errorf("Expected the SOA alone for who has it all (RFC 1995 section 2), got %v (%v)", now, err)
	}
	azure.Close()
	eventually(t, 5*time.Second, func() error { return nodeAnswers("127.0.0.2") })
	for name, q := range map[string]*dns.Msg{"AXFR": wholeZone(), "IXFR": since(first.Serial)} {
		rrs, err := axfr(q, "")
		if err != nil || len(rrs) < 100 || addressOf(rrs) != "127.0.0.2" || rrs[0].(*dns.SOA).Serial != first.Serial+1 {
			t.Errorf("%s: Expected the whole zone with login at 127.0.0.2 and the next serial, got %d records, login at %q (%v)", name, len(rrs), addressOf(rrs), err)
		}
	}
	if m, err := ask("udp", "auth.example.org.", dns.TypeAXFR); err != nil || m.Rcode != dns.RcodeRefused {
		t.Errorf("Expected AXFR over UDP to be refused (RFC 5936 section 4.2), got %v (%v)", m, err)
	}
}

func TestTransferIsForThoseNamedOnly(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	site(t)
	boot(t, plain(dir, "transfer {\n to 192.0.2.1\n }"))
	for _, q := range []*dns.Msg{wholeZone(), since(1)} {
		m := mustExchange(t, "tcp", q)
		if m.Rcode != dns.RcodeRefused || len(m.Answer) > 0 {
			t.Errorf("Expected REFUSED, got %v", m)
		}
	}
}

func TestTransferIsSignedWhereTSIGIsRequired(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	site(t)
	boot(t, plain(dir, "transfer {\n to *\n }", "tsig {\n secret "+key+" "+secret+"\n require AXFR IXFR\n }"))
	if rrs, err := axfr(wholeZone(), secret); err != nil || addressOf(rrs) != "127.0.0.1" {
		t.Errorf("Expected a signed transfer, got %d records (%v)", len(rrs), err)
	}
	for _, wrong := range []string{"", "d3Jvbmc="} {
		if rrs, err := axfr(wholeZone(), wrong); err == nil || len(rrs) > 0 {
			t.Errorf("secret %q: Expected no transfer, got %d records", wrong, len(rrs))
		}
	}
	if m := mustExchange(t, "udp", question("login", dns.TypeA)); len(m.Answer) != 1 {
		t.Errorf("Expected queries to need no signature, got %v", m)
	}
}

// notified is a secondary that only writes down the NOTIFY messages that it gets.
type notified struct {
	mu sync.Mutex // guards at
	at []time.Time
}

func (n *notified) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	n.mu.Lock()
	if r.Opcode == dns.OpcodeNotify && r.Question[0] == (dns.Question{Name: "auth.example.org.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET}) {
		n.at = append(n.at, time.Now())
	}
	n.mu.Unlock()
	_ = w.WriteMsg(new(dns.Msg).SetReply(r)) // who asked tries again
}

func (n *notified) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.at)
}

func (n *notified) want(count int) error {
	if got := n.count(); got != count {
		return fmt.Errorf("%d NOTIFY messages instead of %d", got, count)
	}
	return nil
}

func TestNotifyFollowsEachSwapWithinASecond(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	azure := site(t)
	n := new(notified)
	conn, err := net.ListenPacket("udp", secondAt)
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: conn, Handler: n}
	go func() { _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown() })
	text := plain(dir, "transfer {\n to "+secondAt+"\n }")
	i := boot(t, text)
	eventually(t, 10*time.Second, func() error { return n.want(1) }) // at the start

	azure.Close()
	eventually(t, 5*time.Second, func() error { return nodeAnswers("127.0.0.2") })
	eventually(t, time.Second, func() error { return n.want(2) })

	if _, err := i.Restart(corefileInput(strings.Replace(text, "serve login @", "serve login", 1))); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() error {
		if n.count() < 3 {
			return n.want(3)
		}
		return nil
	})
	if _, err := running().Restart(corefileInput("nonsense {")); err == nil {
		t.Fatal("Expected a refused Corefile")
	}
	before := n.count()
	site(t) // azure comes back
	eventually(t, 5*time.Second, func() error { return nodeAnswers("127.0.0.1") })
	eventually(t, 3*time.Second, func() error {
		if n.count() == before {
			return n.want(before + 1)
		}
		return nil
	})
}
