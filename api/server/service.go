package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"failoverdns/node"
)

// DefaultAddress is where the API listens unless told otherwise.
const DefaultAddress = "127.0.0.1:8053"

// Service runs the admin API as a part of a node, where and as the node's configuration says.
type Service struct {
	log     *slog.Logger
	refused refusals

	mu      sync.Mutex // guards the rest
	server  *Server
	address string // as configured
}

// NewService makes the service; the node starts, reloads and stops it.
func NewService(log *slog.Logger) *Service { return &Service{log: log} }

var _ node.Service = (*Service)(nil)

// Name is the service's name in logs.
func (s *Service) Name() string { return "admin API" }

// Start listens.
func (s *Service) Start(n *node.Node) error { return s.start(n, n.Config().Admin) }

func (s *Service) start(n Node, c node.AdminConfig) error {
	address, err := configured(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	server := s.make(n)
	if err := server.Start(address); err != nil {
		return err
	}
	s.server, s.address = server, address
	return nil
}

// make makes a server that counts for the service.
func (s *Service) make(n Node) *Server {
	server := New(n, s.log)
	server.refused = &s.refused
	return server
}

// moveTimeout bounds how long requests at an old address may take to end.
const moveTimeout = 5 * time.Second

// Reload moves to another address where the configuration names one. The new one listens before the old one ends, so
// an address that cannot be used leaves the old one in place.
func (s *Service) Reload(n *node.Node) error { return s.reload(n, n.Config().Admin) }

func (s *Service) reload(n Node, c node.AdminConfig) error {
	address, err := configured(c)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if address == s.address && s.server != nil {
		return nil
	}
	server := s.make(n)
	if err := server.Start(address); err != nil {
		return err
	}
	old := s.server
	s.server, s.address = server, address
	if old == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), moveTimeout)
	defer cancel()
	return old.Stop(ctx)
}

// Stop ends the service.
func (s *Service) Stop(ctx context.Context) error {
	s.mu.Lock()
	server := s.server
	s.server, s.address = nil, ""
	s.mu.Unlock()
	if server == nil {
		return nil
	}
	return server.Stop(ctx)
}

// configured is the address, if this version can serve it as it is asked to.
func configured(c node.AdminConfig) (string, error) {
	switch {
	case c.TLS != nil:
		return "", fmt.Errorf("admin %s: tls: this version serves the admin API without TLS, on loopback addresses only; take the line out", c.Address)
	case c.Tokens != "":
		return "", fmt.Errorf("admin %s: tokens %q: this version knows no tokens, and serves loopback addresses only; take the line out", c.Address, c.Tokens)
	case c.Address == "":
		return DefaultAddress, nil
	}
	return c.Address, nil
}
