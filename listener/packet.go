package listener

import (
	"encoding/binary"
	"unsafe"

	"failoverdns/record"
)

// fate is what becomes of a packet.
type fate uint8

const (
	drop fate = iota // nobody answers it
	pass             // CoreDNS answers it
	ours
)

// Lengths and numbers of RFC 1035 section 4.1 and RFC 6891 section 6.1.
const (
	headerLen   = 12
	questionEnd = 4  // type and class
	optLen      = 11 // an OPT record without options
	maxName     = 255
	maxLabel    = 63

	classIN = 1
	typeOPT = 41

	flagQR = 1 << 15
	flagAA = 1 << 10
	flagTC = 1 << 9
	flagRD = 1 << 8
	flagAD = 1 << 5
	flagCD = 1 << 4

	optionCookie  = 10
	optionPadding = 12
)

// query is one packet's question, as far as this package answers questions. It points into the packet.
type query struct {
	id     uint16
	flags  uint16
	asked  []byte // the name, in wire form and the client's letters
	qtype  uint16
	edns   bool
	size   uint16 // that the client's OPT record offers to take
	bits   uint16 // DO and the bits beside it, as CoreDNS sends them back
	cookie []byte // the first COOKIE option; nil without one

	lower [maxName]byte // the name, in lower case
}

// signatures says whether the DO bit is set.
func (q *query) signatures() bool { return q.bits&(1<<15) != 0 }

// name is the name asked for. It is valid until the query is read anew.
func (q *query) name() record.Name {
	return record.Name(unsafe.String(&q.lower[0], len(q.asked)))
}

// read takes a packet apart. It takes what nearly all queries are, one plain question with at most a plain OPT record;
// all else is CoreDNS's, malformed packets too, which it answers with FORMERR or not at all, without a word in the log.
func (q *query) read(b []byte) fate {
	if len(b) < headerLen {
		return drop
	}
	q.id, q.flags = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if q.flags&flagQR != 0 {
		return drop // answering answers makes loops
	}
	// One question, no answer, no authority, at most one other record, and no flags or opcodes but these.
	if q.flags&^(flagRD|flagAD|flagCD) != 0 || binary.BigEndian.Uint64(b[4:])&^1 != 1<<48 {
		return pass
	}
	at := q.readName(b)
	if at == 0 || len(b) < at+questionEnd || binary.BigEndian.Uint16(b[at+2:]) != classIN {
		return pass
	}
	q.qtype = binary.BigEndian.Uint16(b[at:])
	rest := b[at+questionEnd:]
	q.edns, q.size, q.bits, q.cookie = false, 0, 0, nil
	if b[11] == 0 {
		if len(rest) != 0 {
			return pass
		}
		return ours
	}
	return q.readOPT(rest)
}

// readName reads the question's name and says where it ends; 0 if it is compressed or damaged.
func (q *query) readName(b []byte) int {
	i := headerLen
	for i < len(b) && i < headerLen+maxName {
		n := int(b[i])
		if n == 0 {
			i++
			q.asked = b[headerLen:i]
			for j, c := range q.asked {
				if 'A' <= c && c <= 'Z' { // length bytes are below
					c += 'a' - 'A'
				}
				q.lower[j] = c
			}
			return i
		}
		if n > maxLabel {
			return 0
		}
		i += 1 + n
	}
	return 0
}

// readOPT reads the additional record, which must be a whole OPT record of version 0 and the packet's end.
func (q *query) readOPT(b []byte) fate {
	if len(b) < optLen || b[0] != 0 || binary.BigEndian.Uint16(b[1:]) != typeOPT {
		return pass
	}
	// Behind type and size come the extended rcode and the version, then the flags.
	if binary.BigEndian.Uint16(b[5:]) != 0 || int(binary.BigEndian.Uint16(b[9:])) != len(b)-optLen {
		return pass
	}
	q.edns, q.size, q.bits = true, binary.BigEndian.Uint16(b[3:]), binary.BigEndian.Uint16(b[7:])&0xff00
	for options := b[optLen:]; len(options) > 0; {
		if len(options) < 4 {
			return pass
		}
		code, n := binary.BigEndian.Uint16(options), int(binary.BigEndian.Uint16(options[2:]))
		if len(options) < 4+n {
			return pass
		}
		switch {
		case code == optionCookie && q.cookie == nil:
			q.cookie = options[4 : 4+n : 4+n]
		case code == optionCookie, code == optionPadding:
		default:
			return pass // CoreDNS looks into it
		}
		options = options[4+n:]
	}
	return ours
}
