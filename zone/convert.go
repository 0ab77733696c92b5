package zone

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// toRecords makes the records of a set under an owner in presentation form. RDATA that the packet library cannot read
// is kept as it is, in the form of RFC 3597: it is served all the same.
func toRecords(owner string, set record.Set) []dns.RR {
	rrs := make([]dns.RR, len(set.Data))
	for i, data := range set.Data {
		h := header(owner, uint16(set.Type), set.TTL)
		h.Rdlength = uint16(len(data))
		rr, err := readData(h, data)
		if err != nil {
			rr = &dns.RFC3597{Hdr: h, Rdata: hex.EncodeToString(data)}
		}
		rrs[i] = rr
	}
	return rrs
}

// readData reads RDATA in wire form; h tells type and length.
func readData(h dns.RR_Header, data []byte) (dns.RR, error) {
	rr, _, err := dns.UnpackRRWithHeader(h, data, 0)
	return rr, err
}

// toSet makes a set of one record. It refuses what could not be served again as it came.
func toSet(rr dns.RR) (record.Set, error) {
	name, err := record.ParseName(rr.Header().Name)
	if err != nil {
		return record.Set{}, err
	}
	return setOf(name, rr)
}

// setOf is toSet for a record whose owner has been read.
func setOf(name record.Name, rr dns.RR) (record.Set, error) {
	h := rr.Header()
	data, err := rdata(rr)
	if err != nil {
		return record.Set{}, fmt.Errorf("the data of this %s record cannot be written: %w", dns.Type(h.Rrtype), err)
	}
	return record.Set{Name: name, Type: record.Type(h.Rrtype), TTL: h.Ttl, Data: [][]byte{data}}, nil
}

// rdata is a record's data in uncompressed wire form.
func rdata(rr dns.RR) ([]byte, error) {
	if a, ok := rr.(*dns.A); ok && a.A.To4() != nil { // most records of large zones
		return bytes.Clone(a.A.To4()), nil
	}
	rr = dns.Copy(rr) // packing writes to the header
	rr.Header().Name = "."
	wire, err := pack(rr, dns.Len(rr))
	if err != nil {
		// Len is an estimate; the greatest record decides.
		if wire, err = pack(rr, dns.MaxMsgSize+rootHeader); err != nil {
			return nil, err
		}
	}
	data := bytes.Clone(wire[rootHeader:])
	h := *rr.Header()
	h.Rdlength = uint16(len(data))
	if len(data) == 0 && !mayBeEmpty(h.Rrtype) {
		return nil, errors.New("it is empty")
	}
	if _, err := readData(h, data); err != nil {
		return nil, err
	}
	return data, nil
}

// rootHeader is the length of the root's record header: its name, type, class, TTL and length (RFC 1035 section 3.2.1).
const rootHeader = 1 + 2 + 2 + 4 + 2

func pack(rr dns.RR, size int) ([]byte, error) {
	buf := make([]byte, size)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	return buf[:n:n], err
}

// mayBeEmpty says whether a type allows empty RDATA: NULL (RFC 1035 section 3.3.10), APL (RFC 3123 section 4), and
// those that nobody here knows.
func mayBeEmpty(t uint16) bool {
	_, known := dns.TypeToRR[t]
	return !known || t == dns.TypeNULL || t == dns.TypeAPL
}

// pointsTo is the name in RDATA, in wire form and its own case, for those types whose answers depend on it; nil for
// others, and where there is none.
func pointsTo(t uint16, data []byte) []byte {
	at, whole := 0, true
	switch t {
	case dns.TypeCNAME, dns.TypeDNAME, dns.TypeNS:
	case dns.TypeMX:
		at = 2
	case dns.TypeSRV:
		at = 6
	case dns.TypeSVCB, dns.TypeHTTPS:
		at, whole = 2, false // parameters follow
	default:
		return nil
	}
	if len(data) < at {
		return nil
	}
	name := data[at:]
	for i := 0; i < len(name) && i < maxName; i += 1 + int(name[i]) {
		switch {
		case name[i] > maxLabel:
			return nil
		case name[i] == 0 && whole && i+1 != len(name):
			return nil
		case name[i] == 0:
			return name[:i+1]
		}
	}
	return nil
}

// Limits of names in wire form, in octets (RFC 1035 section 2.3.4).
const (
	maxName  = 255
	maxLabel = 63
)

// nameOf is a name in wire form and any case as a Name. One in lower case shares its memory with b, which therefore
// must never change.
func nameOf(b []byte) record.Name {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' { // length bytes are below
			out := slices.Clone(b)
			for j := i; j < len(out); j++ {
				if c := out[j]; 'A' <= c && c <= 'Z' {
					out[j] = c + ('a' - 'A')
				}
			}
			b = out
			break
		}
	}
	return record.Name(unsafe.String(unsafe.SliceData(b), len(b)))
}
