package trust

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// accessPrefix stands before role and name in a certificate for the admin API, zonePrefix before a zone that it is
// for. A node's certificate has neither, and this one no node ID: each is of no use in the place of the other.
const (
	accessPrefix = "urn:failover:access:"
	zonePrefix   = "urn:failover:zone:"
)

var accessRoles = []string{"read", "operate", "admin"}

// Access is what a client's certificate says of its holder.
type Access struct {
	Name  string
	Role  string   // read, operate or admin
	Zones []string // only these; none: all
}

// AccessOf reads a certificate for the admin API. It does not verify the certificate.
func AccessOf(cert *x509.Certificate) (a Access, err error) {
	for _, u := range cert.URIs {
		if zone, ok := strings.CutPrefix(u.String(), zonePrefix); ok {
			a.Zones = append(a.Zones, zone)
		}
		rest, ok := strings.CutPrefix(u.String(), accessPrefix)
		if !ok {
			continue
		}
		if a.Name != "" {
			return Access{}, fmt.Errorf("the certificate %q carries more than one role", cert.Subject)
		}
		a.Role, a.Name, _ = strings.Cut(rest, ":")
		if err := a.check(); err != nil {
			return Access{}, err
		}
	}
	if a.Name == "" {
		return Access{}, fmt.Errorf("the certificate %q carries no role: it needs the URI %sROLE:NAME; issue it with failoverctl cert issue --role", cert.Subject, accessPrefix)
	}
	return a, nil
}

func (a *Access) check() error {
	if !slices.Contains(accessRoles, a.Role) {
		return fmt.Errorf("the role %q is none of: %s", a.Role, strings.Join(accessRoles, ", "))
	}
	if err := CheckID(a.Name); err != nil {
		return fmt.Errorf("the holder's name is like a node's: %w", err)
	}
	return nil
}

func (a *Access) uris() (out []*url.URL) {
	scheme := "urn:"
	out = append(out, &url.URL{Scheme: "urn", Opaque: strings.TrimPrefix(accessPrefix, scheme) + a.Role + ":" + a.Name})
	for _, z := range a.Zones {
		out = append(out, &url.URL{Scheme: "urn", Opaque: strings.TrimPrefix(zonePrefix, scheme) + z})
	}
	return out
}

// IssueAccess makes a certificate for the admin API, NAME.pem, and its key, NAME-key.pem (mode 0600), in outDir, signed
// by the CA in caDir.
func IssueAccess(caDir, outDir string, a Access, validity time.Duration) error {
	if err := a.check(); err != nil {
		return err
	}
	template, err := newTemplate(a.Name, validity)
	if err != nil {
		return err
	}
	template.URIs, template.BasicConstraintsValid = a.uris(), true
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return issue(caDir, outDir, a.Name, template)
}
