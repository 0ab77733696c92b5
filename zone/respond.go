package zone

import (
	"github.com/miekg/dns"

	"failoverdns/record"
)

// Respond answers a request for a name of this zone: authoritative, complete and without an OPT record. Aliases are
// followed into the zones below this one, as they were at that moment. The server around it deals with EDNS, truncation, opcodes and transfers. A request that is none of this zone's gets REFUSED,
// a type that is no type of records REFUSED, FORMERR or NOTIMP; these replies have no records, and AA is not set.
func (im *Image) Respond(req *dns.Msg, images Images) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(req)
	name, rcode := im.question(req)
	if rcode != dns.RcodeSuccess {
		m.Rcode = rcode
		return m
	}
	q := req.Question[0]
	opt := req.IsEdns0()
	r := reply{images: images, im: im, qtype: q.Qtype, signatures: opt != nil && opt.Do()}
	r.resolve(name)
	m.Rcode, m.Authoritative = r.rcode, r.authoritative
	for _, p := range r.parts {
		owner := q.Name
		if !p.asked {
			owner = p.owner.String()
		}
		rrs := toRecords(owner, record.Set{Type: record.Type(p.kind), TTL: p.ttl, Data: p.data})
		switch p.section {
		case answer:
			m.Answer = append(m.Answer, rrs...)
		case authority:
			m.Ns = append(m.Ns, rrs...)
		default:
			m.Extra = append(m.Extra, rrs...)
		}
	}
	return m
}

// question is the name that is asked for, or the rcode of a question that cannot be answered from records.
func (im *Image) question(req *dns.Msg) (record.Name, int) {
	if len(req.Question) != 1 {
		return "", dns.RcodeFormatError
	}
	q := req.Question[0]
	if rcode, ok := unanswerable(q.Qtype); ok {
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

// unanswerable is the rcode for a question type that asks for something else than records.
func unanswerable(qtype uint16) (rcode int, ok bool) {
	switch qtype {
	case dns.TypeAXFR, dns.TypeIXFR: // a transfer is not a query's business
		return dns.RcodeRefused, true
	case dns.TypeOPT, dns.TypeNXNAME: // RFC 9824 section 3.5
		return dns.RcodeFormatError, true
	case dns.TypeTKEY, dns.TypeTSIG, dns.TypeMAILA, dns.TypeMAILB: // RFC 1035 section 3.2.3 calls the last two obsolete
		return dns.RcodeNotImplemented, true
	}
	return 0, false
}
