package trust

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// authority makes a CA with certificates for the given nodes, and returns its directory.
func authority(t *testing.T, nodes ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := InitCA(dir); err != nil {
		t.Fatal(err)
	}
	for _, id := range nodes {
		if err := Issue(dir, dir, id, []string{"127.0.0.1", "host.example"}, 24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, dir, id string) *Files {
	t.Helper()
	f, err := Load(filepath.Join(dir, id+".pem"), filepath.Join(dir, id+"-key.pem"), filepath.Join(dir, CAFile))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// shake does a handshake over a pipe and returns what each side says.
func shake(client, server *tls.Config) (clientErr, serverErr error) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		s := tls.Server(b, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x")) // a TLS 1.3 client learns of a refusal only when it reads
		}
		b.Close()
		done <- err
	}()
	c := tls.Client(a, client)
	clientErr = c.Handshake()
	if clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1))
	}
	a.Close()
	return clientErr, <-done
}

func TestCAIsNeverOverwritten(t *testing.T) {
	dir := authority(t)
	before, _ := os.ReadFile(filepath.Join(dir, CAFile))
	err := InitCA(dir)
	if err == nil || !strings.Contains(err.Error(), "exists") {
		t.Fatalf("second InitCA: %v", err)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, CAFile)); string(after) != string(before) {
		t.Fatal("the CA changed")
	}
	info, err := os.Stat(filepath.Join(dir, CAKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode of the key: %v, %v", info.Mode(), err)
	}
}

func TestIssuedCertificateCarriesIDAndHosts(t *testing.T) {
	dir := authority(t, "ns1")
	f := load(t, dir, "ns1")
	leaf := f.current.Load().pair.Leaf
	if f.ID() != "ns1" || leaf.URIs[0].String() != "urn:failover:node:ns1" {
		t.Fatalf("ID %q, URIs %v", f.ID(), leaf.URIs)
	}
	if len(leaf.IPAddresses) != 1 || len(leaf.DNSNames) != 1 {
		t.Fatalf("hosts %v %v", leaf.IPAddresses, leaf.DNSNames)
	}
	if d := time.Since(leaf.NotBefore); d < 59*time.Minute {
		t.Fatalf("it begins %v back: clocks differ by more", d)
	}
}

func TestIssueRefusesBadInput(t *testing.T) {
	dir := authority(t)
	for _, c := range []struct {
		id       string
		hosts    []string
		validity time.Duration
		want     string
	}{
		{"a b", nil, time.Hour, `"a b"`},
		{"", nil, time.Hour, `""`},
		{"-a", nil, time.Hour, `"-a"`},
		{"a", nil, 0, "above zero"},
		{"a", []string{""}, time.Hour, "empty host"},
		{"a", nil, 20 * 365 * 24 * time.Hour, "outlive the CA"},
	} {
		err := Issue(dir, dir, c.id, c.hosts, c.validity)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %v %v: %v, want %q", c.id, c.hosts, c.validity, err, c.want)
		}
	}
	if err := Issue(t.TempDir(), dir, "a", nil, time.Hour); err == nil {
		t.Error("issued without a CA")
	}
}

func TestBothSidesProveTheirIDs(t *testing.T) {
	dir := authority(t, "ns1", "ns2")
	one, two := load(t, dir, "ns1"), load(t, dir, "ns2")
	foreign := authority(t, "ns2")
	stranger := load(t, foreign, "ns2")
	for _, c := range []struct {
		name           string
		client, server *tls.Config
		ok             bool
	}{
		{"members", one.ClientConfig("ns2", "p/1"), two.ServerConfig("p/1", "q/1"), true},
		{"another node answers", one.ClientConfig("ns3", "p/1"), two.ServerConfig("p/1"), false},
		{"client of a foreign CA", stranger.ClientConfig("ns1", "p/1"), one.ServerConfig("p/1"), false},
		{"server of a foreign CA", one.ClientConfig("ns2", "p/1"), stranger.ServerConfig("p/1"), false},
		{"another protocol", one.ClientConfig("ns2", "x/1"), two.ServerConfig("p/1"), false},
		{"no protocol", &tls.Config{Certificates: one.ClientConfig("ns2", "").Certificates, InsecureSkipVerify: true}, two.ServerConfig("p/1"), false},
		{"no certificate", &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"p/1"}}, two.ServerConfig("p/1"), false},
		{"TLS 1.2", &tls.Config{Certificates: one.ClientConfig("ns2", "").Certificates, InsecureSkipVerify: true, NextProtos: []string{"p/1"}, MaxVersion: tls.VersionTLS12}, two.ServerConfig("p/1"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			clientErr, serverErr := shake(c.client, c.server)
			if ok := clientErr == nil && serverErr == nil; ok != c.ok {
				t.Fatalf("client: %v, server: %v", clientErr, serverErr)
			}
		})
	}
}

