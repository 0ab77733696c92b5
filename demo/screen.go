package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// screen draws the board until it is closed.
type screen struct {
	board *board
	draw  drawer
	quit  chan struct{}
	done  chan struct{}
}

// drawer shows views, one after the other. last is the final one.
type drawer interface {
	frame(v view)
	last(v view)
}

// drawEvery is about as often as eyes want it.
const drawEvery = 100 * time.Millisecond

// newScreen redraws in place on a terminal, and writes lines to anything else.
func newScreen(out *os.File, b *board) *screen {
	s := &screen{board: b, quit: make(chan struct{}), done: make(chan struct{})}
	if term.IsTerminal(int(out.Fd())) && os.Getenv("TERM") != "dumb" {
		s.draw = &redraw{out: out, size: func() (int, int) { return sizeOf(out) }, colour: os.Getenv("NO_COLOR") == ""}
	} else {
		s.draw = &lines{out: out, written: map[int]bool{}}
	}
	go s.loop()
	return s
}

func sizeOf(out *os.File) (width, height int) {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width < 20 || height < 10 {
		return 80, 24
	}
	return width, height
}

func (s *screen) loop() {
	defer close(s.done)
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			s.draw.last(s.board.look())
			return
		case <-tick.C:
			s.draw.frame(s.board.look())
		}
	}
}

// close draws once more and ends.
func (s *screen) close() {
	close(s.quit)
	<-s.done
}

// colours of notes and words, as SGR parameters (ECMA-48 section 8.3.117).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// painter paints text, or leaves it as it is.
type painter bool

func (p painter) paint(sgr, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

func (p painter) word(text string) string {
	switch text {
	case "up":
		return p.paint(green, text)
	case "down":
		return p.paint(red, text)
	}
	return text
}

// tables writes the tables of nodes and sites.
func (p painter) tables(w io.Writer, v view) {
	fmt.Fprintf(w, "  %s\n", p.paint(dim, fmt.Sprintf("%-5s %-17s %-10s %-22s %-5s %s", "NODE", "ASKED AT", "ROLE", "ANSWERS WITH", "TTL", "SERIAL")))
	for _, n := range v.Nodes {
		ttl := "-"
		if n.TTL > 0 {
			ttl = fmt.Sprint(n.TTL)
		}
		fmt.Fprintf(w, "  %-5s %-17s %-10s %s %-5s %d\n", n.ID, n.At, orDash(n.Role), p.paint(bold, pad(v.named(n.Answer), 22)), ttl, n.Serial)
	}
	fmt.Fprintf(w, "\n  %s\n", p.paint(dim, fmt.Sprintf("%-7s %-10s %-12s %-8s %-8s %s", "SITE", "RANK", "ADDRESS", "PROCESS", "VERDICT", "EACH NODE'S VOTE AND LATEST PROBES")))
	for _, s := range v.Sites {
		process := p.paint(green, pad("runs", 8))
		switch {
		case s.Verdict == "": // nobody has looked yet
			process = pad("-", 8)
		case !s.Alive:
			process = p.paint(red, pad("dead", 8))
		}
		fmt.Fprintf(w, "  %-7s %-10s %-12s %s %s%s %s\n", s.Name, s.Rank, s.Address, process, p.word(orDash(s.Verdict)), gap(orDash(s.Verdict), 8), p.votes(s))
	}
}

func (p painter) votes(s siteRow) string {
	var out []string
	for _, v := range s.Votes {
		var probes strings.Builder
		for _, good := range v.Probes {
			if good {
				probes.WriteString(p.paint(green, "+"))
			} else {
				probes.WriteString(p.paint(red, "x"))
			}
		}
		out = append(out, fmt.Sprintf("%s %s%s %s", v.Node, p.word(orDash(v.Opinion)), gap(orDash(v.Opinion), 4), probes.String()))
	}
	return strings.Join(out, "  ")
}

// note is one line of the timeline.
func (p painter) note(n note) string {
	sgr := map[kind]string{act: bold, passed: dim, failing: red, vote: yellow, decision: cyan + ";" + bold, answer: green + ";" + bold}[n.Kind]
	return fmt.Sprintf("  %+8.2f s  %s", n.Since.Seconds(), p.paint(sgr, n.Text))
}

// named adds a site's name to its address.
func (v view) named(answer string) string {
	for _, s := range v.Sites {
		if s.Address == answer {
			return answer + " (" + s.Name + ")"
		}
	}
	return orDash(answer)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// pad fills up before painting, since escapes have no width.
func pad(s string, width int) string { return s + gap(s, width) }

func gap(s string, width int) string { return strings.Repeat(" ", max(0, width-len(s))) }
