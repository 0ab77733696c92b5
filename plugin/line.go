package failover

import (
	"fmt"
	"strings"

	"github.com/coredns/caddy/caddyfile"
)

// line is one line of a failover block, with the lines of the block that it opens. Its first word is the property.
type line struct {
	file  string
	num   int
	words []string
	open  bool // it ends with "{"
	block []*line
}

func (l *line) word() string   { return l.words[0] }
func (l *line) args() []string { return l.words[1:] }

// at is where the line stands, for people.
func (l *line) at() string { return fmt.Sprintf("%s:%d", l.file, l.num) }

// errorf is an error that begins with where the line stands.
func (l *line) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", l.at(), fmt.Errorf(format, args...))
}

// maxNesting bounds the depth of blocks; the deepest that means anything is three.
const maxNesting = 8

// readLines builds the tree of lines from a dispenser's tokens. Caddy's NextBlock is not used: it takes the token
// after a property without a block for a child of that property.
func readLines(d *caddyfile.Dispenser) ([]*line, error) {
	top := &line{open: true}
	stack := []*line{top}
	for d.Next() {
		l := readLine(d)
		if len(l.words) == 1 && l.word() == "}" {
			if len(stack) == 1 {
				return nil, l.errorf("this } closes nothing")
			}
			stack = stack[:len(stack)-1]
			continue
		}
		if err := l.finish(); err != nil {
			return nil, err
		}
		parent := stack[len(stack)-1]
		parent.block = append(parent.block, l)
		if l.open {
			stack = append(stack, l)
		}
		if len(stack) > maxNesting {
			return nil, l.errorf("blocks are nested more than %d deep", maxNesting)
		}
	}
	if len(stack) > 1 {
		return nil, stack[len(stack)-1].errorf("the block of %q is not closed: a } is missing", stack[len(stack)-1].word())
	}
	return top.block, nil
}

// readLine takes the present token and all that stand on its line.
func readLine(d *caddyfile.Dispenser) *line {
	l := &line{file: d.File(), num: d.Line(), words: []string{d.Val()}}
	for d.NextArg() {
		l.words = append(l.words, d.Val())
	}
	return l
}

// finish takes off a "{" at the end, and refuses braces elsewhere and words that are empty.
func (l *line) finish() error {
	if last := len(l.words) - 1; l.words[last] == "{" {
		if last == 0 {
			return l.errorf("a { stands at the end of its property's line, not on a line of its own")
		}
		l.open, l.words = true, l.words[:last]
	}
	for i, w := range l.words {
		switch {
		case w == "" && i == 0:
			return l.errorf("a property's name is empty: is the environment variable set?")
		case w == "":
			return l.errorf("a value of %q is empty: is the environment variable set?", l.word())
		case w == "{":
			return l.errorf("nothing may follow a { on its line; put what stands behind it on lines of its own")
		case w == "}":
			return l.errorf("a } must stand on a line of its own; here it stands behind or in front of %q", strings.Join(l.others(i), " "))
		}
	}
	return nil
}

// others is the words without the one at i.
func (l *line) others(i int) []string {
	return append(append([]string(nil), l.words[:i]...), l.words[i+1:]...)
}
