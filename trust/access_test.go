package trust

import (
	"crypto/x509"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestClientCertificateCarriesItsRoleAndIsOfNoUseAsANode(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca")
	if err := InitCA(ca); err != nil {
		t.Fatal(err)
	}
	want := Access{Name: "ana", Role: "operate", Zones: []string{"auth.example.com"}}
	if err := IssueAccess(ca, ca, want, time.Hour); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(ca, "ana.pem"))
	if err != nil {
		t.Fatal(err)
	}
	certs, err := parseCertificates(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := AccessOf(certs[0])
	if err != nil || got.Name != want.Name || got.Role != want.Role || len(got.Zones) != 1 || got.Zones[0] != want.Zones[0] {
		t.Errorf("it says %+v, %v", got, err)
	}
	if id, err := NodeID(certs[0]); err == nil {
		t.Errorf("it is node %q too", id)
	}
	if _, err := Load(filepath.Join(ca, "ana.pem"), filepath.Join(ca, "ana-key.pem"), filepath.Join(ca, CAFile)); err == nil {
		t.Error("a node takes it as its own")
	}
}

func TestCertificateWithoutOneGoodRoleGivesNone(t *testing.T) {
	for uris, says := range map[string]string{
		"":                             "carries no role",
		"urn:failover:node:ns1":        "carries no role",
		"urn:failover:access:root:ana": "none of: read, operate, admin",
		"urn:failover:access:read:":    "like a node's",
		"urn:failover:access:read":     "like a node's",
		"urn:failover:access:read:a b": "like a node's",
		"urn:failover:access:read:a urn:failover:access:admin:a": "more than one role",
	} {
		c := &x509.Certificate{}
		for _, u := range strings.Split(uris, " urn:") {
			if u == "" {
				continue
			}
			c.URIs = append(c.URIs, &url.URL{Scheme: "urn", Opaque: strings.TrimPrefix(u, "urn:")})
		}
		if a, err := AccessOf(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q gives %+v, %v", uris, a, err)
		}
	}
}
