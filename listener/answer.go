package listener

import (
	"encoding/binary"

	"failoverdns/record"
	"failoverdns/zone"
)

// Sizes of answers over UDP, in octets.
const (
	leastSize = 512 // RFC 1035 section 4.2.1: every client takes it
	// CoreDNS compresses longer answers to spare the network fragments; this package never compresses.
	mostIPv4 = 1480
	mostIPv6 = 1220
	// bufferSize is what answers are made in.
	bufferSize = 1536
)

// answerer makes answers. It is for one goroutine.
type answerer struct {
	zone.Answerer
	query
	grant []byte // the cookie that the client gets; nil for none

	cookies [wholeCookie]byte // holds it
}

// made is an answer, for what counts it.
type made struct {
	block *block
	rcode uint8
	bare  int // its length without the OPT record, which CoreDNS's counters do not see either
}

// answer appends the answer to a packet to b, which has room for any. The packet must be ours by read.
func (a *answerer) answer(b []byte, r *route, zones *zone.Set, ipv6 bool) ([]byte, made, fate) {
	name := a.name()
	in := r.find(name)
	if in == nil || !in.Fast || record.Type(a.qtype) == record.DS {
		return b, made{}, pass // the DS of a zone may be its parent's block to answer
	}
	images := zones.Images()
	im := images.Find(name)
	if im == nil || !im.Zone().Under(in.Zone) {
		return b, made{}, pass
	}
	rcode, authoritative, ok := a.Answer(im, zone.Question{Name: name, Type: a.qtype, Signatures: a.signatures()}, images)
	if !ok || rcode == servfail {
		return b, made{}, pass
	}
	bare := headerLen + len(a.asked) + questionEnd + a.Len(len(a.asked))
	length := bare
	if a.edns {
		length += optLen + a.optionLen()
	}
	if length > a.room(in.Payload, ipv6) {
		return b, made{}, pass // CoreDNS knows what to leave out
	}
	b = a.head(b, rcode, authoritative)
	at := len(b)
	b, counts := a.AppendTo(b, a.asked)
	head := b[at-len(a.asked)-questionEnd-headerLen:]
	for i, c := range counts {
		binary.BigEndian.PutUint16(head[6+2*i:], c)
	}
	if a.edns {
		head[11]++ // an additional section of 255 records would be too long
		b = a.opt(b, in.Payload)
	}
	return b, made{in, uint8(rcode), bare}, ours
}

// servfail is CoreDNS's to say.
const servfail = 2

// room is how long the answer may be.
func (a *answerer) room(payload uint16, ipv6 bool) int {
	size := leastSize
	if a.edns {
		size = max(size, int(min(a.size, payload)))
	}
	if ipv6 {
		return min(size, mostIPv6)
	}
	return min(size, mostIPv4)
}

// head appends header and question.
func (a *answerer) head(b []byte, rcode int, authoritative bool) []byte {
	flags := flagQR | a.flags&(flagRD|flagCD) | uint16(rcode)
	if authoritative {
		flags |= flagAA
	}
	b = binary.BigEndian.AppendUint16(b, a.id)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = append(b, 0, 1, 0, 0, 0, 0, 0, 0)
	b = append(b, a.asked...)
	b = binary.BigEndian.AppendUint16(b, a.qtype)
	return append(b, 0, classIN)
}

// opt appends the OPT record: the client's own, with the size that it may have.
func (a *answerer) opt(b []byte, payload uint16) []byte {
	b = append(b, 0, 0, typeOPT)
	b = binary.BigEndian.AppendUint16(b, min(a.size, payload))
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint16(b, a.bits)
	b = binary.BigEndian.AppendUint16(b, uint16(a.optionLen()))
	if a.grant != nil {
		b = appendCookie(b, a.grant)
	}
	return b
}

// optionLen is the length of the OPT record's options.
func (a *answerer) optionLen() int {
	if a.grant == nil {
		return 0
	}
	return optionHead + len(a.grant)
}

// short appends an answer without records to b: one that was held back, or FORMERR.
func (a *answerer) short(b []byte, rcode int, tc bool, payload uint16) []byte {
	at := len(b)
	b = a.head(b, rcode, false)
	if tc {
		b[at+2] |= flagTC >> 8
	}
	if a.edns {
		b[at+11] = 1
		b = a.opt(b, payload)
	}
	return b
}
