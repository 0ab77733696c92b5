package trust

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
)

// ServerConfig accepts clients that the CA signed and that carry a node ID, and speaks the given protocols (ALPN)
// only. Each handshake uses the files as they are then. The caller reads the client's ID with Peer.
func (f *Files) ServerConfig(alpn ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return f.serverNow(alpn), nil
		},
	}
}

func (f *Files) serverNow(alpn []string) *tls.Config {
	now := f.current.Load()
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{now.pair},
		ClientAuth:   tls.RequireAnyClientCert, // verified below: one rule for both sides
		ClientCAs:    now.roots,
		NextProtos:   alpn,
		// A resumed session would outlive a replaced CA.
		SessionTicketsDisabled: true,
		VerifyConnection: func(c tls.ConnectionState) error {
			if c.NegotiatedProtocol == "" { // crypto/tls lets a client pass that offers none
				return fmt.Errorf("the client names no protocol; this port speaks %q", alpn)
			}
			if err := now.verify(c.PeerCertificates, x509.ExtKeyUsageClientAuth); err != nil {
				return err
			}
			_, err := NodeID(c.PeerCertificates[0])
			return err
		},
	}
}

// ClientConfig reaches the node with that ID, wherever it is, and speaks one protocol (ALPN). It is good for one
// connection: the files are those of now.
func (f *Files) ClientConfig(wantNodeID, alpn string) *tls.Config {
	now := f.current.Load()
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		Certificates:       []tls.Certificate{now.pair},
		NextProtos:         []string{alpn},
		InsecureSkipVerify: true, // host names are no identity here; VerifyConnection checks chain and ID instead
		VerifyConnection: func(c tls.ConnectionState) error {
			if err := now.verify(c.PeerCertificates, x509.ExtKeyUsageServerAuth); err != nil {
				return err
			}
			id, err := NodeID(c.PeerCertificates[0])
			if err != nil {
				return err
			}
			if id != wantNodeID {
				return fmt.Errorf("there answers node %q, not %q", id, wantNodeID)
			}
			if c.NegotiatedProtocol != alpn {
				return fmt.Errorf("node %q does not speak %q", id, alpn)
			}
			return nil
		},
	}
}

// Peer is the node at the other end of a finished handshake.
func Peer(c tls.ConnectionState) (string, error) {
	if len(c.PeerCertificates) == 0 {
		return "", errNoPeer
	}
	return NodeID(c.PeerCertificates[0])
}
