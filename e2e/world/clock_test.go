package world

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThisVersionOfGoReadsItsWallClockWhereOffsetsAreAdded(t *testing.T) {
	overlay, err := writeOverlay(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	changed, err := os.ReadFile(filepath.Join(filepath.Dir(overlay), "time.go"))
	if err == nil {
		_, err = parser.ParseFile(token.NewFileSet(), "time.go", changed, 0)
	}
	if err != nil || strings.Count(string(changed), "sec += offset()") != 1 {
		t.Errorf("there is no offset in time.Now, or more than one: %v", err)
	}
}

func TestUnknownTimeNowIsRefused(t *testing.T) {
	for _, source := range []string{
		"", "\nfunc Now() Time {\n\treturn elsewhere()\n}\n", "\nfunc Now() Time {\n\treturn elsewhere()\n}\nfunc other() {\n" + reading + "\n}\n",
		"\nfunc Now() Time {\n" + reading + reading + "\n}\n",
	} {
		if got, err := withOffset(source); err == nil {
			t.Errorf("%q became %q", source, got)
		}
	}
}
