// Package emergency is the local emergency file: an operator's word on one machine that stands above everything the
// cluster measured, agreed or was told, for when there is no quorum, no API, or no time. It is read, never written, by
// the node; failoverctl local writes it.
//
// Each line says GROUP pin SITE EXPIRY REASON, words separated by blanks, the reason being the rest of the line. GROUP
// may be "all": every group that has the site, but for those that have a line of their own. EXPIRY is RFC 3339, by this
// machine's clock. Empty lines and lines that begin with # say nothing.
//
// A file is taken whole or not at all: Parse gives all its pins, or an error that names the line and the way out. The
// package promises nothing about groups and sites that do not exist; it does not know them. Functions here may be
// called from any goroutine; two writers at once may lose one of the two changes, never leave half of a file.
package emergency

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// FileName is the file's name in the data directory.
const FileName = "emergency"

// All is the group that stands for every group.
const All = "all"

// maxSize bounds a file, in bytes: some thousand lines, far more than anyone types in an emergency.
const maxSize = 256 << 10

// Pin is one line: a group answers with a site until a time.
type Pin struct {
	Line    int    // counted from 1
	Group   string // in lower case, without a final dot; or All
	Site    string
	Expires time.Time // by this machine's clock
	Reason  string
}

// Stands says whether a pin has not expired at a time of this machine's clock.
func (p *Pin) Stands(now time.Time) bool { return now.Before(p.Expires) }

// String is the pin as a line of the file.
func (p *Pin) String() string {
	return fmt.Sprintf("%s pin %s %s %s", p.Group, p.Site, p.Expires.Format(time.RFC3339), p.Reason)
}

// form is what every error ends with: the way out.
const form = "write: GROUP pin SITE EXPIRY REASON"

// Parse reads a file. An error names the line, what is wrong with it, and the way out.
func Parse(text string) ([]Pin, error) {
	if len(text) > maxSize {
		return nil, fmt.Errorf("it is %d bytes long, and at most %d are read; is it the right file?", len(text), maxSize)
	}
	var pins []Pin
	first := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		p, err := parseLine(line)
		if err == nil && p != nil && first[p.Group] > 0 {
			err = fmt.Errorf("group %q has a line already, line %d; keep one of them", p.Group, first[p.Group])
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if p != nil {
			p.Line, first[p.Group] = i+1, i+1
			pins = append(pins, *p)
		}
	}
	return pins, nil
}

// parseLine gives nil for a line that says nothing.
func parseLine(line string) (*Pin, error) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return nil, nil
	}
	if err := readable(line); err != nil {
		return nil, err
	}
	words := strings.Fields(line)
	switch {
	case len(words) < 2:
		return nil, fmt.Errorf("%q is all there is; %s", line, form)
	case words[1] != "pin":
		return nil, fmt.Errorf("%q is no word that is known here, only pin is; %s", words[1], form)
	case len(words) < 4:
		return nil, fmt.Errorf("site, expiry or reason is missing; %s", form)
	}
	expires, err := time.Parse(time.RFC3339, words[3])
	if err != nil {
		return nil, fmt.Errorf("expiry %q is no time of RFC 3339; write it like 2026-01-31T18:00:00Z or 2026-01-31T18:00:00+01:00", words[3])
	}
	reason := strings.Join(words[4:], " ")
	if reason == "" {
		return nil, errors.New("the reason is missing: whoever finds the file wants to know why; " + form)
	}
	return &Pin{Group: Group(words[0]), Site: words[2], Expires: expires, Reason: reason}, nil
}

// Group is a group's name as it is compared: a name of the DNS in lower case, without a final dot.
func Group(name string) string {
	if len(name) > 1 {
		name = strings.TrimSuffix(name, ".")
	}
	return strings.ToLower(name)
}

// readable refuses what would come out of a log or a terminal as something else.
func readable(line string) error {
	if !utf8.ValidString(line) {
		return errors.New("it is no UTF-8; write the file as plain text")
	}
	for _, r := range line {
		if r != '\t' && !unicode.IsPrint(r) {
			return fmt.Errorf("it has the character %q, which cannot be shown; write the file as plain text", r)
		}
	}
	return nil
}
