package main

import (
	"fmt"
	"io"
	"time"
)

// settle is how old a note must be to be written: by then those before it in time have come.
const settle = 500 * time.Millisecond

// lines writes what is new as lines of a log: each stage, each note, and the tables at the end of each stage.
type lines struct {
	out     io.Writer
	before  view
	written map[int]bool // notes, by ID
	stage   string
}

func (l *lines) frame(v view) { l.write(v, time.Now().Add(-settle)) }

func (l *lines) last(v view) {
	l.write(v, time.Now())
	if v.known() {
		painter(false).tables(l.out, v)
	}
}

// write writes notes up to a time. A stage comes before the notes that are newer than it.
func (l *lines) write(v view, until time.Time) {
	if v.Stage != l.stage {
		if l.before.known() {
			painter(false).tables(l.out, l.before)
		}
		fmt.Fprintf(l.out, "\n* %s\n", v.Stage)
		l.stage = v.Stage
	}
	for _, n := range v.Notes {
		if !l.written[n.ID] && !n.At.After(until) {
			fmt.Fprintln(l.out, painter(false).note(n))
			l.written[n.ID] = true
		}
	}
	l.before = v
}
