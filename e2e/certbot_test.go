package e2e

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
	"failoverdns/trust"
)

// renewer is an ACME client as people run it: first by hand, with the hook's variables in the environment or on the
// command line, and later by a timer, with nothing.
type renewer struct {
	first func(ctx context.Context, directory, home string, hook []string, names ...string) *exec.Cmd
	again func(ctx context.Context, home string) *exec.Cmd
	chain string // the certificate in home, behind the first name
}

// TestClientsIssueAndRenewByTheHook: certbot, and acme.sh if ACME_SH names it, get a certificate for a name and its
// wildcard, and one whose challenge is in a zone of its own by CNAME, and renew it; each with a token for one zone only.
// A value that somebody else has put beside the challenge stays.
func TestClientsIssueAndRenewByTheHook(t *testing.T) {
	if os.Getenv(gate) == "" {
		t.Skipf("needs real time and built binaries; run: make e2e, or set %s=1", gate)
	}
	clients := map[string]renewer{}
	if path, err := exec.LookPath("certbot"); err == nil {
		clients["certbot"] = certbot(path)
	}
	if path := os.Getenv("ACME_SH"); path != "" {
		clients["acme.sh"] = acmeSh(t, path)
	}
	if len(clients) == 0 {
		t.Skip("certbot is not installed, and ACME_SH names no acme.sh")
	}
	if err := cluster.Unbound.Installed(); err != nil {
		t.Skip(err)
	}
	const challenges = "acme.example.net"
	c := launch(t, cluster.Spec{Interval: fast})
	alsoServes(t, c, challenges)
	root := locked(t, c)
	n := c.Node("ns1")
	admin := func(args ...string) {
		t.Helper()
		if out := withToken(t, n, root, args...); out.Status != 0 {
			t.Fatal(unexpected(strings.Join(args, " "), out))
		}
	}
	admin("zone", "create", challenges, "--ns", "ns1.example.net", "--reason", "challenges", "--wait")
	admin("record", "set", zone, "_acme-challenge.api", "CNAME", "api."+zone+"."+challenges+".", "--wait")
	admin("record", "add", zone, "_acme-challenge.login", "TXT", "somebody else's", "--wait")
	for _, z := range []string{zone, challenges} {
		admin("token", "create", z, "--role", "operate", "--zone", z, "--reason", "certificates", "--out", tokenFor(c, z), "--wait")
	}
	resolver, err := c.Resolver("resolver", challenges)
	ok(t, err)
	forgetful := func() { // a renewal is due when no cache remembers the last one's challenges
		resolver.Kill()
		ok(t, resolver.Start())
		eventually(t, func() error { _, err := resolver.Ask(soon(t), login, dns.TypeA); return err })
	}
	directory := startPebble(t, resolver.DNS)

	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			renews(t, client, directory, forgetful, variables(t, c, zone), login, "*."+login)
			left(t, c, "_acme-challenge."+login, "somebody else's")
			renews(t, client, directory, forgetful, append(variables(t, c, challenges), "FAILOVER_ACME_ALIAS="+challenges), "api."+zone)
			left(t, c, "api."+zone+"."+challenges, "")
		})
	}
	changesItsOwnZoneOnly(t, c, challenges)
}

// alsoServes gives every node a server block for a zone that commands make.
func alsoServes(t *testing.T, c *cluster.Cluster, zone string) {
	t.Helper()
	for _, n := range c.Nodes() {
		text, err := n.Corefile()
		ok(t, err)
		host, port, err := net.SplitHostPort(n.DNS)
		ok(t, err)
		ok(t, n.WriteCorefile(fmt.Sprintf("%s\n%s:%s {\n    bind %s\n    failover\n}\n", text, zone, port, host)))
		ok(t, n.Reload())
	}
}

// renews has a client issue a certificate for names and renew it, the second time without the first's environment.
func renews(t *testing.T, client renewer, directory string, forgetful func(), hook []string, names ...string) {
	t.Helper()
	home, ctx := t.TempDir(), within(t, 3*time.Minute)
	forgetful()
	did(t, client.first(ctx, directory, home, hook, names...))
	first := issued(t, filepath.Join(home, client.chain, names[0]), names)
	forgetful()
	did(t, client.again(ctx, home))
	second := issued(t, filepath.Join(home, client.chain, names[0]), names)
	if first.SerialNumber.Cmp(second.SerialNumber) == 0 {
		t.Errorf("the certificate for %q was not renewed", names)
	}
}

