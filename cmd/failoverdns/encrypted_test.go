package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"

	"failoverdns/trust"
)

// encryptedBlocks serve what another block declares.
const encryptedBlocks = `
tls://auth.example.org:26001 {
    bind 127.0.0.1
    tls CERT KEY
    failover
}
https://auth.example.org:26002 {
    bind 127.0.0.1
    tls CERT KEY
    failover {
    }
}
quic://auth.example.org:26003 {
    bind 127.0.0.1
    tls CERT KEY
    failover
}
`

// certificate makes a CA and a certificate for 127.0.0.1, and gives the client's side of TLS.
func certificate(t *testing.T, dir string) *tls.Config {
	t.Helper()
	if err := trust.InitCA(dir); err != nil {
		t.Fatal(err)
	}
	renew(t, dir)
	ca, err := os.ReadFile(filepath.Join(dir, trust.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{RootCAs: poolOf(t, ca), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS13}
	return c
}

// renew replaces the certificate, as an administrator would: key and certificate one after the other.
func renew(t *testing.T, dir string) {
	t.Helper()
	if err := trust.Issue(dir, dir, "dot", []string{"127.0.0.1"}, time.Hour); err != nil {
		t.Fatal(err)
	}
}

func encrypted(dir string) string {
	return strings.NewReplacer("CERT", filepath.Join(dir, "dot.pem"), "KEY", filepath.Join(dir, "dot-key.pem")).Replace(encryptedBlocks)
}

// transports send a packed query and give the packed answer.
func transports(t *testing.T, c *tls.Config) map[string]func([]byte) []byte {
	t.Helper()
	web := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
	return map[string]func([]byte) []byte{
		"DoT":      func(q []byte) []byte { return overTLS(t, c, q) },
		"DoH POST": func(q []byte) []byte { return overHTTPS(t, web, http.MethodPost, q) },
		"DoH GET":  func(q []byte) []byte { return overHTTPS(t, web, http.MethodGet, q) },
		"DoQ":      func(q []byte) []byte { return overQUIC(t, c, q) },
	}
}

func overTLS(t *testing.T, c *tls.Config, q []byte) []byte {
	t.Helper()
	conn, err := dns.DialTimeoutWithTLS("tcp", tlsAt, c, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(q); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func overHTTPS(t *testing.T, web *http.Client, method string, q []byte) []byte {
	t.Helper()
	url, body := "https://"+httpsAt+"/dns-query", bytes.NewReader(q)
	if method == http.MethodGet {
		url, body = url+"?dns="+base64.RawURLEncoding.EncodeToString(q), bytes.NewReader(nil)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/dns-message")
	res, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || res.Header.Get("Content-Type") != "application/dns-message" {
		t.Fatalf("Expected an answer over HTTP/2, got %s, %s, %v (%v)", res.Proto, res.Status, res.Header, err)
	}
	return b
}

func overQUIC(t *testing.T, c *tls.Config, q []byte) []byte {
	t.Helper()
	c = c.Clone()
	c.NextProtos = []string{"doq"}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := quic.DialAddr(ctx, quicAt, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseWithError(0, "") }()
	s, err := conn.OpenStreamSync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(s) // to the end of the stream: RFC 9250 section 4.2
	if err != nil || len(b) < 2 || int(binary.BigEndian.Uint16(b)) != len(b)-2 {
		t.Fatalf("Expected a message with its length in front, got %x (%v)", b, err)
	}
	return b[2:]
}

func TestEncryptedTransportsAnswerAsUDPDoes(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	c := certificate(t, dir)
	site(t)
	boot(t, plain(dir)+encrypted(dir))
	all := transports(t, c)
	for _, q := range []*dns.Msg{
		question("login", dns.TypeA), question("LoGiN", dns.TypeAAAA), question("alias", dns.TypeA), question("nothing", dns.TypeA),
		question("x.wild", dns.TypeTXT), question("x.child", dns.TypeA), question("child", dns.TypeDS), question("www", dns.TypeANY),
		question("big", dns.TypeA), new(dns.Msg).SetQuestion("example.net.", dns.TypeA),
	} {
		for _, edns := range []bool{false, true} {
			if edns {
				q.SetEdns0(1232, true)
			}
			q.Id = 0 // DoQ demands it, DoH advises it
			want, network := pack(t, q), "udp"
			if q.Question[0].Name == "big.auth.example.org." && !edns {
				network = "tcp" // it is cut over UDP, and nowhere else
			}
			answer := pack(t, mustExchange(t, network, q))
			for name, send := range all {
				if got := send(want); !bytes.Equal(normal(t, got), normal(t, answer)) {
					t.Errorf("%s %v over %s, EDNS %t: Expected what %s gives\n%x\ngot\n%x", q.Question[0].Name, q.Question[0].Qtype, name, edns, network, answer, got)
				}
			}
		}
	}
}

// normal is a message packed anew: whether names are compressed depends on the transport's bounds.
func normal(t *testing.T, b []byte) []byte {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatal(err)
	}
	return pack(t, m)
}

func TestEncryptedAnswersArePaddedWhenAsked(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	c := certificate(t, dir)
	site(t)
	boot(t, plain(dir)+encrypted(dir))
	q := question("login", dns.TypeA).SetEdns0(1232, false)
	q.Id = 0
	q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 64)}}
	for name, send := range transports(t, c) {
		if b := send(pack(t, q)); len(b) != 468 {
			t.Errorf("%s: Expected 468 octets (RFC 8467 section 4.1), got %d", name, len(b))
		}
	}
	if b := raw(t, pack(t, q)); len(b) >= 468 {
		t.Errorf("Expected no padding over UDP, got %d octets", len(b))
	}
}

// TestRenewedCertificateIsServedWithoutARestart waits for the server to look at its files.
func TestRenewedCertificateIsServedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	c := certificate(t, dir)
	site(t)
	file := filepath.Join(dir, "Corefile")
	if err := os.WriteFile(file, []byte(plain(dir)+encrypted(dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	serveUntilTheEnd(t, file)
	eventually(t, func() error {
		_, err := ask("udp", "login.auth.example.org.", dns.TypeA)
		return err
	})
	before := served(t, c)
	renew(t, dir)
	eventually(t, func() error {
		if slices.Equal(served(t, c), before) {
			return io.ErrNoProgress
		}
		return nil
	})
}

// served is the certificate that DoT shows.
func served(t *testing.T, c *tls.Config) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", tlsAt, c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw
}
