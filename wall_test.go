package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// deciding are the rooms in which verdicts, expiries and returns are made.
var deciding = []string{"health", "routing", "state", "probes", "ballot", "duties", "raftstore", "node"}

// wallReaders are the files there that may look at the wall clock: a time taken with time.Now compares by the monotonic
// clock until it is turned into a date or a number.
var wallReaders = map[string]string{
	"raftstore/propose.go":    "stamps commands with the wall time, for display",
	"duties/drill.go":         "the calendar of scheduled drills",
	"raftstore/membership.go": "the state's age between a start and the first word of a leader",
	"state/declare.go":        "the serial that a zone begins with",
	"state/restore.go":        "the serial that a restored zone goes on with",
	"node/archive.go":         "when a backup was taken, for people",
	"state/windowtime.go":     "turns the wall time that a person gave into cluster time, once",
	"state/txn.go":            "keeps the last command's wall time, for display",
	"probes/clock.go":         "the phase of an endpoint's first probe; the monotonic clock counts from there",
	"probes/tls.go":           "the dates of a certificate, in a probe's detail",
	"probes/connect.go":       "a deadline in the past, to end a read",
}

// turnsIntoWallTime are the methods of a time that lose the monotonic clock, but for Format, which shows it.
var turnsIntoWallTime = []string{"Unix", "UnixNano", "UnixMilli", "UnixMicro", "UTC", "In", "Date"}

func TestWallClockIsReadWhereItMayBe(t *testing.T) {
	found := map[string]bool{}
	for _, room := range deciding {
		files, err := filepath.Glob(room + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", room, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, what := range wallTimeIn(t, file) {
				found[file] = true
				if wallReaders[file] == "" {
					t.Errorf("%s: it must not matter what the wall clock says: use the cluster clock, or time.Since", what)
				}
			}
		}
	}
	for file, why := range wallReaders {
		if !found[file] {
			t.Errorf("%s does not read the wall clock any more (%s): take it off the list", file, why)
		}
	}
}

// wallTimeIn lists where a file turns a time into wall time, or asks something of a field called Wall.
func wallTimeIn(t *testing.T, file string) (out []string) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, _ := method.X.(*ast.SelectorExpr)
		ofWall := of != nil && of.Sel.Name == "Wall"
		plain := len(call.Args) == 0 || method.Sel.Name == "In"
		pkg, isPackage := method.X.(*ast.Ident)
		fromNumber := isPackage && pkg.Name == "time" && (method.Sel.Name == "Unix" || method.Sel.Name == "Date")
		if ofWall || fromNumber || plain && slices.Contains(turnsIntoWallTime, method.Sel.Name) {
			out = append(out, set.Position(call.Pos()).String())
		}
		return true
	})
	return out
}
