package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/token"
	"failoverdns/trust"
)

// What proves an identity.
const (
	tokenKind       = "token"
	certificateKind = "certificate"
)

// stranger is why somebody is not let in.
type stranger struct {
	reason string // as counted
	text   string // as told: what the one who asks knows already, and no more
}

var nobody = &stranger{refusedNobody, "the request carries neither a token nor a certificate; send Authorization: Bearer TOKEN (failoverctl --token-file)"}

// wrongToken is told alike of a token that is none, one that is not known, and one with a wrong secret.
var wrongToken = &stranger{refusedToken, "the token is not known here"}

// identify finds out who sent a request. A token, where there is one, counts before a certificate.
func (s *Server) identify(r *http.Request) (*identity, *stranger) {
	d := s.door.Load()
	switch header := r.Header.Values("Authorization"); {
	case d.open():
		return anybody, nil
	case len(header) > 0:
		scheme, text, _ := strings.Cut(header[0], " ")
		k, err := token.Parse(strings.TrimSpace(text))
		if err != nil || len(header) > 1 || !strings.EqualFold(scheme, "Bearer") {
			return nil, wrongToken
		}
		return s.byToken(d, k, source(r))
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		return s.byCertificate(d, r)
	}
	return nil, nobody
}

// byToken looks at this node's own tokens, then at the cluster's.
func (s *Server) byToken(d *door, k *token.Token, from string) (*identity, *stranger) {
	if d.tokens != nil {
		if e, ok := d.tokens.Get(k.ID); ok && k.Matches(e.Hash) {
			return s.byEntry(e)
		}
	}
	st := s.node.State()
	x, ok := st.Tokens.Get(k.ID)
	switch {
	case !ok || x.Kind != state.TokenAPI || !k.Matches(x.Hash):
		return nil, wrongToken
	case x.End == state.TokenRevoked:
		return nil, &stranger{refusedRevoked, "the token was revoked"}
	case !x.Good(st.Clock):
		return nil, &stranger{refusedExpired, "the token has expired"}
	}
	s.noteUse(st, x)
	return &identity{kind: tokenKind, id: x.ID, name: x.Name, role: accessOf(x.Role), zones: x.Zones}, nil
}

func (s *Server) byEntry(e *token.Entry) (*identity, *stranger) {
	if !e.Until.IsZero() && !s.now().Before(e.Until) {
		return nil, &stranger{refusedExpired, "the token has expired"}
	}
	i := &identity{kind: tokenKind, id: e.ID, name: e.Name, role: accessOf(e.Role)}
	return i, i.only(e.Zones)
}

func (s *Server) byCertificate(d *door, r *http.Request) (*identity, *stranger) {
	if d.tls == nil || !d.tls.AsksClients() {
		return nil, nobody
	}
	chain := r.TLS.PeerCertificates
	if err := d.tls.Verify(chain); err != nil { // the handshake may be older than the CA file, or the certificate have ended
		return nil, &stranger{refusedCertificate, "the certificate is no longer good: " + err.Error()}
	}
	a, err := trust.AccessOf(chain[0])
	if err != nil {
		return nil, &stranger{refusedCertificate, err.Error()}
	}
	i := &identity{kind: certificateKind, name: a.Name, role: accessOf(a.Role)}
	return i, i.only(a.Zones)
}

// only limits an identity to zones. One that is not understood lets nobody in: it must not widen what is allowed.
func (i *identity) only(zones []string) *stranger {
	for _, z := range zones {
		name, err := record.ParseName(z)
		if err != nil {
			return &stranger{refusedRole, "the zone " + strconv.Quote(z) + " of the " + i.String() + " is none"}
		}
		i.zones = append(i.zones, name)
	}
	return nil
}

// accessOf reads a role's word; one that is not known may do nothing.
func accessOf(word string) access {
	for a, w := range accessWords {
		if string(w) == word {
			return a
		}
	}
	return accessNone
}

// noteTimeout bounds noting a use; nobody waits for it.
const noteTimeout = 5 * time.Second

// noteUse has the cluster note that a token is in use, once in state.UseEvery. It is of no matter where it fails: the
// next request tries again.
func (s *Server) noteUse(st *state.State, k *state.Token) {
	if k.LastUse != 0 && st.Clock-k.LastUse < state.UseEvery {
		return
	}
	select {
	case s.noting <- struct{}{}:
	default:
		return // one at a time
	}
	go func() {
		defer func() { <-s.noting }()
		ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
		defer cancel()
		node := s.node.Status().ID
		if _, err := s.node.Propose(ctx, state.Command{Header: state.Header{Node: node}, Body: &state.TokenUse{ID: k.ID, By: node}}); err != nil {
			s.log.Debug("the use of a token is not noted", "token", k.ID, "error", err)
		}
	}()
}

// turnAway answers somebody who is not let in. The connection ends: strangers keep none open.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, why *stranger) {
	wait := s.strange(addrOf(r.RemoteAddr), why.reason)
	h := w.Header()
	h.Set("Connection", "close")
	p := &api.Problem{Status: http.StatusUnauthorized, Code: api.CodeWhoAreYou, Detail: why.text}
	if wait > 0 {
		p.Status, p.Code = http.StatusTooManyRequests, api.CodeTooMany
		p.Detail = "too many requests from your address were refused; a token that is right is taken all the same"
		h.Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
	} else {
		h.Set("WWW-Authenticate", `Bearer realm="failoverdns admin API"`)
	}
	p.Type, p.Title = problemBase+p.Code, titles[p.Code]
	s.send(w, p.Status, api.ProblemJSON, p) // not fail: it names the node
}

// strange counts a failure, and says how long whoever comes from that address is to wait.
func (s *Server) strange(from net.Addr, reason string) time.Duration {
	s.refused.add(reason)
	ap, _ := netip.ParseAddrPort(from.String())
	wait, tell := s.failures.add(ap.Addr(), s.now())
	if tell {
		s.log.Warn("the admin API refused somebody", "from", ap.Addr().String(), "reason", reason)
	}
	return wait
}

// addrOf is a request's remote address as a net.Addr.
func addrOf(remote string) net.Addr {
	ap, _ := netip.ParseAddrPort(remote)
	return net.TCPAddrFromAddrPort(ap)
}
