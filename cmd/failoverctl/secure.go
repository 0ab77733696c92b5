package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
)

// token is what the flags or the environment name; empty without one.
func (s *session) token() (string, error) {
	file := cmp.Or(s.tokenFile, s.t.env("FAILOVER_TOKEN_FILE"))
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", usage("read the token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" {
		return "", usage("the token file %q is empty", file)
	}
	return token, nil
}

// tls is how https servers are known, and how this client is known to them; nil for the system's way.
func (s *session) tls() (*tls.Config, error) {
	ca, cert, key := cmp.Or(s.ca, s.t.env("FAILOVER_CA")), cmp.Or(s.cert, s.t.env("FAILOVER_CERT")), cmp.Or(s.key, s.t.env("FAILOVER_KEY"))
	if ca+cert+key == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		b, err := os.ReadFile(ca)
		if err != nil {
			return nil, usage("read the CA: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(b) {
			return nil, usage("%q holds no PEM certificate", ca)
		}
	}
	if (cert == "") != (key == "") {
		return nil, usage("--cert and --key belong together")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, usage("the client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
