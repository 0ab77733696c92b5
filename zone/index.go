package zone

import (
	"hash/maphash"
	"math/bits"
	"slices"

	"failoverdns/record"
)

// owner is one edit: what it made itself it may change in place, since nobody else has seen it. (A type without a size
// would not do: all of its values may have one address.)
type owner struct{ _ byte }

// index finds nodes by name: a hash table in pages, of which an edit copies only those that it changes (Fagin et al.,
// Extendible Hashing, 1979). A search looks at its page's tags, then at one node. The zero value is empty.
type index struct {
	pages []*page // by the last bits of the hash; one page may stand at several places
	by    *owner  // of pages itself
}

// page is a table with linear probing, at most three quarters full.
type page struct {
	by    *owner
	bits  int // so many last bits of the hash lead to it
	count int
	tags  []uint8 // of the hash, by place; 0 where there is no node
	nodes []*node
}

const (
	leastPage = 8    // places
	mostPage  = 1024 // places: a large zone has about as many pages as a page has names
	mostBits  = 12   // more than some million names make pages larger instead of more
)

var seed = maphash.MakeSeed()

func hashOf(name record.Name) uint64 { return maphash.String(seed, string(name)) }

// indexOf is an index of nodes with different names, whose pages have their size from the start.
func indexOf(nodes []*node) (x index) {
	by, depth := new(owner), depthFor(len(nodes))
	for range 1 << depth {
		x.pages = append(x.pages, newPage(len(nodes)>>depth, depth, by))
	}
	x.by = by
	for _, n := range nodes {
		x.put(n, hashOf, by)
	}
	return x
}

// depthFor is by how many bits so many names are told apart, so that pages have a quarter to half of their places taken as
// long as there may be more pages.
func depthFor(names int) int { return min(bits.Len(uint(names)/(mostPage/2)), mostBits) }

// newPage is an empty page with room for some names.
func newPage(names, depth int, by *owner) *page {
	size := leastPage
	for full(names, size) {
		size *= 2
	}
	return &page{by: by, bits: depth, tags: make([]uint8, size), nodes: make([]*node, size)}
}

// full says whether so many names are too many for a page.
func full(names, places int) bool { return names*4 > places*3 }

// get is the node of a name, whose hash is given, or nil.
func (x *index) get(name record.Name, hash uint64) *node { return find(x, name, hash) }

// find is get for a name that may also stand in a buffer: it makes no copy of it.
func find[N record.Name | []byte](x *index, name N, hash uint64) *node {
	if len(x.pages) == 0 {
		return nil
	}
	p := x.pages[hash&uint64(len(x.pages)-1)]
	return p.nodes[at(p, name, hash)]
}

// at is a name's place in its page; if it is not there, the free one where it would be.
func at[N record.Name | []byte](p *page, name N, hash uint64) int {
	want := tag(hash)
	for i := p.home(hash); ; i = p.behind(i) {
		if p.tags[i] == 0 || p.tags[i] == want && string(p.nodes[i].name) == string(name) {
			return i
		}
	}
}

// tag is what a place tells of a hash: never 0.
func tag(hash uint64) uint8 { return uint8(hash>>56) | 1 }

// home is the place where the search for a hash begins.
func (p *page) home(hash uint64) int { return int(hash>>32) & (len(p.tags) - 1) }

// behind is the place where it goes on.
func (p *page) behind(i int) int { return (i + 1) & (len(p.tags) - 1) }

// put sets the node of a name.
func (x *index) put(n *node, hashes func(record.Name) uint64, by *owner) {
	if len(x.pages) == 0 {
		x.pages, x.by = []*page{newPage(1, 0, by)}, by
	}
	hash := hashes(n.name)
	p := x.mine(hash, by)
	for i := at(p, n.name, hash); p.tags[i] == 0 && full(p.count+1, len(p.tags)); i = at(p, n.name, hash) {
		x.widen(p, hash, hashes, by)
		p = x.mine(hash, by)
	}
	p.put(n, hash)
}

func (p *page) put(n *node, hash uint64) {
	i := at(p, n.name, hash)
	if p.tags[i] == 0 {
		p.count++
	}
	p.tags[i], p.nodes[i] = tag(hash), n
}

// widen makes a larger page of one, or two where it is as large as pages become.
func (x *index) widen(p *page, hash uint64, hashes func(record.Name) uint64, by *owner) {
	if len(p.tags) < mostPage || p.bits == mostBits {
		larger := newPage(p.count+len(p.tags)/2, p.bits, by)
		x.deal(p, hash, hashes, larger, larger)
		return
	}
	if 1<<p.bits == len(x.pages) {
		x.pages = slices.Concat(x.pages, x.pages)
	}
	x.deal(p, hash, hashes, newPage(p.count, p.bits+1, by), newPage(p.count, p.bits+1, by))
}

// deal puts two pages into the places of one that this hash leads to: even takes what has a 0 in the first bit of the
// hash that the page's names need not agree in.
func (x *index) deal(p *page, hash uint64, hashes func(record.Name) uint64, even, odd *page) {
	step := uint64(1) << p.bits
	choose := func(hash uint64) *page {
		if hash&step == 0 {
			return even
		}
		return odd
	}
	for i := hash & (step - 1); i < uint64(len(x.pages)); i += step {
		x.pages[i] = choose(i)
	}
	for _, n := range p.nodes {
		if n != nil {
			h := hashes(n.name)
			choose(h).put(n, h)
		}
	}
}

// drop takes a name out, if it is there. Pages never become smaller or fewer.
func (x *index) drop(name record.Name, hashes func(record.Name) uint64, by *owner) {
	hash := hashes(name)
	if x.get(name, hash) == nil {
		return
	}
	p := x.mine(hash, by)
	gap := at(p, name, hash)
	p.count--
	// What stands behind moves up, unless it would then stand before its home (Knuth, TAOCP 6.4, algorithm R).
	for i := p.behind(gap); p.tags[i] != 0; i = p.behind(i) {
		home := p.home(hashes(p.nodes[i].name))
		if p.distance(home, i) >= p.distance(gap, i) {
			p.tags[gap], p.nodes[gap] = p.tags[i], p.nodes[i]
			gap = i
		}
	}
	p.tags[gap], p.nodes[gap] = 0, nil
}

// distance is how far a search comes from one place to another.
func (p *page) distance(from, to int) int { return (to - from) & (len(p.tags) - 1) }

// mine is the page of a hash, which the edit may change.
func (x *index) mine(hash uint64, by *owner) *page {
	if x.by != by {
		x.pages, x.by = slices.Clone(x.pages), by
	}
	p := x.pages[hash&uint64(len(x.pages)-1)]
	if p.by == by {
		return p
	}
	c := &page{by: by, bits: p.bits, count: p.count, tags: slices.Clone(p.tags), nodes: slices.Clone(p.nodes)}
	for i, step := hash&(1<<p.bits-1), uint64(1)<<p.bits; i < uint64(len(x.pages)); i += step {
		x.pages[i] = c
	}
	return c
}
