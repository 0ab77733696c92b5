package zone

import (
	"slices"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// maxLinks bounds the aliases (CNAME and DNAME) followed for one answer. A loop ends by itself, at the first name that
// was there before; this is for DNAMEs that make a longer name each time. BIND stops after as many.
const maxLinks = 16

// Respond answers a request for a name of this zone: authoritative, complete and without an OPT record. The server
// around it deals with EDNS, truncation, opcodes and transfers. A request that is none of this zone's gets REFUSED,
// a type that is no type of records REFUSED, FORMERR or NOTIMP; these replies have no records, and AA is not set.
func (im *Image) Respond(req *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(req)
	name, rcode := im.question(req)
	if rcode != dns.RcodeSuccess {
		m.Rcode = rcode
		return m
	}
	m.Authoritative = true
	q := req.Question[0]
	opt := req.IsEdns0()
	r := reply{im: im, msg: m, qtype: q.Qtype, signatures: opt != nil && opt.Do()}
	r.resolve(name, q.Name)
	return m
}

// question is the name that is asked for, or the rcode of a question that cannot be answered from records.
func (im *Image) question(req *dns.Msg) (record.Name, int) {
	if len(req.Question) != 1 {
		return "", dns.RcodeFormatError
	}
	q := req.Question[0]
	if rcode, ok := unanswerable[q.Qtype]; ok {
		return "", rcode
	}
	name, err := record.ParseName(q.Name)
	switch {
	case err != nil:
		return "", dns.RcodeFormatError
	case q.Qclass != dns.ClassINET || !name.Under(im.Zone()):
		return "", dns.RcodeRefused
	}
	return name, dns.RcodeSuccess
}

// unanswerable are the question types that ask for something else than records.
var unanswerable = map[uint16]int{
	dns.TypeAXFR:   dns.RcodeRefused, // a transfer is not a query's business
	dns.TypeIXFR:   dns.RcodeRefused,
	dns.TypeOPT:    dns.RcodeFormatError,
	dns.TypeNXNAME: dns.RcodeFormatError, // RFC 9824 section 3.5
	dns.TypeTKEY:   dns.RcodeNotImplemented,
	dns.TypeTSIG:   dns.RcodeNotImplemented,
	dns.TypeMAILA:  dns.RcodeNotImplemented, // obsolete: RFC 1035 section 3.2.3
	dns.TypeMAILB:  dns.RcodeNotImplemented,
}

// reply is an answer in the making.
type reply struct {
	im         *Image
	msg        *dns.Msg
	qtype      uint16
	signatures bool // the DO bit: DS goes with referrals
}

// resolve answers for a name, and for those that its aliases lead to. The rcode is that of the last name (RFC 6604
// section 3). A target outside the zone is left to the resolver.
func (r *reply) resolve(name record.Name, owner string) {
	seen := make([]record.Name, 0, 4)
	for range maxLinks {
		target, more := r.step(name, owner)
		seen = append(seen, name)
		if !more || !target.Under(r.im.Zone()) || slices.Contains(seen, target) {
			return
		}
		name, owner = target, target.String()
	}
}

// step answers for one name. If it is an alias to be followed, more is true and target the next name.
func (r *reply) step(name record.Name, owner string) (target record.Name, more bool) {
	n, what := r.im.tree.locate(name, r.qtype)
	switch what {
	case delegated:
		r.refer(n)
	case renamed:
		return r.rename(n, name, owner)
	case missing:
		r.negative(nil)
		r.msg.Rcode = dns.RcodeNameError
	default:
		return r.answer(n, name, owner)
	}
	return "", false
}

// answer answers from a node's records under the name that was asked for.
func (r *reply) answer(n *node, name record.Name, owner string) (target record.Name, more bool) {
	qtype := r.qtype
	if r.im.withheld(n, qtype) {
		r.fail()
		return "", false
	}
	if qtype == dns.TypeANY {
		qtype = r.im.anyType(n)
	}
	if rrs := r.im.records(n, qtype, owner); len(rrs) > 0 {
		r.msg.Answer = append(r.msg.Answer, rrs...)
		r.additional(n, qtype, name)
		return "", false
	}
	if target, ok := r.im.alias(n); ok {
		r.msg.Answer = append(r.msg.Answer, r.im.records(n, dns.TypeCNAME, owner)...)
		return target, true
	}
	r.negative(n)
	return "", false
}

// fail answers that this server cannot tell, whatever an alias led through: a resolver then asks the next one (RFC 1035
// section 7.2).
func (r *reply) fail() {
	r.msg.Rcode, r.msg.Authoritative = dns.RcodeServerFailure, false
	r.msg.Answer, r.msg.Ns, r.msg.Extra = nil, nil, nil
}

// anyType is the one type that a question for ANY gets (RFC 8482 section 4.1): addresses or alias where there are,
// else the least type; 0 if the name has no records.
func (im *Image) anyType(n *node) uint16 {
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME} {
		if len(im.records(n, t, n.owner)) > 0 {
			return t
		}
	}
	if len(n.sets) > 0 {
		return n.sets[0].kind
	}
	if n == im.tree.apex {
		return dns.TypeSOA
	}
	return 0
}

// negative adds the SOA of NODATA and NXDOMAIN (RFC 2308). No negative answer of a steered name may outlive what a
// flip can change, so it lasts no longer than a positive one.
func (r *reply) negative(n *node) {
	soa := r.im.negative
	if n != nil && n.cell >= 0 && r.im.cells[n.cell].ttl < soa.Hdr.Ttl {
		short := *soa
		short.Hdr.Ttl = r.im.cells[n.cell].ttl
		soa = &short
	}
	r.msg.Ns = append(r.msg.Ns, soa)
}

// refer points to the servers of a delegated zone (RFC 1034 section 4.3.2, step 3b). AA speaks of the answer's first
// name (RFC 1035 section 4.1.1), so it stays where an alias led here.
func (r *reply) refer(cut *node) {
	r.msg.Authoritative = len(r.msg.Answer) > 0
	ns := cut.set(dns.TypeNS)
	r.msg.Ns = append(r.msg.Ns, ns.records...)
	if ds := cut.set(dns.TypeDS); ds != nil && r.signatures {
		r.msg.Ns = append(r.msg.Ns, ds.records...)
	}
	r.glue(ns.targets)
}

// rename follows a DNAME (RFC 6672 section 3.2): the answer has it, and a CNAME made from it.
func (r *reply) rename(n *node, name record.Name, owner string) (target record.Name, more bool) {
	s := n.set(dns.TypeDNAME)
	dname := s.records[0]
	if !slices.Contains(r.msg.Answer, dname) {
		r.msg.Answer = append(r.msg.Answer, dname)
	}
	target = name[:len(name)-len(n.name)] + s.targets[0]
	if len(target) > maxName {
		r.msg.Rcode = dns.RcodeYXDomain // RFC 6672 section 2.2
		return "", false
	}
	r.msg.Answer = append(r.msg.Answer, &dns.CNAME{
		Hdr: header(owner, dns.TypeCNAME, dname.Header().Ttl), Target: target.String(),
	})
	return target, r.qtype != dns.TypeCNAME && r.qtype != dns.TypeANY
}

// maxName is the length of the longest name in wire form, in octets (RFC 1035 section 2.3.4).
const maxName = 255
