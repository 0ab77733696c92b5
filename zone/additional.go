package zone

import (
	"bytes"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// additional adds the addresses of the names that an answer points to, as far as the zone that was asked and
// those below it answer for them (RFC 1034 section 4.3.2 step 6, RFC 2782, RFC 9460 section 4.1).
func (r *reply) additional(n *node, qtype uint16, name record.Name) {
	switch qtype {
	case dns.TypeNS, dns.TypeMX, dns.TypeSRV, dns.TypeSVCB, dns.TypeHTTPS:
	default:
		return
	}
	s := n.set(qtype) // these types come from nowhere else, and the answer has them
	for i := range s.Data {
		target, first := targetOf(s, i)
		if !first {
			continue
		}
		if target == record.Root && (qtype == dns.TypeSVCB || qtype == dns.TypeHTTPS) {
			target = name // RFC 9460 section 2.5.2
		}
		if !target.Under(r.top) {
			continue
		}
		im := r.nearest(target, dns.TypeA)
		if at, what := im.tree.locate(target, dns.TypeA); what == found || what == synthesised {
			r.addresses(im, at, target)
		}
	}
}

// targetOf is the name that the i-th record of a set points to, and whether it does and is the first one that does.
func targetOf(s *record.Set, i int) (target record.Name, first bool) {
	kind := uint16(s.Type)
	name := pointsTo(kind, s.Data[i])
	if name == nil {
		return "", false
	}
	for _, before := range s.Data[:i] {
		if bytes.EqualFold(pointsTo(kind, before), name) {
			return "", false
		}
	}
	return nameOf(name), true
}

// glue adds what the zone knows of name servers' addresses for a referral, at and below delegations too: without those
// of the delegated zone's own servers, and of its siblings', it could not be followed (RFC 9471).
func (r *reply) glue(servers *record.Set) {
	for i := range servers.Data {
		server, first := targetOf(servers, i)
		if !first || !server.Under(r.im.Zone()) {
			continue
		}
		if n := r.im.tree.get(server); n != nil {
			r.addresses(r.im, n, server)
		} else if n, what := r.im.tree.locate(server, dns.TypeA); what == synthesised {
			r.addresses(r.im, n, server)
		}
	}
}

// addresses adds a node's addresses under a name, unless they are withheld.
func (r *reply) addresses(im *Image, n *node, name record.Name) {
	if im.withheld(n, dns.TypeA) {
		return
	}
	r.add(additional, im, n, dns.TypeA, name, false)
	r.add(additional, im, n, dns.TypeAAAA, name, false)
}
