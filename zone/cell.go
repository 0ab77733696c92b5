package zone

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"failoverdns/state"
)

// cell is what all names of a state.CellDecl answer now. It knows no owner: its names share it.
type cell struct {
	ttl   uint32   // seconds
	a     [][]byte // RDATA
	aaaa  [][]byte
	cname [][]byte // one, instead of addresses
}

// cellOf takes a cell's answer from its group. A cell that has none yet is empty.
func cellOf(g *state.Group, i int) *cell {
	c := &cell{ttl: g.Cells[i].TTL}
	if i >= len(g.Answers) {
		return c
	}
	if ans := g.Answers[i]; ans.Target != "" {
		c.cname = [][]byte{[]byte(ans.Target)}
	} else {
		c.a, c.aaaa = addresses(ans.A, 4), addresses(ans.AAAA, 16)
	}
	return c
}

// addresses are the addresses of one family, given by its length in bytes, without duplicates, in their order.
func addresses(all []netip.Addr, size int) [][]byte {
	var out [][]byte
	for i, a := range all {
		b := a.Unmap().AsSlice()
		if len(b) == size && !slices.Contains(all[:i], a) {
			out = append(out, b)
		}
	}
	return out
}

// data is the cell's records of a type; nil if it has none.
func (c *cell) data(t uint16) [][]byte {
	switch t {
	case dns.TypeA:
		return c.a
	case dns.TypeAAAA:
		return c.aaaa
	case dns.TypeCNAME:
		return c.cname
	}
	return nil
}
