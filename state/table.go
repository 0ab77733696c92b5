package state

import (
	"iter"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// Table is an immutable map in key order. The zero value is an empty table. With and Without give a changed copy that
// shares all else, at a cost that grows with the key's length and not with the table.
type Table[V any] struct {
	tree *iradix.Tree[V]
}

// Get finds a key.
func (t Table[V]) Get(key string) (V, bool) {
	if t.tree == nil {
		var zero V
		return zero, false
	}
	return t.tree.Get([]byte(key))
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
	tree := t.tree
	if tree == nil {
		tree = iradix.New[V]()
	}
	tree, _, _ = tree.Insert([]byte(key), v)
	return Table[V]{tree}
}

// WithAll is the table with many keys set at once.
func (t Table[V]) WithAll(rows iter.Seq2[string, V]) Table[V] {
	tree := t.tree
	if tree == nil {
		tree = iradix.New[V]()
	}
	txn := tree.Txn()
	for key, v := range rows {
		txn.Insert([]byte(key), v)
	}
	return Table[V]{txn.Commit()}
}

// Without is the table with a key removed.
func (t Table[V]) Without(key string) Table[V] {
	if t.tree == nil {
		return t
	}
	tree, _, _ := t.tree.Delete([]byte(key))
	return Table[V]{tree}
}

// All walks the table in key order.
func (t Table[V]) All() iter.Seq2[string, V] { return t.Prefix("") }

// Prefix walks the keys that begin so, in order.
func (t Table[V]) Prefix(prefix string) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if t.tree == nil {
			return
		}
		it := t.tree.Root().Iterator()
		it.SeekPrefix([]byte(prefix))
		for k, v, ok := it.Next(); ok; k, v, ok = it.Next() {
			if !yield(string(k), v) {
				return
			}
		}
	}
}

// First is the least entry.
func (t Table[V]) First() (string, V, bool) {
	for k, v := range t.All() {
		return k, v, true
	}
	var zero V
	return "", zero, false
}

// Last is the greatest entry.
func (t Table[V]) Last() (string, V, bool) {
	var zero V
	if t.tree == nil {
		return "", zero, false
	}
	k, v, ok := t.tree.Root().Maximum()
	return string(k), v, ok
}
