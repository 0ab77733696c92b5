package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var typed = regexp.MustCompile("(?m)(?:`|^    +)failoverctl ((?:--?[a-z-]+ \\S+ )*)([a-z][a-z -]*)")

// TestEachCommandThatThePagesTypeIsThere: whoever reads a page at night types what stands there.
func TestEachCommandThatThePagesTypeIsThere(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/runbooks/*.md", "../../plugin/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	root, n := newRoot(&terminal{env: func(string) string { return "" }}), 0
	root.InitDefaultCompletionCmd()
	root.InitDefaultCompletionCmd()
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range typed.FindAllStringSubmatch(string(b), -1) {
			words := strings.Fields(m[2])
			c, rest, err := root.Find(words)
			n++
			switch {
			case err != nil || c == root:
				t.Errorf("%s types failoverctl %s, and there is no such command", page, m[2])
			case c.HasSubCommands() && !c.Runnable() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-"):
				t.Errorf("%s types failoverctl %s, and %s has no %q", page, m[2], c.CommandPath(), rest[0])
			}
		}
	}
	if n < 60 {
		t.Fatalf("only %d commands were found in %d pages: are they still read right?", n, len(pages))
	}
}
