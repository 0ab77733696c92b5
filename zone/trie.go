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

// trie finds nodes by name: a hash trie of which an edit copies only the way to what it changes (Bagwell, Ideal Hash
// Trees). The zero value is empty.
type trie struct{ root *branch }

// branch has a slot for each value of six bits of the hash that occurs. At the depth where the hash has no more bits it
// is a plain list.
type branch struct {
	by    *owner
	has   uint64
	slots []slot
}

// slot is a node, or the branch of all whose hashes agree so far.
type slot struct {
	node *node
	sub  *branch
}

const (
	digit   = 6                  // bits of a hash to a branch
	maxBits = 64 / digit * digit // beyond these a branch is a list
)

var seed = maphash.MakeSeed()

func hashOf(name record.Name) uint64 { return maphash.String(seed, string(name)) }

// get is the node of a name, whose hash is given, or nil.
func (t trie) get(name record.Name, hash uint64) *node { return find(t.root, name, hash) }

// find is get for a name that may also stand in a buffer: it makes no copy of it.
func find[N record.Name | []byte](b *branch, name N, hash uint64) *node {
	for shift := 0; b != nil; shift += digit {
		i, ok := at(b, name, hash, shift)
		if !ok {
			return nil
		}
		s := b.slots[i]
		if s.sub == nil {
			if string(s.node.name) == string(name) {
				return s.node
			}
			return nil
		}
		b = s.sub
	}
	return nil
}

// at is where a hash's slot is, or would be.
func at[N record.Name | []byte](b *branch, name N, hash uint64, shift int) (i int, ok bool) {
	if shift >= maxBits {
		for i := range b.slots {
			if string(b.slots[i].node.name) == string(name) {
				return i, true
			}
		}
		return len(b.slots), false
	}
	bit := uint64(1) << (hash >> shift & (1<<digit - 1))
	return bits.OnesCount64(b.has & (bit - 1)), b.has&bit != 0
}

// put sets the node of a name.
func (t *trie) put(n *node, hash func(record.Name) uint64, by *owner) {
	t.root = t.root.put(n, hash, 0, by)
}

func (b *branch) put(n *node, hashes func(record.Name) uint64, shift int, by *owner) *branch {
	b = b.mine(by)
	hash := hashes(n.name)
	i, ok := at(b, n.name, hash, shift)
	if !ok {
		b.slots = slices.Insert(b.slots, i, slot{node: n})
		b.toggle(hash, shift)
		return b
	}
	s := &b.slots[i]
	switch {
	case s.sub != nil:
		s.sub = s.sub.put(n, hashes, shift+digit, by)
	case s.node.name == n.name:
		s.node = n
	default:
		sub := (*branch)(nil).put(s.node, hashes, shift+digit, by)
		*s = slot{sub: sub.put(n, hashes, shift+digit, by)}
	}
	return b
}

// drop takes a name out, if it is there.
func (t *trie) drop(name record.Name, hash uint64, by *owner) {
	if t.get(name, hash) != nil {
		t.root = t.root.drop(name, hash, 0, by)
	}
}

// drop gives nil for a branch that is empty then.
func (b *branch) drop(name record.Name, hash uint64, shift int, by *owner) *branch {
	b = b.mine(by)
	i, _ := at(b, name, hash, shift)
	if sub := b.slots[i].sub; sub != nil {
		sub = sub.drop(name, hash, shift+digit, by)
		if len(sub.slots) > 1 || sub.slots[0].sub != nil {
			b.slots[i].sub = sub
			return b
		}
		b.slots[i] = sub.slots[0] // a branch for one node is none
		return b
	}
	b.slots = slices.Delete(b.slots, i, i+1)
	b.toggle(hash, shift)
	if len(b.slots) == 0 {
		return nil
	}
	return b
}

func (b *branch) toggle(hash uint64, shift int) {
	if shift < maxBits {
		b.has ^= 1 << (hash >> shift & (1<<digit - 1))
	}
}

// mine is a branch that an edit may change; of a nil one a new one.
func (b *branch) mine(by *owner) *branch {
	switch {
	case b == nil:
		return &branch{by: by}
	case b.by == by:
		return b
	}
	c := &branch{by: by, has: b.has, slots: make([]slot, len(b.slots), len(b.slots)+1)}
	copy(c.slots, b.slots)
	return c
}
