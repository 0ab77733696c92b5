// Package zone holds zones ready to serve, and answers questions from them.
//
// A Set is what a node serves now: one atomic pointer over the images of all zones. An Image is the immutable form of
// one zone at one version of the replicated state. All names of the zone stand in one tree; a steered name only
// points to a cell, the answer that it shares with all names of equal sites, addresses, type and TTL. So a flip makes
// a new Image that shares the tree and replaces cells: its cost grows neither with the zone nor with the names that
// move, and nobody sees half of it. A change of dynamic record sets makes a tree that shares all names but those
// changed: its cost does not grow with the zone either.
//
// Promised to those who ask: Images, Find and Respond take no lock, do no I/O and never wait; an Image that is held answers
// as it did when it was taken; a reply of Respond is the caller's own. An Answerer says the same in wire form.
//
// Demanded of the owner: Update, Load and Mark are called by one goroutine at a time, in log order.
//
// The package also reads zone files and makes the zone of the `nameserver` form. It decides nothing about health: what
// a steered name answers is in the state.
package zone

import (
	"iter"
	"slices"
	"sync/atomic"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"failoverdns/record"
	"failoverdns/state"
)

// Set is the zones that a node serves. Readers may use it from any goroutine; Update, Load and Mark belong to the owner.
type Set struct {
	images atomic.Pointer[iradix.Tree[*Image]] // by state.ZoneKey
	marks  map[string]Mark                     // of the images to come, by state.ZoneKey
}

// Mark says how a zone is served while the cluster cannot speak for its answers. The zero value is the common case.
type Mark struct {
	Withheld []string // groups whose names get SERVFAIL, so that resolvers ask another name server; in order
	Local    bool     // answers or none, they are this node's alone: nobody may copy the zone under its serial
}

// Equal says whether two marks say the same.
func (m Mark) Equal(o Mark) bool { return m.Local == o.Local && slices.Equal(m.Withheld, o.Withheld) }

// NewSet is a set without zones.
func NewSet() *Set {
	s := new(Set)
	s.images.Store(iradix.New[*Image]())
	return s
}

// Mark sets how zones are served, by state.ZoneKey, from the next Load or Update of a zone on.
func (s *Set) Mark(marks map[string]Mark) { s.marks = marks }

// Load takes over all zones of a state and forgets all others.
func (s *Set) Load(st *state.State) {
	txn := iradix.New[*Image]().Txn()
	for key, z := range st.Zones.All() {
		txn.Insert([]byte(key), newImage(st, z).marked(s.marks[key]))
	}
	s.images.Store(txn.Commit())
}

// Update brings the named zones to a state's version, all of them in one swap. The changes are those of the command
// that led to the state; the set must have been brought to the state before it.
func (s *Set) Update(st *state.State, changes []state.ZoneChange) {
	if len(changes) == 0 {
		return
	}
	txn := s.images.Load().Txn()
	for _, c := range changes {
		key := []byte(c.Zone)
		z, ok := st.Zones.Get(c.Zone)
		if !ok {
			txn.Delete(key)
			continue
		}
		old, _ := txn.Get(key)
		txn.Insert(key, next(old, st, z, c).marked(s.marks[c.Zone]))
	}
	s.images.Store(txn.Commit())
}

// next is a zone's image after a change; old is nil for a new zone.
func next(old *Image, st *state.State, z *state.Zone, c state.ZoneChange) *Image {
	if old != nil && !c.Whole {
		if im, ok := old.next(st, z, c); ok {
			return im
		}
	}
	return newImage(st, z)
}

// Images are the zones of one moment, so that all of an answer speaks of the same one.
func (s *Set) Images() Images { return Images{s.images.Load().Root()} }

// Find is Images.Find of now.
func (s *Set) Find(name record.Name) *Image { return s.Images().Find(name) }

// FindFor is Images.FindFor of now.
func (s *Set) FindFor(name record.Name, t record.Type) *Image { return s.Images().FindFor(name, t) }

// All walks the zones in canonical order (RFC 4034 section 6.1).
func (s *Set) All() iter.Seq[*Image] {
	root := s.images.Load().Root()
	return func(yield func(*Image) bool) {
		it := root.Iterator()
		for _, im, ok := it.Next(); ok; _, im, ok = it.Next() {
			if !yield(im) {
				return
			}
		}
	}
}
