package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

// The ports of the tests that boot whole servers, on loopback. One server runs at a time: a process has one node.
const (
	plainAt  = "127.0.0.1:26000"
	tlsAt    = "127.0.0.1:26001"
	httpsAt  = "127.0.0.1:26002"
	quicAt   = "127.0.0.1:26003"
	readyAt  = "127.0.0.1:26004"
	adminAt  = "127.0.0.1:26005"
	siteAt   = "127.0.0.1:26006"
	secondAt = "127.0.0.1:26007"
)

// patience bounds what is sure to come: only a failure takes so long, however busy the machine is.
const patience = time.Minute

// zoneText is a zone file with something of everything. Behind its first line come 60 addresses of the name big, and as
// many mail exchangers of the name mail.
const zoneText = `$TTL 300
@         IN SOA ns.example.net. hostmaster 7 3600 600 86400 30
@         IN NS  ns.example.net.
@         IN TXT "apex"
www       IN CNAME login
alias     IN CNAME www
*.wild    IN TXT "wild"
child     IN NS  ns.child
child     IN DS  4711 13 2 E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CFC41A5766
ns.child  IN A   192.0.2.53
inchild   IN CNAME ns.child
nochild   IN CNAME nothing.child
`

// bootZone writes the zone file.
func bootZone(t *testing.T, dir string) {
	t.Helper()
	var b strings.Builder
	b.WriteString(zoneText)
	for i := range 60 {
		fmt.Fprintf(&b, "big IN A 192.0.2.%d\n", i+1)
		fmt.Fprintf(&b, "mail IN MX 10 mx%d\nmx%d IN A 198.51.100.%d\n", i%20, i%20, i+1)
	}
	if err := os.WriteFile(filepath.Join(dir, "db.zone"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// block is the failover block of most tests: azure stands at 127.0.0.1, probed at siteAt, aws at 127.0.0.2.
func block(dir string) string {
	return `failover {
        primary azure {
            address 127.0.0.1
            check tcp://:26006 {
                interval 1s
                timeout 950ms
                failures 1
                successes 1
            }
        }
        secondary aws {
            address 127.0.0.2
        }
        serve login @
        file ` + filepath.Join(dir, "db.zone") + `
        cluster {
            data ` + filepath.Join(dir, "data") + `
        }
        admin ` + adminAt + `
    }
`
}

// plain is a server block for UDP and TCP with more lines in front of failover.
func plain(dir string, lines ...string) string {
	return "auth.example.org:26000 {\n    bind 127.0.0.1\n    errors\n    " + strings.Join(append(lines, block(dir)), "\n    ") + "}\n"
}

// boot starts a server that ends with the test, and waits until it answers.
func boot(t *testing.T, text string) *caddy.Instance {
	t.Helper()
	i := start(t, text)
	eventually(t, func() error {
		m, err := ask("udp", "login.auth.example.org.", dns.TypeA)
		if err == nil && (m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0) {
			err = fmt.Errorf("no answer yet: %v", m)
		}
		return err
	})
	return i
}

// start starts a server that ends with the test.
func start(t *testing.T, text string) *caddy.Instance {
	t.Helper()
	if err := prepare(io.Discard); err != nil {
		t.Fatal(err)
	}
	i, err := caddy.Start(corefileInput(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	t.Cleanup(func() {
		for _, err := range running().ShutdownCallbacks() {
			t.Error(err)
		}
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	return i
}

// serveUntilTheEnd serves a Corefile as the command does, until the test ends.
func serveUntilTheEnd(t *testing.T, file string) {
	t.Helper()
	if err := prepare(io.Discard); err != nil {
		t.Fatal(err)
	}
	in, err := load(file)
	if err != nil {
		t.Fatal(err)
	}
	signals, ended := make(chan os.Signal, 1), make(chan error, 1)
	go func() { ended <- serve(in, signals) }()
	t.Cleanup(func() {
		signals <- syscall.SIGTERM
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func poolOf(t *testing.T, pem []byte) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("Expected a CA's certificate")
	}
	return pool
}

func corefileInput(text string) caddy.Input {
	return caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(text), ServerTypeName: "dns"}
}

// site listens where azure is probed until it is closed.
func site(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", siteAt)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return l
}

// eventually tries until there is no error.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", patience, err)
		}
	}
}

// ask asks the plain server.
func ask(network, name string, qtype uint16) (*dns.Msg, error) {
	return exchange(network, new(dns.Msg).SetQuestion(name, qtype))
}

func exchange(network string, q *dns.Msg) (*dns.Msg, error) {
	c := &dns.Client{Net: network, Timeout: patience, UDPSize: dns.MaxMsgSize}
	m, _, err := c.Exchange(q, plainAt)
	return m, err
}
