package zone

import (
	"slices"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// section is one of a message's three sections of records.
type section uint8

const (
	answer section = iota
	authority
	additional
)

// part is a record set in an answer. Its data is shared; nobody changes it.
type part struct {
	owner   record.Name
	asked   bool // the owner is the name asked for, in the client's own letters
	section section
	kind    uint16
	ttl     uint32
	data    [][]byte
}

// reply is an answer in the making. The same rules make it for the packet library and for packets: see Respond and
// Answerer.
type reply struct {
	images        Images      // where aliases are followed
	top           record.Name // the zone that was asked: what is not under it is left to the resolver
	im            *Image      // the zone of the name that is looked at
	qtype         uint16
	signatures    bool // the DO bit: DS goes with referrals
	rcode         int
	authoritative bool
	parts         []part // by section
}

// maxLinks bounds the aliases (CNAME and DNAME) followed for one answer. A loop ends by itself, at the first name that
// was there before; this is for DNAMEs that make a longer name each time. BIND stops after as many.
const maxLinks = 16

// resolve answers for a name of the zone in r.im, and for those that its aliases lead to, each from the nearest zone
// (RFC 1034 section 4.3.2, step 3a). The rcode is that of the last name (RFC 6604 section 3). A target outside the zone
// that was asked is left to the resolver.
func (r *reply) resolve(name record.Name) {
	r.top, r.authoritative = r.im.Zone(), true
	seen := make([]record.Name, 0, 4)
	for i := range maxLinks {
		target, more := r.step(name, i == 0)
		if !more || !target.Under(r.top) {
			return
		}
		if seen = append(seen, name); slices.Contains(seen, target) {
			return
		}
		name = target
		r.im = r.nearest(name, r.qtype)
	}
}

// nearest is the zone that answers for a name under the zone that was asked.
func (r *reply) nearest(name record.Name, qtype uint16) *Image {
	if im := r.images.FindWithin(r.top, name, record.Type(qtype)); im != nil {
		return im
	}
	return r.im // it is asked alone
}

// step answers for one name. If it is an alias to be followed, more is true and target the next name.
func (r *reply) step(name record.Name, asked bool) (target record.Name, more bool) {
	n, what := r.im.tree.locate(name, r.qtype)
	switch what {
	case delegated:
		r.refer(n)
	case renamed:
		return r.rename(n, name, asked)
	case missing:
		r.negative(nil)
		if !r.images.reach(name) { // else NXDOMAIN would deny the zone there too (RFC 8020)
			r.rcode = dns.RcodeNameError
		}
	default:
		return r.answer(n, name, asked)
	}
	return "", false
}

// answer answers from a node's records under the name that was asked for.
func (r *reply) answer(n *node, name record.Name, asked bool) (target record.Name, more bool) {
	qtype := r.qtype
	if r.im.withheld(n, qtype) {
		r.fail()
		return "", false
	}
	if qtype == dns.TypeANY {
		qtype = r.im.anyType(n)
	}
	if r.add(answer, r.im, n, qtype, name, asked) {
		r.additional(n, qtype, name)
		return "", false
	}
	if r.add(answer, r.im, n, dns.TypeCNAME, name, asked) {
		return r.im.alias(n), true
	}
	r.negative(n)
	return "", false
}

// add adds a node's records of a type under a name; false if there are none.
func (r *reply) add(s section, im *Image, n *node, kind uint16, name record.Name, asked bool) bool {
	data, ttl := im.data(n, kind)
	if len(data) == 0 {
		return false
	}
	r.parts = append(r.parts, part{owner: name, asked: asked, section: s, kind: kind, ttl: ttl, data: data})
	return true
}

// alias is where a node's CNAME leads, static or steered.
func (im *Image) alias(n *node) record.Name {
	data, _ := im.data(n, dns.TypeCNAME)
	return nameOf(data[0])
}

// fail answers that this server cannot tell, whatever an alias led through: a resolver then asks the next one (RFC 1035
// section 7.2).
func (r *reply) fail() {
	r.rcode, r.authoritative = dns.RcodeServerFailure, false
	r.parts = r.parts[:0]
}

// anyType is the one type that a question for ANY gets (RFC 8482 section 4.1): addresses or alias where there are,
// else the least type; 0 if the name has no records.
func (im *Image) anyType(n *node) uint16 {
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME} {
		if data, _ := im.data(n, t); len(data) > 0 {
			return t
		}
	}
	if len(n.sets) > 0 {
		return uint16(n.sets[0].Type)
	}
	if n == im.tree.apex {
		return dns.TypeSOA
	}
	return 0
}

// negative adds the SOA of NODATA and NXDOMAIN (RFC 2308). No negative answer of a steered name may outlive what a
// flip can change, so it lasts no longer than a positive one.
func (r *reply) negative(n *node) {
	ttl := r.im.negative
	if n != nil && n.cell >= 0 {
		ttl = min(ttl, r.im.cells[n.cell].ttl)
	}
	r.parts = append(r.parts, part{owner: r.im.Zone(), section: authority, kind: dns.TypeSOA, ttl: ttl, data: r.im.soa})
}

// refer points to the servers of a delegated zone (RFC 1034 section 4.3.2, step 3b). AA speaks of the answer's first
// name (RFC 1035 section 4.1.1), so it stays where an alias led here.
func (r *reply) refer(cut *node) {
	r.authoritative = len(r.parts) > 0
	r.add(authority, r.im, cut, dns.TypeNS, cut.name, false)
	if r.signatures {
		r.add(authority, r.im, cut, dns.TypeDS, cut.name, false)
	}
	r.glue(cut.set(dns.TypeNS))
}

// rename follows a DNAME (RFC 6672 section 3.2): the answer has it, and a CNAME made from it.
func (r *reply) rename(n *node, name record.Name, asked bool) (target record.Name, more bool) {
	s := n.set(dns.TypeDNAME)
	if !slices.ContainsFunc(r.parts, func(p part) bool { return p.kind == dns.TypeDNAME && p.owner == n.name }) {
		r.add(answer, r.im, n, dns.TypeDNAME, n.name, false)
	}
	target = name[:len(name)-len(n.name)] + nameOf(pointsTo(dns.TypeDNAME, s.Data[0]))
	if len(target) > maxName {
		r.rcode = dns.RcodeYXDomain // RFC 6672 section 2.2
		return "", false
	}
	r.parts = append(r.parts, part{
		owner: name, asked: asked, section: answer, kind: dns.TypeCNAME, ttl: s.TTL, data: [][]byte{[]byte(target)},
	})
	return target, r.qtype != dns.TypeCNAME && r.qtype != dns.TypeANY
}
