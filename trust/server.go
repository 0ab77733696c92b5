package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// ServerFiles is the certificate and key of a listener for clients of all kinds, and the CA of those that show a
// certificate of their own. They are loaded again when they change. Clients know the server by its host names.
type ServerFiles struct {
	files   watched // certificate, key, and with a CA for clients, that
	current atomic.Pointer[served]
}

type served struct {
	pair    tls.Certificate
	clients *x509.CertPool // nil: clients are not asked
}

// LoadServer reads the files; clientCA may be empty. A certificate that is not good now is taken, too: its clients refuse it,
// and the rest of the server need not wait for another.
func LoadServer(cert, key, clientCA string) (*ServerFiles, error) {
	f := &ServerFiles{files: watched{paths: []string{cert, key}}}
	if clientCA != "" {
		f.files.paths = append(f.files.paths, clientCA)
	}
	if _, err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload looks at the files once and says whether there is something new in use. Files that do not load leave the old
// ones in use and give an error, once for each new content.
func (f *ServerFiles) Reload() (changed bool, err error) { return f.files.reload(f.take) }

func (f *ServerFiles) take(contents [][]byte) error {
	next, err := f.parse(contents)
	if err != nil {
		return err
	}
	if now, leaf := time.Now(), next.pair.Leaf; f.current.Load() != nil && (now.After(leaf.NotAfter) || now.Before(leaf.NotBefore)) {
		return fmt.Errorf("certificate %q is good from %s to %s, and not now", f.files.paths[0], leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))
	}
	f.current.Store(next)
	return nil
}

func (f *ServerFiles) parse(b [][]byte) (*served, error) {
	pair, err := tls.X509KeyPair(b[0], b[1])
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q: %w", f.files.paths[0], f.files.paths[1], err)
	}
	s := &served{pair: pair}
	if len(f.files.paths) < 3 {
		return s, nil
	}
	cas, err := parseCertificates(b[2])
	if err != nil {
		return nil, fmt.Errorf("client CA %q: %w", f.files.paths[2], err)
	}
	s.clients = x509.NewCertPool()
	for _, c := range cas {
		s.clients.AddCert(c)
	}
	return s, nil
}

// AsksClients says whether a client may prove by a certificate who it is.
func (f *ServerFiles) AsksClients() bool { return len(f.files.paths) > 2 }

// Expires is when the certificate in use ends.
func (f *ServerFiles) Expires() time.Time { return f.current.Load().pair.Leaf.NotAfter }

// Config serves over TLS 1.3, each handshake with the files as they are then. A client need show no certificate; one
// that it shows must be of the client CA and good for clients, else the handshake fails and refused is called.
func (f *ServerFiles) Config(refused func(error), alpn ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return f.current.Load().config(refused, alpn), nil
		},
	}
}

func (s *served) config(refused func(error), alpn []string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{s.pair}, NextProtos: alpn}
	if s.clients == nil {
		return c
	}
	// A resumed session would outlive a replaced CA.
	c.ClientAuth, c.ClientCAs, c.SessionTicketsDisabled = tls.RequestClientCert, s.clients, true
	c.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return nil
		}
		err := s.Verify(state.PeerCertificates)
		if err != nil {
			refused(err)
		}
		return err
	}
	return c
}

// Verify checks a client's chain, leaf first, against the client CA as it is now. A connection may be older than the
// files.
func (f *ServerFiles) Verify(chain []*x509.Certificate) error { return f.current.Load().Verify(chain) }

// Verify is that of ServerFiles.
func (s *served) Verify(chain []*x509.Certificate) error {
	if s.clients == nil {
		return errors.New("clients' certificates are not asked for here")
	}
	return (&loaded{roots: s.clients}).verify(chain, x509.ExtKeyUsageClientAuth)
}
