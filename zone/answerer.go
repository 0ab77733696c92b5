package zone

import (
	"encoding/binary"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// Question is what a client asks of a zone.
type Question struct {
	Name       record.Name
	Type       uint16
	Signatures bool // the DO bit
}

// Answerer answers questions in wire form, exactly as Respond does in the packet library's. It is for one goroutine,
// and does not allocate once it has made its longest answer, but for the names that DNAMEs and targets with capitals need.
type Answerer struct{ r reply }

// Answer is what a question gets from a zone, without its records: AppendTo has them, until the next Answer. It is not
// ok if the question is none that records answer; Respond knows what to do then. The name must stay as it is until then.
func (a *Answerer) Answer(im *Image, q Question, images Images) (rcode int, authoritative, ok bool) {
	if _, special := unanswerable(q.Type); special || !q.Name.Under(im.Zone()) {
		return 0, false, false
	}
	a.r = reply{images: images, im: im, qtype: q.Type, signatures: q.Signatures, parts: a.r.parts[:0]}
	a.r.resolve(q.Name)
	return a.r.rcode, a.r.authoritative, true
}

// fixed is what a record has beside owner and data: type, class, TTL and length.
const fixed = 2 + 2 + 4 + 2

// Len is the length of the answer's records in octets; asked is that of the question's name.
func (a *Answerer) Len(asked int) int {
	n := 0
	for i := range a.r.parts {
		p := &a.r.parts[i]
		owner := len(p.owner)
		if p.asked {
			owner = asked
		}
		for _, d := range p.data {
			n += owner + fixed + len(d)
		}
	}
	return n
}

// AppendTo appends the answer's records to b, and counts them by section: answer, authority, additional. The records
// of the name that was asked for have it as it stands in asked, the client's own letters.
func (a *Answerer) AppendTo(b, asked []byte) ([]byte, [3]uint16) {
	var counts [3]uint16
	for i := range a.r.parts {
		p := &a.r.parts[i]
		counts[p.section] += uint16(len(p.data))
		for _, d := range p.data {
			if p.asked {
				b = append(b, asked...)
			} else {
				b = append(b, p.owner...)
			}
			b = binary.BigEndian.AppendUint16(b, p.kind)
			b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
			b = binary.BigEndian.AppendUint32(b, p.ttl)
			b = binary.BigEndian.AppendUint16(b, uint16(len(d)))
			b = append(b, d...)
		}
	}
	return b, counts
}
