package state

import (
	"iter"
	"strings"

	"github.com/tidwall/btree"
)

// Table is an immutable map in key order. The zero value is an empty table. With and Without give a changed copy that
// shares all else, at a cost that grows with the logarithm of the table's size.
//
// It is a B-tree that is copied on write: for a million record sets that takes a fifth of the memory of a radix tree.
type Table[V any] struct {
	tree *btree.Map[string, V] // never written once it is here
}

// degree bounds a node of the tree to 31 entries: what a change copies is one such node for each level.
const degree = 16

// Get finds a key.
func (t Table[V]) Get(key string) (V, bool) {
	if t.tree == nil {
		var zero V
		return zero, false
	}
	return t.tree.Get(key)
}

// Has says whether a key is there.
func (t Table[V]) Has(key string) bool {
	_, ok := t.Get(key)
	return ok
}

// Len counts the entries.
func (t Table[V]) Len() int {
	if t.tree == nil {
		return 0
	}
	return t.tree.Len()
}

// With is the table with a key set.
func (t Table[V]) With(key string, v V) Table[V] {
	tree := t.copied()
	tree.Set(key, v)
	return Table[V]{tree}
}

// WithAll is the table with many keys set at once; in key order it costs least.
func (t Table[V]) WithAll(rows iter.Seq2[string, V]) Table[V] {
	tree := t.copied()
	for key, v := range rows {
		tree.Load(key, v)
	}
	return Table[V]{tree}
}

// Without is the table with a key removed.
func (t Table[V]) Without(key string) Table[V] {
	if !t.Has(key) {
		return t
	}
	tree := t.copied()
	tree.Delete(key)
	return Table[V]{tree}
}

// copied is a tree that may be written, with the same entries.
func (t Table[V]) copied() *btree.Map[string, V] {
	if t.tree == nil {
		return btree.NewMap[string, V](degree)
	}
	own := *t.tree // Copy marks the tree that it copies too, and that one may be read by others just now
	return own.Copy()
}

// All walks the table in key order.
func (t Table[V]) All() iter.Seq2[string, V] { return t.Prefix("") }

// Prefix walks the keys that begin so, in order.
func (t Table[V]) Prefix(prefix string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if t.tree == nil {
			return
		}
		t.tree.Ascend(prefix, func(key string, v V) bool { return strings.HasPrefix(key, prefix) && yield(key, v) })
	}
}

// First is the least entry.
func (t Table[V]) First() (key string, v V, ok bool) {
	if t.tree == nil {
		return key, v, false
	}
	return t.tree.Min()
}

// Last is the greatest entry.
func (t Table[V]) Last() (key string, v V, ok bool) {
	if t.tree == nil {
		return key, v, false
	}
	return t.tree.Max()
}
