package main

import (
	"fmt"
	"io"
	"strings"
)

// redraw draws each view over the one before, in place.
type redraw struct {
	out    io.Writer
	size   func() (width, height int)
	colour bool
	height int // of the frame that stands on the terminal
}

func (r *redraw) frame(v view) {
	p := painter(r.colour)
	_, height := r.size()
	var b strings.Builder
	fmt.Fprintf(&b, "  %s\n\n", p.paint(bold, v.Stage))
	p.tables(&b, v)
	fmt.Fprintf(&b, "\n  %s\n", p.paint(dim, "TIMELINE"))
	used := strings.Count(b.String(), "\n") + 1 // the cursor's line
	for _, n := range v.Notes[max(0, len(v.Notes)-max(3, height-used)):] {
		b.WriteString(p.note(n) + "\n")
	}
	r.put(b.String())
}

func (r *redraw) last(v view) { r.frame(v) }

// put goes up to where the last frame began and writes this one over it. Lines do not wrap meanwhile (DECAWM), so that
// a line is a line on narrow terminals too.
func (r *redraw) put(frame string) {
	up := ""
	if r.height > 0 {
		up = fmt.Sprintf("\x1b[%dA", r.height)
	}
	r.height = strings.Count(frame, "\n")
	fmt.Fprint(r.out, "\x1b[?7l"+up+strings.ReplaceAll(frame, "\n", "\x1b[K\n")+"\x1b[J\x1b[?7h")
}
