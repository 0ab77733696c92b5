package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

// Ports of these tests, on loopback.
const (
	dnsAddress   = "127.0.0.1:23710"
	adminAddress = "127.0.0.1:23711"
)

const corefile = `auth.example.org:23710 {
    bind 127.0.0.1
    errors
    failover {
        primary azure {
            address 127.0.0.1
            check tcp://:23719
        }
        secondary aws {
            address 127.0.0.2
            check tcp://:23719
        }
        serve login
        ttl TTL
        nameserver ns1.auth.example.org 127.0.0.1
        cluster {
            data DIR
            timing lan
        }
        admin ` + adminAddress + `
    }
}
`

// serving is a server of a Corefile, and the channel of its signals.
type serving struct {
	file    string
	text    string
	signals chan os.Signal
	ended   chan error
}

func startServing(t *testing.T) *serving {
	t.Helper()
	if err := prepare(io.Discard); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &serving{
		file: filepath.Join(dir, "Corefile"), text: strings.Replace(corefile, "DIR", filepath.Join(dir, "data"), 1),
		signals: make(chan os.Signal, 8), ended: make(chan error, 1),
	}
	s.write(t, s.withTTL("60"))
	in, err := load(s.file)
	if err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- serve(in, s.signals) }()
	return s
}

func (s *serving) withTTL(ttl string) string { return strings.Replace(s.text, "TTL", ttl, 1) }

func (s *serving) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ttl asks for login's TTL; ok is false while there is no answer.
func ttl() (seconds uint32, ok bool) {
	c := &dns.Client{Timeout: patience}
	m, _, err := c.Exchange(new(dns.Msg).SetQuestion("login.auth.example.org.", dns.TypeA), dnsAddress)
	if err != nil || m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
		return 0, false
	}
	return m.Answer[0].Header().Ttl, true
}

func waitTTL(t *testing.T, want uint32) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		got, ok := ttl()
		if ok && got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("Expected an answer with TTL %d, got %d (%t)", want, got, ok)
		}
	}
}

func TestServerReloadsKeepsWhatStandsOnErrorAndStopsCleanly(t *testing.T) {
	s := startServing(t)
	waitTTL(t, 60)

	s.write(t, s.withTTL("30"))
	s.signals <- syscall.SIGUSR1
	waitTTL(t, 30)

	s.write(t, s.withTTL("soon"))
	s.signals <- syscall.SIGUSR1
	s.signals <- syscall.SIGUSR2
	s.write(t, strings.Replace(s.withTTL("20"), "timing lan", "timing wan", 1)) // a change that takes a restart
	s.signals <- syscall.SIGUSR1
	for range 20 {
		if got, ok := ttl(); !ok || got != 30 {
			t.Fatalf("Expected a refused Corefile to change nothing, got TTL %d (%t)", got, ok)
		}
	}

	s.write(t, s.withTTL("40")) // noticed without a signal
	waitTTL(t, 40)

	s.signals <- syscall.SIGTERM
	select {
	case err := <-s.ended:
		if err != nil {
			t.Errorf("Expected a clean stop, got %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Expected the server to stop")
	}
	if _, ok := ttl(); ok {
		t.Error("Expected no answer after the stop")
	}
}

func TestEveryExampleOfThePluginsReadmeBoots(t *testing.T) {
	if err := prepare(io.Discard); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../plugin/README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile(`(?s)~~~ corefile\n(.*?)~~~`).FindAllStringSubmatch(string(readme), -1)
	if len(examples) == 0 {
		t.Fatal("Expected examples")
	}
	for _, e := range examples {
		text := strings.ReplaceAll(e[1], "example.org {", "example.org:23720 {\n    bind 127.0.0.1")
		text = strings.ReplaceAll(text, "example.org:5353 {", "example.org:23721 {\n    bind 127.0.0.1")
		local := "failover {\n        admin " + adminAddress + "\n        cluster {\n            data " + t.TempDir() + "\n        }\n"
		text = strings.Replace(text, "failover {\n", local, 1)
		i, err := caddy.Start(caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(text), ServerTypeName: "dns"})
		if err != nil {
			t.Errorf("Expected it to boot, got %v:\n%s", err, text)
		}
		for _, err := range i.ShutdownCallbacks() {
			t.Error(err)
		}
		if err := i.Stop(); err != nil {
			t.Error(err)
		}
	}
}
