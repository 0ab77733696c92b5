package probes

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"failoverdns/health"
)

// secure puts TLS on a connection. The certificate must be good for the server name that was sent.
func (v *visit) secure(conn net.Conn, h *hop) (net.Conn, error) {
	config := &tls.Config{
		ServerName: h.url.Hostname(),
		RootCAs:    v.env.Roots,
		NextProtos: []string{"http/1.1"},
	}
	if h.own {
		config.InsecureSkipVerify = v.target.Check.Insecure
		if name := v.target.Check.ServerName; name != "" {
			config.ServerName = name
		}
	}
	secured := tls.Client(conn, config)
	if err := secured.Handshake(); err != nil { // ends with the connection's deadline, which bind has set
		return nil, v.handshakeFault(err, config.ServerName)
	}
	return secured, nil
}

// handshakeFault says in one line what is wrong, with what an operator needs to mend it.
func (v *visit) handshakeFault(err error, name string) *fault {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &verify):
		return certificateFault(verify, name)
	case errors.As(err, &record):
		return newFault(health.TLS, "the server does not speak TLS at this port")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return newFault(health.TLS, "the connection was closed during the TLS handshake")
	case isTimeout(err), isReset(err):
		return v.streamFault(err, "the TLS handshake was not finished")
	}
	return newFault(health.TLS, "%s", strings.TrimPrefix(err.Error(), "tls: "))
}

func certificateFault(err *tls.CertificateVerificationError, name string) *fault {
	var invalid x509.CertificateInvalidError
	var wrong x509.HostnameError
	var unknown x509.UnknownAuthorityError
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(invalid.Cert.NotBefore) {
			return newFault(health.TLS, "certificate not valid before %s", day(invalid.Cert.NotBefore))
		}
		return newFault(health.TLS, "certificate expired on %s", day(invalid.Cert.NotAfter))
	case errors.As(err, &wrong):
		return newFault(health.TLS, "certificate is not for %q but for %s", name, names(wrong.Certificate))
	case errors.As(err, &unknown):
		leaf := err.UnverifiedCertificates[0]
		if leaf.Subject.String() == leaf.Issuer.String() {
			return newFault(health.TLS, "certificate of unknown authority: self-signed by %q", leaf.Issuer)
		}
		return newFault(health.TLS, "certificate of unknown authority %q", leaf.Issuer)
	}
	return newFault(health.TLS, "%v", err.Err)
}

// names are the names of a certificate, up to three.
func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return "no name"
	case len(all) > 3:
		all = append(all[:3], "…")
	}
	return strings.Join(all, ", ")
}
