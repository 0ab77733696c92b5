package failover

import (
	"maps"
	"slices"
	"strings"
)

// property says how one property of a T is written and read.
type property[T any] struct {
	usage  string // as the documents write it
	least  int    // words behind the property's name
	most   int    // likewise; many for any number
	repeat bool   // several lines of it add up
	block  braces
	read   func(*T, *line) error
}

// many is a property's most words when there is no bound.
const many = -1

// braces says whether a property opens a block.
type braces int

const (
	noBlock braces = iota
	mayBlock
	mustBlock
)

// readBlock reads the lines of one block into t by a table. what names the block in errors.
func readBlock[T any](t *T, what string, lines []*line, table map[string]property[T]) error {
	first := map[string]*line{}
	for _, l := range lines {
		p, known := table[l.word()]
		if !known {
			return l.errorf("%s", unknownWord(l.word(), what, slices.Sorted(maps.Keys(table))))
		}
		if f := first[l.word()]; f != nil && !p.repeat {
			return l.errorf("%q is given twice in %s, first at %s; keep one of the lines", l.word(), what, f.at())
		}
		first[l.word()] = l
		if err := p.fits(l); err != nil {
			return err
		}
		if err := p.read(t, l); err != nil {
			return err
		}
	}
	return nil
}

// fits compares a line's shape with what its property wants.
func (p property[T]) fits(l *line) error {
	n := len(l.args())
	switch {
	case n < p.least:
		return l.errorf("%q lacks a value; write: %s", l.word(), p.usage)
	case p.most != many && n > p.most:
		return l.errorf("%q has a word too many, %q; write: %s", l.word(), l.args()[p.most], p.usage)
	case l.open && p.block == noBlock:
		return l.errorf("%q opens no block; write: %s", l.word(), p.usage)
	case !l.open && p.block == mustBlock:
		return l.errorf("%q needs a block; write: %s", l.word(), p.usage)
	}
	return nil
}

// unknownWord says that a word is not known here, with the nearest one that is.
func unknownWord(word, what string, known []string) string {
	return "unknown property \"" + word + "\" in " + what + didYouMean(word, known) + " (known here: " + strings.Join(known, ", ") + ")"
}

// didYouMean proposes the nearest known word, if one is near.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return ": did you mean \"" + near + "\"?"
	}
	return ""
}

// nearest is the known word with the least edit distance, or "" where none is near: more than a third of the letters
// differ, and more than two.
func nearest(word string, known []string) string {
	best, distance := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := editDistance(word, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that lead from a to b (optimal
// string alignment).
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return len(a) + len(b) // no property is so long
	}
	var d [65][65]int
	for i := range len(a) + 1 {
		d[i][0] = i
	}
	for j := range len(b) + 1 {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
