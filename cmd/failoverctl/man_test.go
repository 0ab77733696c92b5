package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manual is where the manual pages are kept; make man writes them anew. They are made by a test so that the program
// does not carry what makes them.
const manual = "../../docs/man"

func TestManPagesAreCurrent(t *testing.T) {
	root := newRoot(&terminal{env: func(string) string { return "" }})
	root.InitDefaultCompletionCmd()
	noTags(root)
	made := t.TempDir()
	date := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // fixed: a page changes when the command does
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "failoverdns", Manual: "failoverctl", Date: &date}, made); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.RemoveAll(manual); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(manual, os.DirFS(made)); err != nil {
			t.Fatal(err)
		}
	}
	if is, want := pages(t, manual), pages(t, made); !slices.Equal(is, want) {
		t.Errorf("docs/man has the pages %q, and there are the commands %q; make man writes them anew", is, want)
	}
	for _, page := range pages(t, made) {
		is, _ := os.ReadFile(filepath.Join(manual, page))
		want, err := os.ReadFile(filepath.Join(made, page))
		if err != nil {
			t.Fatal(err)
		}
		if string(is) != string(want) {
			t.Errorf("docs/man/%s is not current; make man writes it anew", page)
		}
	}
}

// noTags leaves out the line that says who made a page and when.
func noTags(c *cobra.Command) {
	c.DisableAutoGenTag = true
	for _, sub := range c.Commands() {
		noTags(sub)
	}
}

func pages(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
