package zone

import (
	"slices"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// additional adds the addresses of the names that an answer points to, as far as this zone answers for them (RFC 1034
// section 4.3.2 step 6, RFC 2782, RFC 9460 section 4.1).
func (r *reply) additional(n *node, qtype uint16, name record.Name) {
	switch qtype {
	case dns.TypeNS, dns.TypeMX, dns.TypeSRV, dns.TypeSVCB, dns.TypeHTTPS:
	default:
		return
	}
	s := n.set(qtype)
	if s == nil {
		return
	}
	for i, target := range s.targets {
		if target == record.Root && (qtype == dns.TypeSVCB || qtype == dns.TypeHTTPS) {
			target = name // RFC 9460 section 2.5.2
		}
		if !target.Under(r.im.Zone()) || slices.Contains(s.targets[:i], target) {
			continue
		}
		if at, what := r.im.tree.locate(target, dns.TypeA); what == found || what == synthesised {
			r.addresses(at, target)
		}
	}
}

// glue adds what the zone knows of name servers' addresses for a referral, at and below delegations too: without those
// of the delegated zone's own servers, and of its siblings', it could not be followed (RFC 9471).
func (r *reply) glue(servers []record.Name) {
	for i, server := range servers {
		if !server.Under(r.im.Zone()) || slices.Contains(servers[:i], server) {
			continue
		}
		if n := r.im.tree.nodes[server]; n != nil {
			r.addresses(n, server)
		} else if n, what := r.im.tree.locate(server, dns.TypeA); what == synthesised {
			r.addresses(n, server)
		}
	}
}

// addresses adds a node's addresses under a name, unless they are withheld.
func (r *reply) addresses(n *node, name record.Name) {
	if r.im.withheld(n, dns.TypeA) {
		return
	}
	owner := name.String()
	r.msg.Extra = append(r.msg.Extra, r.im.records(n, dns.TypeA, owner)...)
	r.msg.Extra = append(r.msg.Extra, r.im.records(n, dns.TypeAAAA, owner)...)
}
