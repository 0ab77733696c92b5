package trust

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Files is one node's certificate, key and CA, loaded from PEM files and loaded again when they change. The CA file
// may hold several certificates, so that one CA can follow another.
type Files struct {
	cert, key, ca string // paths

	current atomic.Pointer[loaded]

	mu   sync.Mutex // guards what was last read
	read [3][]byte
}

// loaded is one consistent set of the three files.
type loaded struct {
	pair  tls.Certificate
	roots *x509.CertPool
	id    string
}

// Load reads the three files. They must fit together: the certificate is signed by the CA, carries a node ID, and is
// valid now.
func Load(cert, key, ca string) (*Files, error) {
	f := &Files{cert: cert, key: key, ca: ca}
	if _, err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload looks at the files once and says whether there is something new in use. Files that do not load leave the old
// ones in use and give an error, once for each new content.
func (f *Files) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var now [3][]byte
	for i, path := range []string{f.cert, f.key, f.ca} {
		if now[i], err = os.ReadFile(path); err != nil {
			return false, fmt.Errorf("read a certificate file: %w", err)
		}
	}
	if same(now, f.read) {
		return false, nil
	}
	f.read = now
	next, err := f.parse(now)
	if err != nil {
		return false, err
	}
	if old := f.current.Load(); old != nil && old.id != next.id {
		return false, fmt.Errorf("%q is the certificate of node %q, but this node is %q", f.cert, next.id, old.id)
	}
	f.current.Store(next)
	return true, nil
}

// Watch calls Reload at each interval until ctx ends, and tells of what it found; of a fault that stays, once.
func (f *Files) Watch(ctx context.Context, interval time.Duration, tell func(changed bool, err error)) {
	t := time.NewTicker(interval)
	defer t.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			changed, err := f.Reload()
			if changed || err != nil && err.Error() != last {
				tell(changed, err)
			}
			if last = ""; err != nil {
				last = err.Error()
			}
		}
	}
}

func same(a, b [3][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (f *Files) parse(b [3][]byte) (*loaded, error) {
	pair, err := tls.X509KeyPair(b[0], b[1])
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q: %w", f.cert, f.key, err)
	}
	id, err := NodeID(pair.Leaf)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", f.cert, err)
	}
	cas, err := parseCertificates(b[2])
	if err != nil {
		return nil, fmt.Errorf("CA %q: %w", f.ca, err)
	}
	l := &loaded{pair: pair, roots: x509.NewCertPool(), id: id}
	for _, c := range cas {
		l.roots.AddCert(c)
	}
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		if err := l.verify([]*x509.Certificate{pair.Leaf}, use); err != nil {
			return nil, fmt.Errorf("%q against the CA %q: %w", f.cert, f.ca, err)
		}
	}
	return l, nil
}

// verify checks a chain, leaf first, against the CA. Host names play no part.
func (l *loaded) verify(chain []*x509.Certificate, use x509.ExtKeyUsage) error {
	if len(chain) == 0 {
		return errNoPeer
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: l.roots, Intermediates: between, CurrentTime: time.Now(), KeyUsages: []x509.ExtKeyUsage{use},
	})
	return err
}

// ID is the node that the certificate is of. It never changes.
func (f *Files) ID() string { return f.current.Load().id }

// Expires is when the certificate in use ends.
func (f *Files) Expires() time.Time { return f.current.Load().pair.Leaf.NotAfter }