func TestReplacedFilesAreUsedAndBrokenOnesAreNot(t *testing.T) {
	dir := authority(t, "ns1", "ns2")
	f, peer := load(t, dir, "ns1"), load(t, dir, "ns2")
	if changed, err := f.Reload(); changed || err != nil {
		t.Fatalf("nothing happened, yet: %v, %v", changed, err)
	}
	before := f.Expires()
	if err := Issue(dir, dir, "ns1", nil, 48*time.Hour); err != nil {
		t.Fatal(err)
	}
	if changed, err := f.Reload(); !changed || err != nil || !f.Expires().After(before) {
		t.Fatalf("after a new certificate: %v, %v, expires %v", changed, err, f.Expires())
	}
	now := f.Expires()
	if err := os.WriteFile(filepath.Join(dir, "ns1.pem"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := f.Reload(); changed || err == nil {
		t.Fatalf("after a broken one: %v, %v", changed, err)
	}
	if changed, err := f.Reload(); changed || err != nil {
		t.Fatalf("the same broken one is told of again: %v, %v", changed, err)
	}
	if !f.Expires().Equal(now) {
		t.Fatal("the old certificate is not in use any more")
	}
	if c, s := shake(peer.ClientConfig("ns1", "p"), f.ServerConfig("p")); c != nil || s != nil {
		t.Fatal(c, s)
	}
}

func TestCertificateOfAnotherNodeIsNotTakenOver(t *testing.T) {
	dir := authority(t, "ns1", "ns2")
	f := load(t, dir, "ns1")
	for _, suffix := range []string{".pem", "-key.pem"} {
		if err := os.Rename(filepath.Join(dir, "ns2"+suffix), filepath.Join(dir, "ns1"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	if changed, err := f.Reload(); changed || err == nil || !strings.Contains(err.Error(), `"ns2"`) {
		t.Fatalf("%v, %v", changed, err)
	}
	if f.ID() != "ns1" {
		t.Fatal(f.ID())
	}
}

func TestExpiredCertificateIsRefusedUnderVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := authority(t, "ns1", "ns2")
		one, two := load(t, dir, "ns1"), load(t, dir, "ns2")
		if c, s := shake(one.ClientConfig("ns2", "p"), two.ServerConfig("p")); c != nil || s != nil {
			t.Fatal(c, s)
		}
		time.Sleep(25 * time.Hour)
		if c, s := shake(one.ClientConfig("ns2", "p"), two.ServerConfig("p")); c == nil && s == nil {
			t.Fatal("an expired certificate was taken")
		}
	})
}

// TestCertificateThatHasEndedIsTakenAtAStart, for the node still answers; but not in the place of one that is good.
func TestCertificateThatHasEndedIsTakenAtAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := authority(t, "ns1")
		good := load(t, dir, "ns1")
		if err := Issue(dir, dir, "ns1", nil, time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if changed, err := good.Reload(); changed || err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("in the place of a good one: %v, %v", changed, err)
		}
		f := load(t, dir, "ns1")
		if f.ID() != "ns1" || !f.Expires().Before(time.Now()) {
			t.Errorf("%s until %s", f.ID(), f.Expires())
		}
		if err := Issue(dir, dir, "ns1", nil, time.Hour); err != nil {
			t.Fatal(err)
		}
		if changed, err := f.Reload(); !changed || err != nil || !f.Expires().After(time.Now()) {
			t.Errorf("after a renewal: %v, %v, until %s", changed, err, f.Expires())
		}
	})
}

// TestCAThatHasEndedIsTakenAtAStart, for the same reason; another CA than the one that signed is not.
func TestCAThatHasEndedIsTakenAtAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := authority(t, "ns1", "ns2")
		ca, key, err := loadCA(dir)
		if err != nil {
			t.Fatal(err)
		}
		brief := *ca
		brief.NotAfter = time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, &brief, &brief, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		if err := os.WriteFile(filepath.Join(dir, CAFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		one, two := load(t, dir, "ns1"), load(t, dir, "ns2")
		if one.Pin() != pinOf(ca) {
			t.Error("its pin is another one")
		}
		if at := one.Expires(); !at.Before(time.Now()) {
			t.Errorf("it is good until %s, though its CA has ended", at)
		}
		if c, s := shake(one.ClientConfig("ns2", "p"), two.ServerConfig("p")); c == nil && s == nil {
			t.Error("a peer takes what a CA signed that has ended")
		}
		other := authority(t, "ns1")
		if _, err := Load(filepath.Join(dir, "ns1.pem"), filepath.Join(dir, "ns1-key.pem"), filepath.Join(other, CAFile)); err == nil {
			t.Error("another CA is taken for its own")
		}
	})
}

// TestServersCertificateThatHasEndedIsTakenAtAStart, but not in the place of one that is good.
func TestServersCertificateThatHasEndedIsTakenAtAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := authority(t, "ns1")
		cert, key := filepath.Join(dir, "ns1.pem"), filepath.Join(dir, "ns1-key.pem")
		good, err := LoadServer(cert, key, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := Issue(dir, dir, "ns1", nil, time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if changed, err := good.Reload(); changed || err == nil || !strings.Contains(err.Error(), "and not now") {
			t.Errorf("in the place of a good one: %v, %v", changed, err)
		}
		if f, err := LoadServer(cert, key, ""); err != nil || !f.Expires().Before(time.Now()) {
			t.Errorf("at a start: %v", err)
		}
	})
}

func TestWatchTellsOfNewFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := authority(t, "ns1")
		f := load(t, dir, "ns1")
		told := make(chan bool, 1)
		go f.Watch(t.Context(), 5*time.Second, func(changed bool, err error) { told <- changed && err == nil })
		if err := Issue(dir, dir, "ns1", nil, 72*time.Hour); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if !<-told || time.Since(start) > 5*time.Second {
			t.Fatal("not told of it within an interval")
		}
	})
}
