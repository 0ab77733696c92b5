package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ends is where the tests with real clusters are.
const ends = "../../e2e"

// TestEachCommandIsRunAgainstARealCluster by a test in e2e: it reads their sources for the command lines that they run.
func TestEachCommandIsRunAgainstARealCluster(t *testing.T) {
	ran := map[string]bool{}
	for _, line := range commandLines(t) {
		if c, _, err := newRoot(&terminal{env: func(string) string { return "" }}).Find(line); err == nil {
			ran[commandPath(c)] = true
		}
	}
	for _, path := range commands() {
		if why, ok := notRun[path]; ok == ran[path] {
			t.Errorf("failoverctl %s: run in e2e: %t; excused: %q", path, ran[path], why)
		}
	}
	for path := range notRun {
		if !slices.Contains(commands(), path) {
			t.Errorf("notRun excuses %q, and there is no such command", path)
		}
	}
}

// notRun is what e2e need not run, and why.
var notRun = map[string]string{
	"version":               "it says what the build has written into it, and asks nobody",
	"completion bash":       shells,
	"completion fish":       shells,
	"completion zsh":        shells,
	"completion powershell": shells,
}

const shells = "cobra's own text for a shell; what it offers is held by completion_test.go"

// runner is a function that runs failoverctl with its arguments from one on, behind words of its own.
type runner struct {
	from   int
	before []string
}

// lines is what reading sources finds: who runs failoverctl, and with which words.
type lines struct {
	runners map[string]runner
	found   [][]string
}

// commandLines gives the words of each run of failoverctl in e2e, as far as they stand there as text.
func commandLines(t *testing.T) [][]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(ends, "*_test.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	var files []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	l := &lines{runners: map[string]runner{"CLI": {from: 1}, "Ctl": {from: 1}}}
	for known := 0; known != len(l.runners); { // a runner may call another
		known, l.found = len(l.runners), nil
		for _, f := range files {
			ast.Inspect(f, l.look)
		}
	}
	return l.found
}

func (l *lines) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncDecl:
		l.function(n.Name.Name, n.Type, n.Body)
	case *ast.AssignStmt:
		for i, value := range n.Rhs {
			if f, ok := value.(*ast.FuncLit); ok {
				l.function(n.Lhs[i].(*ast.Ident).Name, f.Type, f.Body)
			}
		}
	case *ast.RangeStmt:
		l.loop(n)
	case *ast.CallExpr:
		l.add(l.words(n, "", ""))
	}
	return true
}

// function learns whether a function is a runner: whether it hands a parameter of its own to one.
func (l *lines) function(name string, typ *ast.FuncType, body *ast.BlockStmt) {
	i := 0
	for _, field := range typ.Params.List {
		for _, p := range field.Names {
			ast.Inspect(body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if _, known := l.runners[name]; !ok || known {
					return true
				}
				if before, _, handed := cut(l.words(call, p.Name, parameter), parameter); handed {
					l.runners[name] = runner{i, before}
				}
				return true
			})
			i++
		}
	}
}

// loop puts each element of a literal into the runs of the loop's body.
func (l *lines) loop(n *ast.RangeStmt) {
	value, ok := n.Value.(*ast.Ident)
	list, literal := n.X.(*ast.CompositeLit)
	if !ok || !literal {
		return
	}
	for _, e := range list.Elts {
		ast.Inspect(n.Body, func(in ast.Node) bool {
			if call, ok := in.(*ast.CallExpr); ok {
				l.add(l.words(call, value.Name, text(e, "", "")))
			}
			return true
		})
	}
}

func (l *lines) add(words []string) {
	for len(words) > 1 && strings.HasPrefix(words[0], "-") { // a flag for all commands, with a value
		words = words[2:]
	}
	for len(words) > 0 && words[0] == unknown { // an argument that is for the runner itself
		words = words[1:]
	}
	if len(words) > 0 {
		l.found = append(l.found, words)
	}
}

// words is the command line that a call runs; nil where it runs none. A name may stand for words.
func (l *lines) words(call *ast.CallExpr, name, stands string) []string {
	r, ok := l.runners[called(call)]
	if !ok {
		_, words, _ := cut(strings.Fields(texts(call.Args, name, stands)), "failoverctl") // by os/exec
		return words
	}
	if len(call.Args) <= r.from {
		return nil
	}
	return slices.Concat(r.before, strings.Fields(texts(call.Args[r.from:], name, stands)))
}

// What stands for a runner's parameter, and for all that is no literal.
const (
	parameter = "\x00parameter"
	unknown   = "\x00unknown"
)

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func texts(list []ast.Expr, name, stands string) string {
	var out []string
	for _, e := range list {
		out = append(out, text(e, name, stands))
	}
	return strings.Join(out, " ")
}

// text is an expression of literals, its words parted by spaces; a name may stand for something.
func text(e ast.Expr, name, stands string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
	case *ast.BinaryExpr:
		return text(e.X, name, stands) + text(e.Y, name, stands)
	case *ast.CompositeLit:
		return texts(e.Elts, name, stands)
	case *ast.CallExpr:
		switch called(e) {
		case "append", "Fields", "Concat":
			return texts(e.Args, name, stands)
		case "Join": // a path
			return text(e.Args[len(e.Args)-1], name, stands)
		}
	case *ast.IndexExpr:
		return text(e.X, name, stands)
	case *ast.Ident:
		if name != "" && e.Name == name {
			return stands
		}
	}
	return unknown
}

func cut(words []string, mark string) (before, after []string, found bool) {
	if i := slices.Index(words, mark); i >= 0 {
		return words[:i], words[i+1:], true
	}
	return words, nil, false
}
