package trust

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"
)

// Pin names a CA by its key: the SHA-256 of the SubjectPublicKeyInfo of its certificate, as in RFC 7469 section 2.4. A
// certificate of the CA that is issued anew for the same key has the same pin.
type Pin [sha256.Size]byte

func pinOf(c *x509.Certificate) Pin { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// errPin is another cluster at the other end: its CA is not the one that was named.
var errPin = errors.New("the node there has its certificate from another CA than the one that the token names: it is of another cluster, or between")

// Pin is that of the CA that signed the certificate in use.
func (f *Files) Pin() Pin { return pinOf(f.current.Load().ca) }

// ReadPin is the pin of the first certificate in a CA file.
func ReadPin(path string) (Pin, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Pin{}, fmt.Errorf("read the CA: %w", err)
	}
	certs, err := parseCertificates(b)
	if err != nil {
		return Pin{}, fmt.Errorf("%q: %w", path, err)
	}
	return pinOf(certs[0]), nil
}

// JoinConfig reaches some node of a cluster that this one is not in yet: any node ID will do, but its CA must be the
// pinned one, beside being one that this node trusts. It is good for one connection.
func (f *Files) JoinConfig(pin Pin, alpn string) *tls.Config {
	now := f.current.Load()
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		Certificates:       []tls.Certificate{now.pair},
		NextProtos:         []string{alpn},
		InsecureSkipVerify: true, // host names are no identity here; VerifyConnection checks chain and pin instead
		VerifyConnection: func(c tls.ConnectionState) error {
			root, err := now.root(c.PeerCertificates, x509.ExtKeyUsageServerAuth, time.Now())
			switch {
			case err != nil:
				return err
			case pinOf(root) != pin:
				return errPin
			case c.NegotiatedProtocol != alpn:
				return fmt.Errorf("the node there does not speak %q", alpn)
			}
			_, err = NodeID(c.PeerCertificates[0])
			return err
		},
	}
}

// String is the pin in hex.
func (p Pin) String() string { return hex.EncodeToString(p[:]) }

// ParsePin reads String.
func ParsePin(s string) (p Pin, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(p) {
		return p, fmt.Errorf("%q is no SHA-256 in hex", s)
	}
	copy(p[:], b)
	return p, nil
}
