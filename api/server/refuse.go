package server

import "sync/atomic"

// Why a request was refused because of who sent it, as counted.
const (
	refusedHost   = "admin-host"   // a Host that is not loopback: DNS rebinding
	refusedOrigin = "admin-origin" // another site's page
)

// refusals counts requests that were refused because of who sent them.
type refusals struct {
	host, origin atomic.Uint64
}

// Refused counts the requests that were refused because of who sent them, by reason, since the service was made.
func (s *Service) Refused() map[string]uint64 {
	return map[string]uint64{refusedHost: s.refused.host.Load(), refusedOrigin: s.refused.origin.Load()}
}
