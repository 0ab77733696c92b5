package main

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

// axfr transfers the zone over TCP. An empty secret asks without TSIG.
func axfr(q *dns.Msg, withSecret string) ([]dns.RR, error) {
	tr := &dns.Transfer{ReadTimeout: patience}
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
	eventually(t, func() error { return nodeAnswers("127.0.0.2") })
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

// notified is a secondary that only counts the NOTIFY messages that it gets.
type notified struct{ messages atomic.Int64 }

func (n *notified) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	if r.Opcode == dns.OpcodeNotify && r.Question[0] == (dns.Question{Name: "auth.example.org.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET}) {
		n.messages.Add(1)
	}
	_ = w.WriteMsg(new(dns.Msg).SetReply(r)) // who asked tries again
}

// follows does something, and waits for a NOTIFY message after it.
func (n *notified) follows(t *testing.T, do func()) {
	t.Helper()
	before := n.messages.Load()
	do()
	eventually(t, func() error {
		if n.messages.Load() == before {
			return fmt.Errorf("%d NOTIFY messages, and no more", before)
		}
		return nil
	})
}

func TestNotifyFollowsEachSwap(t *testing.T) {
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
	var i *caddy.Instance
	n.follows(t, func() { i = boot(t, text) })
	n.follows(t, func() {
		azure.Close()
		eventually(t, func() error { return nodeAnswers("127.0.0.2") })
	})
	n.follows(t, func() {
		if _, err := i.Restart(corefileInput(strings.Replace(text, "serve login @", "serve login", 1))); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := running().Restart(corefileInput("nonsense {")); err == nil {
		t.Fatal("Expected a refused Corefile")
	}
	n.follows(t, func() {
		site(t) // azure comes back
		eventually(t, func() error { return nodeAnswers("127.0.0.1") })
	})
}
