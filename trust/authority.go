package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The names of the CA's files in its directory.
const (
	CAFile    = "ca.pem"
	CAKeyFile = "ca-key.pem"
)

const (
	caValidity = 10 * 365 * 24 * time.Hour
	// backdate is how long before its issue a certificate begins: clocks of nodes differ.
	backdate = time.Hour
)

// InitCA makes the cluster's CA in dir: CAFile and CAKeyFile (mode 0600), valid for ten years. The key belongs
// wherever certificates are issued, not on the nodes. It refuses to overwrite either file.
func InitCA(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the CA's directory: %w", err)
	}
	for _, name := range []string{CAFile, CAKeyFile} {
		if err := refuseExisting(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	der, key, err := makeCA()
	if err != nil {
		return err
	}
	return writePair(filepath.Join(dir, CAFile), filepath.Join(dir, CAKeyFile), der, key)
}

func makeCA() (der []byte, key *ecdsa.PrivateKey, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, fmt.Errorf("make the CA's key: %w", err)
	}
	template, err := newTemplate("failover cluster CA", caValidity)
	if err != nil {
		return nil, nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if der, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key); err != nil {
		return nil, nil, fmt.Errorf("sign the CA's certificate: %w", err)
	}
	return der, key, nil
}

// Issue makes a node's certificate, ID.pem, and key, ID-key.pem (mode 0600), in outDir, signed by the CA in caDir.
// hosts are names or IP addresses that go into it beside the ID: nodes do not look at them, other clients may. A new
// pair replaces an old one of the same node.
func Issue(caDir, outDir, nodeID string, hosts []string, validity time.Duration) error {
	if err := CheckID(nodeID); err != nil {
		return err
	}
	template, err := nodeTemplate(nodeID, hosts, validity)
	if err != nil {
		return err
	}
	return issue(caDir, outDir, nodeID, template)
}

// issue makes a key and the certificate of a template, NAME.pem and NAME-key.pem, signed by the CA in caDir.
func issue(caDir, outDir, name string, template *x509.Certificate) error {
	ca, caKey, err := loadCA(caDir)
	if err != nil {
		return err
	}
	if err := outlives(template, ca); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the key of %q: %w", name, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		return fmt.Errorf("sign the certificate of %q: %w", name, err)
	}
	if err := os.MkdirAll(outDir, 0o700); err != nil {
		return fmt.Errorf("make the directory of certificates: %w", err)
	}
	return writePair(filepath.Join(outDir, name+".pem"), filepath.Join(outDir, name+"-key.pem"), der, key)
}

// outlives refuses a certificate that would end after its CA.
func outlives(template, ca *x509.Certificate) error {
	if template.NotAfter.After(ca.NotAfter) {
		return fmt.Errorf("a certificate until %s would outlive the CA, which ends %s: give a shorter validity", template.NotAfter.Format(time.DateOnly), ca.NotAfter.Format(time.DateOnly))
	}
	return nil
}

func nodeTemplate(nodeID string, hosts []string, validity time.Duration) (*x509.Certificate, error) {
	t, err := newTemplate(nodeID, validity)
	if err != nil {
		return nil, err
	}
	t.URIs = append(t.URIs, nodeURI(nodeID))
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	t.BasicConstraintsValid = true
	for _, h := range hosts {
		if h == "" {
			return nil, errors.New("an empty host")
		}
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	return t, nil
}

func newTemplate(name string, validity time.Duration) (*x509.Certificate, error) {
	if validity <= 0 {
		return nil, fmt.Errorf("validity %q: it must be above zero", validity)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280 section 4.1.2.2: at most 20 octets
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(validity),
	}, nil
}

func loadCA(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, CAFile))
	if err != nil {
		return nil, nil, fmt.Errorf("read the CA (failoverctl cert init makes one): %w", err)
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, CAKeyFile))
	if err != nil {
		return nil, nil, fmt.Errorf("read the CA's key: %w", err)
	}
	certs, err := parseCertificates(certPEM)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, CAFile), err)
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, nil, fmt.Errorf("%s holds no PEM block", filepath.Join(dir, CAKeyFile))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("parse the CA's key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("the CA's key is a %T; an ECDSA key is needed", parsed)
	}
	if !key.PublicKey.Equal(certs[0].PublicKey) {
		return nil, nil, fmt.Errorf("%s and %s in %q do not belong together", CAFile, CAKeyFile, dir)
	}
	return certs[0], key, nil
}

func parseCertificates(b []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse a certificate: %w", err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("it holds no PEM certificate")
	}
	return out, nil
}

func writePair(certPath, keyPath string, der []byte, key *ecdsa.PrivateKey) error {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	if err := replaceFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return err
	}
	return replaceFile(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// replaceFile writes whole or not at all: a node may be reading the old one.
func replaceFile(path string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return nil
}

func refuseExisting(path string) error {
	_, err := os.Lstat(path)
	if err == nil {
		return fmt.Errorf("%q exists: a new CA would lock out every node of the old one; remove it by hand if that is meant", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for %q: %w", path, err)
	}
	return nil
}