func did(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// issued is the certificate that a client has put somewhere into a directory.
func issued(t *testing.T, dir string, names []string) *x509.Certificate {
	t.Helper()
	for _, file := range []string{"fullchain.pem", "fullchain.cer"} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			continue
		}
		block, _ := pem.Decode(b)
		cert, err := x509.ParseCertificate(block.Bytes)
		ok(t, err)
		if got, want := slices.Sorted(slices.Values(cert.DNSNames)), slices.Sorted(slices.Values(names)); !slices.Equal(got, want) {
			t.Errorf("the certificate is for %q, want %q", got, want)
		}
		return cert
	}
	t.Fatalf("there is no certificate in %s", dir)
	return nil
}

// left wants every node to answer one TXT at a name, or none.
func left(t *testing.T, c *cluster.Cluster, name, value string) {
	t.Helper()
	want := []string{}
	if value != "" {
		want = append(want, value)
	}
	for _, n := range c.Nodes() {
		m, err := n.Query(soon(t), name, dns.TypeTXT)
		ok(t, err)
		got := []string{}
		for _, rr := range m.Answer {
			got = append(got, strings.Join(rr.(*dns.TXT).Txt, ""))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s answers %q at %s, want %q", n.ID, got, name, want)
		}
	}
}

func changesItsOwnZoneOnly(t *testing.T, c *cluster.Cluster, own string) {
	t.Helper()
	out := withToken(t, c.Node("ns2"), tokenFor(c, own), "record", "set", zone, "_acme-challenge.login", "TXT", "x")
	if out.Status == 0 || !strings.Contains(out.Err, "is for "+own+" only") {
		t.Error(unexpected("record set in another zone", out))
	}
}

func tokenFor(c *cluster.Cluster, zone string) string { return filepath.Join(c.Dir(), zone+".token") }

// variables are the hook's, for a token of one zone.
func variables(t *testing.T, c *cluster.Cluster, zone string) []string {
	t.Helper()
	var servers []string
	for _, n := range c.Nodes() {
		servers = append(servers, "https://"+n.Admin)
	}
	return []string{"FAILOVER_SERVER=" + strings.Join(servers, ","), "FAILOVER_TOKEN_FILE=" + tokenFor(c, zone),
		"FAILOVER_CA=" + filepath.Join(c.Node("ns1").Dir, trust.CAFile)}
}

// bare is a command line in the environment of a timer's job, which finds the hook and failoverctl, and no more.
func bare(ctx context.Context, path string, args ...string) *exec.Cmd {
	hook, _ := filepath.Abs("../deploy/acme")
	bin, _ := filepath.Abs(binaries)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=" + hook + ":" + bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	return cmd
}

// certbot keeps the hooks' command lines for renewals, and so the variables are on them.
func certbot(path string) renewer {
	at := func(home string) []string {
		return []string{"--non-interactive", "--no-verify-ssl", "--config-dir", home, "--work-dir", home + "/work", "--logs-dir", home + "/logs"}
	}
	return renewer{
		chain: "live",
		first: func(ctx context.Context, directory, home string, hook []string, names ...string) *exec.Cmd {
			command := "env " + strings.Join(hook, " ") + " failover-acme "
			args := append([]string{"certonly"}, at(home)...)
			args = append(args, "--agree-tos", "--register-unsafely-without-email", "--server", directory,
				"--manual", "--preferred-challenges", "dns", "--manual-auth-hook", command+"present", "--manual-cleanup-hook", command+"cleanup")
			for _, name := range names {
				args = append(args, "-d", name)
			}
			return bare(ctx, path, args...)
		},
		again: func(ctx context.Context, home string) *exec.Cmd {
			return bare(ctx, path, append([]string{"renew", "--force-renewal", "--no-random-sleep-on-renew"}, at(home)...)...)
		},
	}
}

// acmeSh runs acme.sh from its directory, with the project's hook among its own.
func acmeSh(t *testing.T, path string) renewer {
	at := func(ctx context.Context, home string, args ...string) *exec.Cmd {
		cmd := bare(ctx, "sh", append([]string{path, "--home", home, "--config-home", home, "--insecure", "--dnssleep", "1"}, args...)...)
		cmd.Env = append(cmd.Env, "HOME="+home)
		return cmd
	}
	return renewer{
		first: func(ctx context.Context, directory, home string, hook []string, names ...string) *exec.Cmd {
			ok(t, os.Mkdir(filepath.Join(home, "dnsapi"), 0o700))
			did(t, exec.Command("cp", "../deploy/acme/dns_failover.sh", filepath.Join(home, "dnsapi")))
			args := []string{"--issue", "--server", directory, "--dns", "dns_failover", "--keylength", "2048"}
			for _, name := range names {
				args = append(args, "-d", name)
			}
			cmd := at(ctx, home, args...)
			cmd.Env = append(cmd.Env, hook...)
			return cmd
		},
		again: func(ctx context.Context, home string) *exec.Cmd { return at(ctx, home, "--cron", "--force") },
	}
}
