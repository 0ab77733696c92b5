package zone

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

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
	h := rr.Header()
	name, err := record.ParseName(h.Name)
	if err != nil {
		return record.Set{}, err
	}
	data, err := rdata(rr)
	if err != nil {
		return record.Set{}, fmt.Errorf("the data of this %s record cannot be written: %w", dns.Type(h.Rrtype), err)
	}
	return record.Set{Name: name, Type: record.Type(h.Rrtype), TTL: h.Ttl, Data: [][]byte{data}}, nil
}

// rdata is a record's data in uncompressed wire form.
func rdata(rr dns.RR) ([]byte, error) {
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

// targetOf is the name that a record points to, for those types whose answers depend on it.
func targetOf(rr dns.RR) (record.Name, bool) {
	var s string
	switch rr := rr.(type) {
	case *dns.CNAME:
		s = rr.Target
	case *dns.DNAME:
		s = rr.Target
	case *dns.NS:
		s = rr.Ns
	case *dns.MX:
		s = rr.Mx
	case *dns.SRV:
		s = rr.Target
	case *dns.SVCB:
		s = rr.Target
	case *dns.HTTPS:
		s = rr.Target
	default:
		return "", false
	}
	name, err := record.ParseName(s)
	return name, err == nil
}
