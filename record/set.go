package record

import (
	"fmt"
	"net/netip"
	"slices"
)

// Type is a record type number (RFC 1035 section 3.2.2 and IANA's registry).
type Type uint16

// The types that rules here or above speak of by name; any other is kept and served all the same.
const (
	A     Type = 1
	NS    Type = 2
	CNAME Type = 5
	SOA   Type = 6
	PTR   Type = 12
	MX    Type = 15
	TXT   Type = 16
	KEY   Type = 25
	AAAA  Type = 28
	SRV   Type = 33
	DNAME Type = 39
	DS    Type = 43
	RRSIG Type = 46
	NSEC  Type = 47
	SVCB  Type = 64
	HTTPS Type = 65
	CAA   Type = 257
)

var typeNames = map[Type]string{
	A: "A", NS: "NS", CNAME: "CNAME", SOA: "SOA", PTR: "PTR", MX: "MX", TXT: "TXT", KEY: "KEY", AAAA: "AAAA",
	SRV: "SRV", DNAME: "DNAME", DS: "DS", RRSIG: "RRSIG", NSEC: "NSEC", SVCB: "SVCB", HTTPS: "HTTPS", CAA: "CAA",
}

// String is the type's mnemonic, or TYPEnnn (RFC 3597 section 5).
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("TYPE%d", uint16(t))
}

// Set is a record set (RFC 2181 section 5): all records of one owner and type, with one TTL in seconds. Data holds
// each record's RDATA in uncompressed wire form, without duplicates.
type Set struct {
	Name Name     `json:"name"`
	Type Type     `json:"type"`
	TTL  uint32   `json:"ttl"`
	Data [][]byte `json:"data"`
}

// AddressSets makes the A and AAAA sets of a name from addresses; a family without addresses gives no set.
func AddressSets(name Name, ttl uint32, addresses []netip.Addr) []Set {
	var v4, v6 [][]byte
	for _, a := range addresses {
		if a = a.Unmap(); a.Is4() {
			v4 = append(v4, a.AsSlice())
		} else {
			v6 = append(v6, a.AsSlice())
		}
	}
	var sets []Set
	if v4 != nil {
		sets = append(sets, Set{name, A, ttl, Dedup(v4)})
	}
	if v6 != nil {
		sets = append(sets, Set{name, AAAA, ttl, Dedup(v6)})
	}
	return sets
}

// Dedup drops repeated records and keeps the order of the first ones (RFC 2181 section 5).
func Dedup(data [][]byte) [][]byte {
	out := make([][]byte, 0, len(data))
	seen := make(map[string]bool, len(data))
	for _, d := range data {
		if !seen[string(d)] {
			seen[string(d)] = true
			out = append(out, d)
		}
	}
	return out
}

// CheckBeside says whether record sets of these types may stand at one name; apex tells that it is the zone's own.
// The rules: RFC 1034 section 3.6.2 and RFC 4035 section 2.5 (CNAME), RFC 6672 section 2.4 (DNAME), RFC 1035
// section 5.2 (SOA), RFC 4035 section 2.4 (DS).
func CheckBeside(types []Type, apex bool) error {
	has := func(t Type) bool { return slices.Contains(types, t) }
	if has(CNAME) {
		for _, t := range types {
			switch t {
			case CNAME, RRSIG, NSEC, KEY:
			default:
				return fmt.Errorf("a CNAME allows no %s beside it (RFC 1034 section 3.6.2)", t)
			}
		}
		if apex {
			return fmt.Errorf("a CNAME cannot stand at the zone's own name, where SOA and NS are (RFC 1034 section 3.6.2)")
		}
	}
	switch {
	case has(SOA) && !apex:
		return fmt.Errorf("an SOA belongs to the zone's own name only (RFC 1035 section 5.2)")
	case has(DS) && apex:
		return fmt.Errorf("a DS belongs to the parent zone, not to the zone's own name (RFC 4035 section 2.4)")
	case has(DS) && !has(NS):
		return fmt.Errorf("a DS needs an NS beside it (RFC 4035 section 2.4)")
	case has(DNAME) && has(NS) && !apex:
		return fmt.Errorf("a DNAME cannot stand beside the NS of a delegation (RFC 6672 section 2.4)")
	}
	return nil
}

// CheckSet says whether one set is well formed by itself: it has data, and no more of them than its type allows.
func CheckSet(s Set) error {
	switch {
	case len(s.Data) == 0:
		return fmt.Errorf("%s %s has no records", s.Name, s.Type)
	case len(s.Data) > 1 && (s.Type == CNAME || s.Type == DNAME || s.Type == SOA):
		return fmt.Errorf("%s has %d %s records; one is all that is allowed (RFC 2181 section 10.1, RFC 6672 section 2.4)", s.Name, len(s.Data), s.Type)
	case s.TTL > 1<<31-1:
		return fmt.Errorf("%s %s has a TTL of %d s; the greatest is 2147483647 (RFC 2181 section 8)", s.Name, s.Type, s.TTL)
	}
	return nil
}
