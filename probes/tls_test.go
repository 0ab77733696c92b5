package probes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"failoverdns/health"
)

// authority signs the certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	a.cert, a.key = sign(t, template, nil)
	a.pool.AddCert(a.cert)
	return a
}

// sign makes a certificate, self-signed without an authority.
func sign(t testing.TB, template *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// leaf is a server certificate for names, valid for a span around now.
func leaf(t testing.TB, by *authority, from, to time.Duration, names ...string) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test Leaf"}, DNSNames: names,
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert, key := sign(t, template, by)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// over serves a conversation over TLS.
func over(config *tls.Config, talk func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, config)
		if s.Handshake() == nil {
			talk(s)
		}
		s.Close()
	}
}

func TestCertificatesAreHeldAgainstTheURLsHost(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	day := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.DateOnly) }
	with := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	good := leaf(t, ca, -time.Hour, time.Hour, "login.example.com")
	bySNI := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := leaf(t, ca, -time.Hour, time.Hour, "default.example.com")
		if h.ServerName == "login.example.com" {
			c = good
		}
		return &c, nil
	}}
	strict := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if h.ServerName != "login.example.com" {
			return nil, io.ErrUnexpectedEOF
		}
		return &good, nil
	}}
	demanding := with(good)
	demanding.ClientAuth = tls.RequireAnyClientCert
	insecure := func(c *health.Check) { c.Insecure = true }
	serverName := func(name string) func(*health.Check) { return func(c *health.Check) { c.ServerName = name } }
	tests := []struct {
		name   string
		config *tls.Config
		change func(*health.Check)
		reason health.Reason
		detail string
	}{
		{"good", with(good), nil, "", ""},
		{"expired", with(leaf(t, ca, -72*time.Hour, -48*time.Hour, "login.example.com")), nil, health.TLS, "certificate expired on " + day(-48*time.Hour)},
		{"not yet valid", with(leaf(t, ca, 48*time.Hour, 72*time.Hour, "login.example.com")), nil, health.TLS, "certificate not valid before " + day(48*time.Hour)},
		{"wrong name", with(leaf(t, ca, -time.Hour, time.Hour, "a.example.com", "b.example.com")), nil, health.TLS, `certificate is not for "login.example.com" but for a.example.com, b.example.com`},
		{"no name", with(leaf(t, ca, -time.Hour, time.Hour)), nil, health.TLS, "but for no name"},
		{"self-signed", with(leaf(t, nil, -time.Hour, time.Hour, "login.example.com")), nil, health.TLS, `unknown authority: self-signed by "CN=Test Leaf"`},
		{"unknown authority", with(leaf(t, other, -time.Hour, time.Hour, "login.example.com")), nil, health.TLS, `unknown authority "CN=Test Root"`},
		{"insecure", with(leaf(t, nil, -72*time.Hour, -48*time.Hour, "x")), insecure, "", ""},
		{"certificate chosen by SNI", bySNI, nil, "", ""},
		{"SNI demanded", strict, nil, "", ""},
		{"SNI demanded, another sent", strict, serverName("www.example.com"), health.TLS, "remote error: tls: internal error"},
		{"server-name", bySNI, serverName("default.example.com"), "", ""},
		{"client certificate demanded", demanding, nil, health.TLS, "certificate required"},
		{"old version", &tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS11}, nil, health.TLS, "protocol version"},
		{"HTTP/2 offered, HTTP/1.1 chosen", &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"h2", "http/1.1"}}, nil, "", ""},
		{"no HTTP", &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"acme-tls/1"}}, nil, health.TLS, "no application protocol"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at := serve(t, over(test.config, answer("HTTP/1.1 200 OK\r\n\r\n")))
			change := test.change
			if change == nil {
				change = func(*health.Check) {}
			}
			expect(t, &Env{Roots: ca.pool}, target(t, "https://login.example.com/", at, change), test.reason, test.detail)
		})
	}
}

func TestBrokenHandshakesGetTheirReason(t *testing.T) {
	tests := []struct {
		name   string
		talk   func(net.Conn)
		reason health.Reason
		detail string
	}{
		{"plain HTTP", answer400, health.TLS, "does not speak TLS"},
		{"silent", block, health.Timeout, "the TLS handshake was not finished within 2s"},
		{"closed", func(c net.Conn) { c.Read(make([]byte, 4096)) }, health.TLS, "closed during the TLS handshake"},
		{"reset", func(c net.Conn) { c.Read(make([]byte, 4096)); reset(c) }, health.Reset, "the TLS handshake was not finished: connection reset"},
		{"alert", func(c net.Conn) { c.Read(make([]byte, 4096)); c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) }, health.TLS, "handshake failure"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			at := serve(t, test.talk)
			expect(t, &Env{}, target(t, "https://login.example.com/", at, timeout(2*time.Second)), test.reason, test.detail)
		})
	}
}

// answer400 is what a plain HTTP server says to a ClientHello.
func answer400(c net.Conn) {
	c.Read(make([]byte, 4096))
	io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
}

// BenchmarkHTTPSProbe is one whole probe with a full handshake.
func BenchmarkHTTPSProbe(b *testing.B) {
	ca := newAuthority(b)
	config := &tls.Config{Certificates: []tls.Certificate{leaf(b, ca, -time.Hour, time.Hour, "login.example.com")}}
	at := serve(b, over(config, answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")))
	env, probe := &Env{Roots: ca.pool}, target(b, "https://login.example.com/healthz", at)
	b.ReportAllocs()
	for b.Loop() {
		if r := env.Probe(context.Background(), probe); r.Outcome != health.Success {
			b.Fatal(r)
		}
	}
}
