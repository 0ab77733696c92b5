package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/token"
	"failoverdns/trust"
)

// door is where the API listens, and how one gets in.
type door struct {
	address string
	tls     *trust.ServerFiles // nil: in the clear
	tokens  *token.File        // of this node alone; nil: none
}

// newDoor reads the files that a configuration names, and refuses one that would stand open to a network.
func newDoor(c node.AdminConfig) (*door, error) {
	if c.Address == "" {
		c.Address = DefaultAddress
	}
	if err := checkAddress(c); err != nil {
		return nil, err
	}
	d := &door{address: c.Address}
	var err error
	if c.TLS != nil {
		if d.tls, err = trust.LoadServer(c.TLS.Cert, c.TLS.Key, c.TLS.CA); err != nil {
			return nil, fmt.Errorf("admin %s: %w", d.address, err)
		}
	}
	if c.Tokens != "" {
		if d.tokens, err = token.Open(c.Tokens, checkEntry); err != nil {
			return nil, fmt.Errorf("admin %s: %w", d.address, err)
		}
	}
	return d, nil
}

func checkAddress(c node.AdminConfig) error {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return fmt.Errorf("admin %q is no HOST:PORT", c.Address)
	}
	if closed := c.TLS != nil && (c.Tokens != "" || c.TLS.CA != ""); !closed && !loopback(host) {
		return fmt.Errorf("admin %q: without TLS and tokens the admin API listens on loopback addresses only; use 127.0.0.1 or [::1], and ssh to reach it from elsewhere, or write: tls CERT KEY [CLIENT-CA], tokens FILE", c.Address)
	}
	return nil
}

func checkEntry(e *token.Entry) error {
	for _, z := range e.Zones {
		if _, err := record.ParseName(z); err != nil {
			return fmt.Errorf("token %s: zone: %w", e.ID, err)
		}
	}
	return nil
}

// open says whether nobody has to say who they are.
func (d *door) open() bool { return d.tokens == nil && (d.tls == nil || !d.tls.AsksClients()) }

// words say how one gets in, for the log.
func (d *door) words() string {
	switch {
	case d.open():
		return "anybody on this machine may do all: there are neither tokens nor certificates of clients"
	case d.tokens == nil:
		return "certificates of clients, and the cluster's tokens"
	case d.tls != nil && d.tls.AsksClients():
		return "tokens and certificates of clients"
	}
	return "tokens"
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// reload looks at the door's files, and says in the log what came of it.
func (d *door) reload(log *slog.Logger) {
	if d.tls != nil {
		switch changed, err := d.tls.Reload(); {
		case err != nil:
			log.Error("the admin API's certificate is not taken; the old one stays in use", "error", err)
		case changed:
			log.Info("the admin API's certificate was loaded again", "expires", d.tls.Expires())
		}
	}
	if d.tokens == nil {
		return
	}
	switch changed, err := d.tokens.Reload(); {
	case err != nil:
		log.Error("the tokens are not taken; the old ones stay in use", "error", err)
	case changed:
		log.Info("the tokens were read again", "file", d.tokens.Path(), "tokens", d.tokens.Len())
	}
}

// warnEvery is how often the log says that a certificate is about to end.
const warnEvery = 24 * time.Hour

// ending says when the certificate ends, if that is soon.
func (d *door) ending(now time.Time) (at time.Time, soon bool) {
	if d.tls == nil {
		return time.Time{}, false
	}
	at = d.tls.Expires()
	return at, at.Sub(now) < certificateWarning
}

// doorway accepts connections as the door asks for them at that moment.
type doorway struct {
	net.Listener
	server *Server
}

func (l *doorway) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	files := l.server.door.Load().tls
	if files == nil {
		return c, nil
	}
	refused := func(error) { l.server.strange(c.RemoteAddr(), refusedCertificate) }
	return tls.Server(c, files.Config(refused, "http/1.1")), nil
}

var errClear = errors.New("this port speaks TLS now: use https")

// LookAt reads the files that a configuration names as Start does, and gives when its certificate ends; zero without one.
func LookAt(c node.AdminConfig) (expires time.Time, err error) {
	d, err := newDoor(c)
	if err != nil || d.tls == nil {
		return time.Time{}, err
	}
	return d.tls.Expires(), nil
}
