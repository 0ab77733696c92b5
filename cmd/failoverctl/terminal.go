package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// terminal is where a command writes, and what it knows of its surroundings.
type terminal struct {
	out, err io.Writer
	in       io.Reader // where a person types; nil: nobody does
	now      func() time.Time
	env      func(string) string
	colour   bool
}

// colourful says whether a file is a terminal that wants colour (no-color.org).
func colourful(f *os.File, env func(string) string) bool {
	i, err := f.Stat()
	return err == nil && i.Mode()&os.ModeCharDevice != 0 && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// The colours that mean something; the words say the same without them.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func (t *terminal) paint(colour, s string) string {
	if !t.colour || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// printable drops what a terminal would obey: texts come from probed servers and from other people. Tabs stay, since
// zone files are written with them and a terminal does nothing with one but move on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '�'
	}, s)
}

func (t *terminal) printf(format string, args ...any) {
	fmt.Fprint(t.out, t.clean(fmt.Sprintf(format, args...)))
}

// clean is printable, but for the colours that this program paints.
func (t *terminal) clean(s string) string {
	if !t.colour {
		return printable(s)
	}
	var b strings.Builder
	for i, part := range strings.Split(s, "\x1b[") {
		if i == 0 {
			b.WriteString(printable(part))
			continue
		}
		code, rest, ok := strings.Cut(part, "m")
		if ok && (code == "0" || code == red || code == green || code == yellow || code == bold) {
			b.WriteString("\x1b[" + code + "m")
			part = rest
		}
		b.WriteString(printable(part))
	}
	return b.String()
}

// json writes an answer as the server gave it.
func (t *terminal) json(v any) error {
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// table aligns rows under their heads. Only the last cell of a row may be painted: elsewhere colour would count as width.
type table struct {
	t      *terminal
	w      *tabwriter.Writer
	indent string
}

func (t *terminal) table(indent string, heads ...string) *table {
	x := &table{t, tabwriter.NewWriter(&trimmed{w: t.out}, 0, 8, 2, ' ', 0), indent}
	if len(heads) > 0 {
		x.row(heads...)
	}
	return x
}

// oneLine keeps a cell's text within its cell.
var oneLine = strings.NewReplacer("\n", " ", "\t", " ")

// row adds a line; an empty cell shows as a dash, so that columns can be cut by programs.
func (x *table) row(cells ...string) {
	for i, c := range cells {
		c = oneLine.Replace(x.t.clean(c))
		if c == "" {
			c = "-"
		}
		cells[i] = c
	}
	fmt.Fprintln(x.w, x.indent+strings.Join(cells, "\t"))
}

func (x *table) end() { _ = x.w.Flush() }

// trimmed drops blanks at the ends of lines. tabwriter writes line by line only at Flush, so parts are gathered.
type trimmed struct {
	w    io.Writer
	line strings.Builder
}

func (x *trimmed) Write(b []byte) (int, error) {
	for _, c := range b {
		if c != '\n' {
			x.line.WriteByte(c)
			continue
		}
		if _, err := fmt.Fprintln(x.w, strings.TrimRight(x.line.String(), " ")); err != nil {
			return 0, err
		}
		x.line.Reset()
	}
	return len(b), nil
}
