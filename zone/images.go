package zone

import (
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"failoverdns/record"
)

// Images are all zones that a Set served at one moment. The zero value is none.
type Images struct {
	root *iradix.Node[*Image] // by state.ZoneKey
}

// Find is the zone that a name belongs to: the longest one served that is the name or stands above it, by whole
// labels. It is nil if there is none.
func (all Images) Find(name record.Name) *Image {
	if all.root == nil {
		return nil
	}
	// Every label ends in a zero byte within a key, so the longest prefix is the longest match by labels.
	var b [2 * maxName]byte // so that a search allocates nothing
	_, im, _ := all.root.LongestPrefix(name.AppendKey(b[:0]))
	return im
}

// FindFor is Find for a question: a zone's DS is its parent's to answer, where that is served too (RFC 4035 section
// 3.1.4.1).
func (all Images) FindFor(name record.Name, t record.Type) *Image {
	im := all.Find(name)
	if t != record.DS || im == nil || im.Zone() != name {
		return im
	}
	if parent, ok := name.Parent(); ok {
		if above := all.Find(parent); above != nil {
			return above
		}
	}
	return im
}

// FindWithin is FindFor among the zones that stand at a name or below it, for those who answer for these only.
func (all Images) FindWithin(top, name record.Name, t record.Type) *Image {
	if im := all.FindFor(name, t); im != nil && im.Zone().Under(top) {
		return im
	}
	if im := all.Find(name); im != nil && im.Zone().Under(top) {
		return im
	}
	return nil
}

// reach says whether a zone stands at a name or below it.
func (all Images) reach(name record.Name) (below bool) {
	if all.root == nil {
		return false
	}
	var b [2 * maxName]byte
	all.root.WalkPrefix(name.AppendKey(b[:0]), func([]byte, *Image) bool {
		below = true
		return true
	})
	return below
}
