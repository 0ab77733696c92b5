package server

import "sync/atomic"

// Why a request was refused because of who sent it, as counted.
const (
	refusedHost        = "admin-host"        // a Host that is not loopback: DNS rebinding
	refusedOrigin      = "admin-origin"      // another site's page
	refusedClear       = "admin-clear"       // a connection of the time before TLS was asked for
	refusedNobody      = "admin-nobody"      // neither token nor certificate
	refusedToken       = "admin-token"       // a token that is none, or is not known
	refusedRevoked     = "admin-revoked"     // a right token that was revoked
	refusedExpired     = "admin-expired"     // a right token that has expired
	refusedCertificate = "admin-certificate" // a certificate of another CA, or without a role
	refusedRole        = "admin-role"        // the role or the zones are not enough
)

var refusalReasons = []string{refusedHost, refusedOrigin, refusedClear, refusedNobody, refusedToken, refusedRevoked, refusedExpired, refusedCertificate, refusedRole}

// refusals counts requests that were refused because of who sent them.
type refusals struct {
	counts [9]atomic.Uint64 // in the order of refusalReasons
}

func (r *refusals) add(reason string) {
	for i, known := range refusalReasons {
		if known == reason {
			r.counts[i].Add(1)
		}
	}
}

// Refused counts the requests that were refused because of who sent them, by reason, since the service was made.
func (s *Service) Refused() map[string]uint64 {
	out := map[string]uint64{}
	for i, reason := range refusalReasons {
		out[reason] = s.refused.counts[i].Load()
	}
	return out
}
