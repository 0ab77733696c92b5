package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"
)

// Files is one node's certificate, key and CA, loaded from PEM files and loaded again when they change. The CA file
// may hold several certificates, so that one CA can follow another.
type Files struct {
	files   watched // certificate, key, CA
	current atomic.Pointer[loaded]
}

// loaded is one consistent set of the three files.
type loaded struct {
	pair  tls.Certificate
	roots *x509.CertPool
	ca    *x509.Certificate // that signed the node's own
	id    string
}

// Load reads the three files. They must fit together: the certificate is signed by the CA and carries a node ID. One that
// is not good now, or whose CA is not, is taken, too: its peers refuse it, and a node that they refuse still answers queries.
func Load(cert, key, ca string) (*Files, error) {
	f := &Files{files: watched{paths: []string{cert, key, ca}}}
	if _, err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload looks at the files once and says whether there is something new in use. Files that do not load leave the old
// ones in use and give an error, once for each new content.
func (f *Files) Reload() (changed bool, err error) { return f.files.reload(f.take) }

func (f *Files) take(contents [][]byte) error {
	next, err := f.parse(contents)
	if err != nil {
		return err
	}
	if old := f.current.Load(); old != nil {
		if old.id != next.id {
			return fmt.Errorf("%q is the certificate of node %q, but this node is %q", f.files.paths[0], next.id, old.id)
		}
		if _, err := next.fits(time.Now()); err != nil {
			return fmt.Errorf("%q: %w", f.files.paths[0], err)
		}
	}
	f.current.Store(next)
	return nil
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

func (f *Files) parse(b [][]byte) (*loaded, error) {
	cert, key, ca := f.files.paths[0], f.files.paths[1], f.files.paths[2]
	pair, err := tls.X509KeyPair(b[0], b[1])
	if err != nil {
		return nil, fmt.Errorf("certificate %q with key %q: %w", cert, key, err)
	}
	id, err := NodeID(pair.Leaf)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", cert, err)
	}
	cas, err := parseCertificates(b[2])
	if err != nil {
		return nil, fmt.Errorf("CA %q: %w", ca, err)
	}
	l := &loaded{pair: pair, roots: x509.NewCertPool(), id: id}
	for _, c := range cas {
		l.roots.AddCert(c)
	}
	if l.ca, err = l.fitsEver(); err != nil {
		return nil, fmt.Errorf("%q against the CA %q: %w", cert, ca, err)
	}
	return l, nil
}

// fitsEver checks the node's own certificate, and gives the CA's. It need not be good now: a CA may end before what it
// signed, or the other way round.
func (l *loaded) fitsEver() (ca *x509.Certificate, err error) {
	for _, at := range []time.Time{l.pair.Leaf.NotBefore, l.pair.Leaf.NotAfter, time.Now()} {
		if ca, err = l.fits(at); err == nil {
			return ca, nil
		}
	}
	return nil, err
}

// fits checks the node's own certificate, as of a time, for both ends of a connection, and gives the CA's.
func (l *loaded) fits(at time.Time) (ca *x509.Certificate, err error) {
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		if ca, err = l.root([]*x509.Certificate{l.pair.Leaf}, use, at); err != nil {
			return nil, err
		}
	}
	return ca, nil
}

// verify checks a chain, leaf first, against the CA. Host names play no part.
func (l *loaded) verify(chain []*x509.Certificate, use x509.ExtKeyUsage) error {
	_, err := l.root(chain, use, time.Now())
	return err
}

// root verifies a chain as of a time and gives the CA's certificate that it ends at.
func (l *loaded) root(chain []*x509.Certificate, use x509.ExtKeyUsage, at time.Time) (*x509.Certificate, error) {
	if len(chain) == 0 {
		return nil, errNoPeer
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	found, err := chain[0].Verify(x509.VerifyOptions{
		Roots: l.roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{use},
	})
	if err != nil {
		return nil, err
	}
	return found[0][len(found[0])-1], nil
}

// ID is the node that the certificate is of. It never changes.
func (f *Files) ID() string { return f.current.Load().id }

// Expires is when the certificate in use ends, or the CA's that signed it, if that is before.
func (f *Files) Expires() time.Time {
	now := f.current.Load()
	if own := now.pair.Leaf.NotAfter; own.Before(now.ca.NotAfter) {
		return own
	}
	return now.ca.NotAfter
}
