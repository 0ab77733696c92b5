// Package trust is the cluster's private certificate authority and what nodes prove to each other with it.
//
// It promises: a node's identity is the URI urn:failover:node:ID in its certificate, never a host name or an address;
// both sides of every connection are verified against the cluster's own CA, over TLS 1.3; certificates are replaced
// while connections run, and a replacement that does not load leaves the old one in use.
//
// The caller decides which identities may do what: being signed by the CA is not enough to speak Raft. It calls
// Files.Reload, or runs Files.Watch, for new files to be noticed. A Files may be used from any goroutine.
//
// Times are those of time.Now, so that all of it works under virtual time if the certificates were issued there.
package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// uriPrefix is what stands before a node's ID in its certificate.
const uriPrefix = "urn:failover:node:"

// validID is what a node ID may be: it travels in URIs, in file names and as the host of node-to-node calls.
var validID = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// CheckID says what is wrong with a node ID: it is 1 to 63 letters, digits, dots, hyphens and underscores, the first
// and last of them a letter or digit.
func CheckID(id string) error {
	if !validID.MatchString(id) {
		return fmt.Errorf("node ID %q: it must be 1 to 63 letters, digits, '.', '-' or '_', the first and last a letter or digit", id)
	}
	return nil
}

// NodeID is the identity that a certificate carries. It does not verify the certificate.
func NodeID(cert *x509.Certificate) (string, error) {
	id := ""
	for _, u := range cert.URIs {
		rest, ok := strings.CutPrefix(u.String(), uriPrefix)
		if !ok {
			continue
		}
		if id != "" {
			return "", fmt.Errorf("the certificate %q carries more than one node ID", cert.Subject)
		}
		if err := CheckID(rest); err != nil {
			return "", err
		}
		id = rest
	}
	if id == "" {
		return "", fmt.Errorf("the certificate %q carries no node ID: it needs the URI %sID; issue it with failoverctl cert issue", cert.Subject, uriPrefix)
	}
	return id, nil
}

func nodeURI(id string) *url.URL {
	return &url.URL{Scheme: "urn", Opaque: strings.TrimPrefix(uriPrefix, "urn:") + id}
}

// errNoPeer is a handshake in which the other side showed no certificate.
var errNoPeer = errors.New("the other side showed no certificate")
