package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/crypto/acme"

	"failoverdns/e2e/cluster"
)

// pebbleVersion is of Let's Encrypt's test CA. It is run as a tool: PEBBLE names a binary, else it is built.
const pebbleVersion = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.8.0"

// TestCertificatesAreIssuedByDNSChallenges lets a real ACME client and a real CA use the hook scripts: a domain and its
// wildcard, whose two challenges stand at one name at one time, then one whose challenge is elsewhere by CNAME.
func TestCertificatesAreIssuedByDNSChallenges(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	ca := startPebble(t, c.Node("ns3").DNS) // not the node that the hook writes through
	client := account(t, ca)

	certbot := func(verb, domain, value string) {
		hook(t, c, []string{verb}, "CERTBOT_DOMAIN="+domain, "CERTBOT_VALIDATION="+value)
	}
	got := issue(t, client, certbot, login, "*."+login)
	if want := []string{"*." + login, login}; !slices.Equal(got.DNSNames, want) {
		t.Errorf("the certificate is for %q, want %q", got.DNSNames, want)
	}

	out, err := c.Node("ns1").CLI(soon(t), "record", "set", zone, "_acme-challenge.api", "CNAME", "api."+zone+".alias."+zone+".", "--wait")
	ok(t, err)
	if out.Status != 0 {
		t.Fatal(unexpected("record set", out))
	}
	lego := func(verb, domain, value string) {
		hook(t, c, []string{verb, "_acme-challenge." + domain + ".", value}, "FAILOVER_ACME_ALIAS=alias."+zone)
	}
	issue(t, client, lego, "api."+zone)

	for _, name := range []string{"_acme-challenge." + login, "api." + zone + ".alias." + zone} {
		for _, n := range c.Nodes() {
			if m, err := n.Query(soon(t), name, dns.TypeTXT); err != nil || len(m.Answer) != 0 {
				t.Errorf("%s still answers a challenge at %s: %v, %v", n.ID, name, m, err)
			}
		}
	}
}

// TestChallengesOfManyClientsAtOneNameDoNotDisturbEachOther: each is answered by every node as soon as its hook returns,
// whatever the others do.
func TestChallengesOfManyClientsAtOneNameDoNotDisturbEachOther(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	name := "_acme-challenge." + login
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			value := fmt.Sprintf("-value-%d", i) // a dash may stand in front (RFC 4648 section 5)
			hook(t, c, []string{"present", name, value})
			for _, n := range c.Nodes() {
				if m, err := n.Query(soon(t), name, dns.TypeTXT); err != nil || !strings.Contains(fmt.Sprint(m.Answer), value) {
					t.Errorf("%s does not answer %s once its hook has returned: %v, %v", n.ID, value, m, err)
				}
			}
			hook(t, c, []string{"cleanup", name, value})
		})
	}
	all.Wait()
	if m, err := c.Node("ns2").Query(soon(t), name, dns.TypeTXT); err != nil || len(m.Answer) != 0 {
		t.Errorf("something is left: %v, %v", m, err)
	}
}

// hook runs the script as an ACME client would.
func hook(t *testing.T, c *cluster.Cluster, args []string, env ...string) {
	t.Helper()
	var servers []string
	for _, n := range c.Nodes() {
		servers = append(servers, "http://"+n.Admin)
	}
	ctl, err := filepath.Abs(filepath.Join(binaries, "failoverctl"))
	if err != nil {
		t.Error(err)
	}
	cmd := exec.CommandContext(soon(t), "../deploy/acme/failover-acme", args...)
	cmd.Env = append(append(os.Environ(), env...), "FAILOVER_SERVER="+strings.Join(servers, ","), "FAILOVER_CTL="+ctl)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("failover-acme %q: %v\n%s", args, err, out)
	}
}

// issue orders a certificate for names, presents all challenges, lets them be validated, and takes them back.
func issue(t *testing.T, client *acme.Client, hook func(verb, domain, value string), names ...string) *x509.Certificate {
	t.Helper()
	ctx := within(t, time.Minute)
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(names...))
	ok(t, err)
	type challenge struct {
		*acme.Challenge
		url, domain, value string
	}
	var all []challenge
	for _, u := range order.AuthzURLs {
		z, err := client.GetAuthorization(ctx, u)
		ok(t, err)
		i := slices.IndexFunc(z.Challenges, func(c *acme.Challenge) bool { return c.Type == "dns-01" })
		value, err := client.DNS01ChallengeRecord(z.Challenges[i].Token)
		ok(t, err)
		all = append(all, challenge{z.Challenges[i], u, z.Identifier.Value, value})
	}
	for _, c := range all { // all of them, then the CA is told: certbot's order
		hook("present", c.domain, c.value)
	}
	for _, c := range all {
		_, err := client.Accept(ctx, c.Challenge)
		ok(t, err)
	}
	for _, c := range all {
		_, err := client.WaitAuthorization(ctx, c.url)
		ok(t, err)
		hook("cleanup", c.domain, c.value)
	}
	order, err = client.WaitOrder(ctx, order.URI)
	ok(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	ok(t, err)
	chain, _, err := client.CreateOrderCert(ctx, order.FinalizeURL, csr, true)
	ok(t, err)
	cert, err := x509.ParseCertificate(chain[0])
	ok(t, err)
	slices.Sort(cert.DNSNames)
	t.Logf("issued by %s for %q", cert.Issuer, cert.DNSNames)
	return cert
}

func account(t *testing.T, directory string) *acme.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // of a test's own process on loopback
	client := &acme.Client{Key: key, DirectoryURL: directory, HTTPClient: &http.Client{Transport: tr}}
	eventually(t, func() error { _, err := client.Discover(soon(t)); return err })
	_, err = client.Register(soon(t), &acme.Account{}, acme.AcceptTOS)
	ok(t, err)
	return client
}

// startPebble runs the CA, which asks one name server, and gives the URL of its directory.
func startPebble(t *testing.T, resolver string) string {
	t.Helper()
	dir := t.TempDir()
	binary := pebble(t, dir)
	cert, key := certificate(t, dir)
	listen, manage := freePort(t), freePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{"listenAddress": listen, "managementListenAddress": manage, "certificate": cert, "privateKey": key, "httpPort": 5002, "tlsPort": 5001}})
	ok(t, err)
	file := filepath.Join(dir, "pebble.json")
	ok(t, os.WriteFile(file, config, 0o600))
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, binary, "-config", file, "-strict", "-dnsserver", resolver)
	// By default it refuses one good nonce in twenty, and certbot tries only once more.
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	ok(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("pebble said:\n%s", said.String())
		}
	})
	return "https://" + listen + "/dir"
}

// pebble is the CA's binary; where it cannot be built the test is skipped.
func pebble(t *testing.T, dir string) string {
	t.Helper()
	if given := os.Getenv("PEBBLE"); given != "" {
		return given
	}
	cmd := exec.CommandContext(within(t, 5*time.Minute), "go", "install", pebbleVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("needs %s, or PEBBLE to name it: %v\n%s", pebbleVersion, err, out)
	}
	return filepath.Join(dir, "pebble")
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer l.Close()
	return l.Addr().String()
}

// certificate is a self-signed one for the CA's own API.
func certificate(t *testing.T, dir string) (cert, key string) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pebble"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}},
		&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pebble"}}, &k.PublicKey, k)
	ok(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(k)
	ok(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ok(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ok(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return cert, key
}
