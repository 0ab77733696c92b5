package failover

import (
	"errors"

	"github.com/coredns/coredns/plugin/transfer"
	"github.com/miekg/dns"

	"failoverdns/record"
)

// batch is how many records travel in one piece; the plugin transfer packs them into messages itself.
const batch = 256

// Transfer implements transfer.Transferer: the zone with its present answers, or its SOA alone where the secondary's
// serial is the present one. It is refused while this node has answers of its own, for they have no serial. All pieces
// are in the channel when it returns, so a secondary that goes away leaves no goroutine behind; the records are shared
// with the image.
func (f *Failover) Transfer(zoneName string, serial uint32) (<-chan []dns.RR, error) {
	n, err := record.ParseName(zoneName)
	if err != nil || !n.Under(f.zone) {
		return nil, transfer.ErrNotAuthoritative
	}
	image := f.images().FindWithin(f.zone, n, record.SOA)
	switch {
	case !f.answers():
		return nil, errors.New("this node is a witness: it answers nothing, and transfers no zone")
	case image == nil && n == f.zone && f.declared:
		return nil, errors.New("the zone " + n.Bare() + " is not in the cluster's state yet")
	case image == nil || image.Zone() != n:
		return nil, transfer.ErrNotAuthoritative
	case image.Mark().Local:
		return nil, errors.New("the zone " + n.Bare() + " has answers of this node's own for now, which its serial does not tell; transfer it from another node")
	}
	var pieces [][]dns.RR
	for rr := range image.Transfer(serial) {
		if last := len(pieces) - 1; last >= 0 && len(pieces[last]) < batch {
			pieces[last] = append(pieces[last], rr)
			continue
		}
		pieces = append(pieces, []dns.RR{rr})
	}
	ch := make(chan []dns.RR, len(pieces))
	for _, p := range pieces {
		ch <- p
	}
	close(ch)
	return ch, nil
}
