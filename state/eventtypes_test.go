package state

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestEveryTypeOfEventIsListed holds EventTypes against the events that this package makes: webhooks and the documents
// go by the list.
func TestEveryTypeOfEventIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, e := range EventTypes {
		if listed[e.Name] || e.Text == "" {
			t.Errorf("%q is listed twice, or without a text", e.Name)
		}
		listed[e.Name] = true
	}
	made := typesMade(t)
	for name, at := range made {
		if !listed[name] {
			t.Errorf("%s makes events of type %q, which eventtypes.go does not list", at, name)
		}
	}
	page, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range listed {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("docs/webhooks.md has no row for %q in its table of events", name)
		}
		if made[name] == "" {
			t.Errorf("eventtypes.go lists %q, and nothing makes it", name)
		}
	}
}

// typesMade finds the literals Event{Type: "..."} in this package.
func typesMade(t *testing.T) map[string]string {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	out, set := map[string]string{}, token.NewFileSet()
	for _, f := range entries {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || !isEvent(lit.Type) {
				return true
			}
			for _, e := range lit.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == "Type" {
					if v, ok := kv.Value.(*ast.BasicLit); ok {
						name, _ := strconv.Unquote(v.Value)
						out[name] = set.Position(v.Pos()).String()
					}
				}
			}
			return true
		})
	}
	return out
}

func isEvent(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "Event"
}
