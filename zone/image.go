package zone

import (
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

// Image is one zone at one version of the replicated state. It never changes.
type Image struct {
	tree     *tree
	cells    []*cell // what steered names answer now, by node.cell
	serial   uint32
	soa      [][]byte // one, RDATA
	ttl      uint32   // of the SOA, in seconds
	negative uint32   // of the SOA in negative answers: min(its TTL, MINIMUM) (RFC 2308 section 3)
	mark     Mark
}

// Zone is the zone's name.
func (im *Image) Zone() record.Name { return im.tree.apex.name }

// Serial is the SOA's serial.
func (im *Image) Serial() uint32 { return im.serial }

// Mark says how the zone is served.
func (im *Image) Mark() Mark { return im.mark }

// marked puts a mark on an image that nobody has seen yet.
func (im *Image) marked(m Mark) *Image {
	im.mark = m
	return im
}

// withheld says whether what a node would answer for a type is withheld: the type would come from its cell, or there is
// none of it. What stands in the zone file beside the steered addresses goes on.
func (im *Image) withheld(n *node, t uint16) bool {
	static := n.set(t) != nil || t == dns.TypeSOA && n == im.tree.apex
	return n.cell >= 0 && !static && slices.Contains(im.mark.Withheld, im.tree.owners[n.cell])
}

// newImage builds a zone's image from nothing.
func newImage(st *state.State, z *state.Zone) *Image {
	im := new(Image)
	b := newBuilder(z)
	for _, name := range z.Groups {
		g, ok := st.Groups.Get(name)
		if !ok {
			continue
		}
		b.groups[name] = len(im.cells)
		for i := range g.Cells {
			b.steer(g.Cells[i].Names, len(im.cells))
			im.cells = append(im.cells, cellOf(g, i))
			b.owners = append(b.owners, name)
		}
	}
	im.tree = b.build(z)
	im.stamp(z)
	return im
}

// stamp puts the SOA with the zone's serial in place.
func (im *Image) stamp(z *state.Zone) {
	im.serial, im.ttl, im.negative = z.Serial, z.SOA.TTL, min(z.SOA.TTL, z.SOA.Minimum)
	im.soa = [][]byte{soaData(z.SOA, z.Serial)}
}

// next is the image with some cells and names, and the serial, as the state has them now. It is not ok if the zone's
// shape is another one than this image's: then it must be built anew.
func (im *Image) next(st *state.State, z *state.Zone, c state.ZoneChange) (*Image, bool) {
	if im.tree.since != z.Since {
		return nil, false
	}
	flipped := &Image{tree: im.tree.with(z, c.Names), cells: im.cells}
	if len(c.Cells) > 0 {
		flipped.cells = slices.Clone(im.cells)
	}
	for _, ref := range c.Cells {
		g, ok := st.Groups.Get(ref.Group)
		first, known := im.tree.groups[ref.Group]
		if !ok || !known || ref.Cell < 0 || ref.Cell >= len(g.Cells) || first+ref.Cell >= len(im.cells) {
			return nil, false
		}
		flipped.cells[first+ref.Cell] = cellOf(g, ref.Cell)
	}
	flipped.stamp(z)
	return flipped, true
}

// soaData is the RDATA of a zone's SOA (RFC 1035 section 3.3.13).
func soaData(s state.SOA, serial uint32) []byte {
	b := append([]byte(s.MName), s.RName...)
	for _, v := range []uint32{serial, s.Refresh, s.Retry, s.Expire, s.Minimum} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func header(owner string, t uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: t, Class: dns.ClassINET, Ttl: ttl}
}

// data is the RDATA of a type at a node, and its TTL in seconds. Both are shared; nobody changes them.
func (im *Image) data(n *node, t uint16) (data [][]byte, ttl uint32) {
	if t == dns.TypeSOA && n == im.tree.apex {
		return im.soa, im.ttl
	}
	if n.cell >= 0 {
		if c := im.cells[n.cell]; c.data(t) != nil {
			return c.data(t), c.ttl
		}
	}
	if s := n.set(t); s != nil {
		return s.Data, s.TTL
	}
	return nil, 0
}

// records are the records of a type at a node, in the packet library's form.
func (im *Image) records(n *node, t uint16) []dns.RR {
	data, ttl := im.data(n, t)
	return toRecords(n.name.String(), record.Set{Type: record.Type(t), TTL: ttl, Data: data})
}
