package zone

import (
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

// cell is what all names of a state.CellDecl answer now. It knows no owner: its names share it.
type cell struct {
	ttl    uint32 // seconds
	a      []net.IP
	aaaa   []net.IP
	target record.Name // instead of addresses
	cname  string      // target, in presentation form
}

// cellOf takes a cell's answer from its group. A cell that has none yet is empty.
func cellOf(g *state.Group, i int) *cell {
	c := &cell{ttl: g.Cells[i].TTL}
	if i >= len(g.Answers) {
		return c
	}
	if ans := g.Answers[i]; ans.Target != "" {
		c.target, c.cname = ans.Target, ans.Target.String()
	} else {
		c.a, c.aaaa = addresses(ans.A, 4), addresses(ans.AAAA, 16)
	}
	return c
}

// addresses are the addresses of one family, given by its length in bytes, without duplicates, in their order.
func addresses(all []netip.Addr, size int) []net.IP {
	var out []net.IP
	for i, a := range all {
		b := a.Unmap().AsSlice()
		if len(b) == size && !slices.Contains(all[:i], a) {
			out = append(out, b)
		}
	}
	return out
}

// records are the cell's records of a type under an owner; nil if it has none.
func (c *cell) records(t uint16, owner string) []dns.RR {
	switch {
	case t == dns.TypeA && len(c.a) > 0:
		rrs := make([]dns.RR, len(c.a))
		for i, ip := range c.a {
			rrs[i] = &dns.A{Hdr: header(owner, t, c.ttl), A: ip}
		}
		return rrs
	case t == dns.TypeAAAA && len(c.aaaa) > 0:
		rrs := make([]dns.RR, len(c.aaaa))
		for i, ip := range c.aaaa {
			rrs[i] = &dns.AAAA{Hdr: header(owner, t, c.ttl), AAAA: ip}
		}
		return rrs
	case t == dns.TypeCNAME && c.target != "":
		return []dns.RR{&dns.CNAME{Hdr: header(owner, t, c.ttl), Target: c.cname}}
	}
	return nil
}
