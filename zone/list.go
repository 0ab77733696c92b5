package zone

import (
	"iter"
	"slices"

	"failoverdns/record"
)

// list holds nodes in canonical order (RFC 4034 section 6.1), in chunks, of which an edit copies only those that it
// changes. The zero value is empty; no chunk ever is.
type list struct {
	chunks []*chunk
	by     *owner // of chunks itself
}

type chunk struct {
	by    *owner
	nodes []*node
}

// chunkSize is about the square root of a large zone's names: so neither a chunk nor the list of chunks costs much to
// copy.
const chunkSize = 512

// listOf is a list of nodes that are in order.
func listOf(nodes []*node) list {
	l := list{}
	for part := range slices.Chunk(nodes, chunkSize) {
		l.chunks = append(l.chunks, &chunk{nodes: slices.Clone(part)})
	}
	return l
}

// find says where a name is, or else would be: in which chunk, at which place there. Behind the last of a chunk counts
// as in it.
func (l *list) find(name record.Name) (c, i int, ok bool) {
	c, ok = slices.BinarySearchFunc(l.chunks, name, func(x *chunk, name record.Name) int {
		return record.Compare(x.nodes[0].name, name)
	})
	if ok {
		return c, 0, true
	}
	c = max(0, c-1)
	if len(l.chunks) == 0 {
		return 0, 0, false
	}
	i, ok = slices.BinarySearchFunc(l.chunks[c].nodes, name, func(n *node, name record.Name) int {
		return record.Compare(n.name, name)
	})
	return c, i, ok
}

// put sets the node of a name.
func (l *list) put(n *node, by *owner) {
	c, i, ok := l.find(n.name)
	l.own(by)
	if len(l.chunks) == 0 {
		l.chunks = []*chunk{{by: by, nodes: []*node{n}}}
		return
	}
	x := l.mine(c, by)
	if ok {
		x.nodes[i] = n
		return
	}
	x.nodes = slices.Insert(x.nodes, i, n)
	if len(x.nodes) > 2*chunkSize {
		half := &chunk{by: by, nodes: slices.Clone(x.nodes[chunkSize:])}
		x.nodes = slices.Clone(x.nodes[:chunkSize])
		l.chunks = slices.Insert(l.chunks, c+1, half)
	}
}

// drop takes a name out, if it is there.
func (l *list) drop(name record.Name, by *owner) {
	c, i, ok := l.find(name)
	if !ok {
		return
	}
	l.own(by)
	x := l.mine(c, by)
	if x.nodes = slices.Delete(x.nodes, i, i+1); len(x.nodes) == 0 {
		l.chunks = slices.Delete(l.chunks, c, c+1)
	}
}

// own makes the list of chunks one that an edit may change.
func (l *list) own(by *owner) {
	if l.by != by {
		l.chunks, l.by = slices.Clone(l.chunks), by
	}
}

func (l *list) mine(c int, by *owner) *chunk {
	x := l.chunks[c]
	if x.by != by {
		x = &chunk{by: by, nodes: slices.Clone(x.nodes)}
		l.chunks[c] = x
	}
	return x
}

// all walks the nodes in order.
func (l list) all() iter.Seq[*node] { return l.from(0, 0) }

// below walks the nodes of the names below a name, parents before children.
func (l list) below(name record.Name) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		c, i, ok := l.find(name)
		if ok {
			i++
		}
		for n := range l.from(c, i) {
			if !n.name.Under(name) || !yield(n) {
				return
			}
		}
	}
}

func (l list) from(c, i int) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for ; c < len(l.chunks); c, i = c+1, 0 {
			for _, n := range l.chunks[c].nodes[min(i, len(l.chunks[c].nodes)):] {
				if !yield(n) {
					return
				}
			}
		}
	}
}
