package zone

import (
	"slices"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

// Image is one zone at one version of the replicated state. It never changes.
type Image struct {
	tree     *tree
	cells    []*cell // what steered names answer now, by node.cell
	soa      *dns.SOA
	negative *dns.SOA // the SOA of negative answers: its TTL is min(SOA TTL, MINIMUM) (RFC 2308 section 3)
	mark     Mark
}

// Zone is the zone's name.
func (im *Image) Zone() record.Name { return im.tree.apex.name }

// Serial is the SOA's serial.
func (im *Image) Serial() uint32 { return im.soa.Serial }

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
	t := newTree(z.Name, z.Since)
	im := &Image{tree: t}
	for _, name := range z.Groups {
		g, ok := st.Groups.Get(name)
		if !ok {
			continue
		}
		t.groups[name] = len(im.cells)
		for i := range g.Cells {
			t.steer(g.Cells[i].Names, len(im.cells))
			im.cells = append(im.cells, cellOf(g, i))
			t.owners = append(t.owners, name)
		}
	}
	for _, set := range z.Sets.All() {
		t.plant(*set)
	}
	t.finish()
	im.stamp(z)
	return im
}

// stamp puts the SOA with the zone's serial in place.
func (im *Image) stamp(z *state.Zone) {
	im.soa = soaRecord(z.Name, z.SOA, z.Serial)
	neg := *im.soa
	neg.Hdr.Ttl = min(z.SOA.TTL, z.SOA.Minimum)
	im.negative = &neg
}

// flip is the image with some cells, and the serial, as the state has them now. It is not ok if the zone's shape is
// another one than this image's: then it must be built anew.
func (im *Image) flip(st *state.State, z *state.Zone, refs []state.CellRef) (*Image, bool) {
	if im.tree.since != z.Since {
		return nil, false
	}
	flipped := &Image{tree: im.tree, cells: slices.Clone(im.cells)}
	for _, ref := range refs {
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

// soaRecord is a zone's SOA record.
func soaRecord(zone record.Name, s state.SOA, serial uint32) *dns.SOA {
	return &dns.SOA{
		Hdr:     header(zone.String(), dns.TypeSOA, s.TTL),
		Ns:      s.MName.String(),
		Mbox:    s.RName.String(),
		Serial:  serial,
		Refresh: s.Refresh,
		Retry:   s.Retry,
		Expire:  s.Expire,
		Minttl:  s.Minimum,
	}
}

func header(owner string, t uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: t, Class: dns.ClassINET, Ttl: ttl}
}

// records are the records of a type at a node, owned by owner: the name that was asked for, in its own case. The slice
// is the caller's.
func (im *Image) records(n *node, t uint16, owner string) []dns.RR {
	if t == dns.TypeSOA && n == im.tree.apex {
		return owned([]dns.RR{im.soa}, owner)
	}
	if n.cell >= 0 {
		if rrs := im.cells[n.cell].records(t, owner); rrs != nil {
			return rrs
		}
	}
	if s := n.set(t); s != nil {
		return owned(s.records, owner)
	}
	return nil
}

// owned is the records with another owner: they are copied where it differs.
func owned(rrs []dns.RR, owner string) []dns.RR {
	out := slices.Clone(rrs)
	for i, rr := range out {
		if rr.Header().Name != owner {
			out[i] = dns.Copy(rr)
			out[i].Header().Name = owner
		}
	}
	return out
}

// alias is where a node's CNAME leads, static or steered.
func (im *Image) alias(n *node) (target record.Name, ok bool) {
	if n.cell >= 0 && im.cells[n.cell].target != "" {
		return im.cells[n.cell].target, true
	}
	if s := n.set(dns.TypeCNAME); s != nil {
		return s.targets[0], true
	}
	return "", false
}
