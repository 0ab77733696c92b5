package server

import (
	"context"
	"log/slog"
	"reflect"
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

	mu     sync.Mutex // guards the rest
	server *Server
	config node.AdminConfig
}

// NewService makes the service; the node starts, reloads and stops it.
func NewService(log *slog.Logger) *Service { return &Service{log: log} }

var _ node.Service = (*Service)(nil)

// Name is the service's name in logs.
func (s *Service) Name() string { return "admin API" }

// Start listens.
func (s *Service) Start(n *node.Node) error { return s.start(n, n.Config().Admin) }

func (s *Service) start(n Node, c node.AdminConfig) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	server := s.make(n)
	if err := server.Start(c); err != nil {
		return err
	}
	s.server, s.config = server, c
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

// Reload takes another configuration. At the same address the way in changes, and connections stay. At another one the
// new server listens before the old one ends, so that what cannot be used leaves the old one in place.
func (s *Service) Reload(n *node.Node) error { return s.reload(n, n.Config().Admin) }

func (s *Service) reload(n Node, c node.AdminConfig) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil && c.Address == s.config.Address {
		return s.reopen(c)
	}
	server := s.make(n)
	if err := server.Start(c); err != nil {
		return err
	}
	old := s.server
	s.server, s.config = server, c
	if old == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), moveTimeout)
	defer cancel()
	return old.Stop(ctx)
}

func (s *Service) reopen(c node.AdminConfig) error {
	if reflect.DeepEqual(c, s.config) {
		return nil
	}
	if err := s.server.Reopen(c); err != nil {
		return err
	}
	s.config = c
	return nil
}

// CertExpiry is when the certificate of the API ends; zero without one.
func (s *Service) CertExpiry() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return time.Time{}
	}
	if files := s.server.door.Load().tls; files != nil {
		return files.Expires()
	}
	return time.Time{}
}

// Stop ends the service.
func (s *Service) Stop(ctx context.Context) error {
	s.mu.Lock()
	server := s.server
	s.server, s.config = nil, node.AdminConfig{}
	s.mu.Unlock()
	if server == nil {
		return nil
	}
	return server.Stop(ctx)
}
