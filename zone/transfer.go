package zone

import (
	"iter"

	"github.com/miekg/dns"
)

// Transfer walks the records for a secondary that has a serial, 0 for none (no serial here is 0). It is the whole zone
// with its current answers, the SOA first and last (RFC 5936 section 2.2), or the SOA alone where the secondary has
// this version or a later one (RFC 1995 section 2, RFC 1982).
func (im *Image) Transfer(serial uint32) iter.Seq[dns.RR] {
	return func(yield func(dns.RR) bool) {
		soa := im.records(im.tree.apex, dns.TypeSOA)[0]
		if !yield(soa) {
			return
		}
		if serial != 0 && int32(serial-im.serial) >= 0 {
			return
		}
		for n := range im.tree.order.all() {
			for _, rr := range im.all(n) {
				if !yield(rr) {
					return
				}
			}
		}
		yield(soa)
	}
}

// all is every record of a node but the SOA.
func (im *Image) all(n *node) []dns.RR {
	var rrs []dns.RR
	if n.cell >= 0 {
		for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME} {
			if im.cells[n.cell].data(t) != nil {
				rrs = append(rrs, im.records(n, t)...)
			}
		}
	}
	owner := n.name.String()
	for _, s := range n.sets {
		rrs = append(rrs, toRecords(owner, *s)...)
	}
	return rrs
}
