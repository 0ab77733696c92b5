// Package house holds the rules of the house as tests: ARCHITECTURE.md is true.
package house

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "failoverdns/"

// room is one row of ARCHITECTURE.md's table.
type room struct {
	name    string
	imports []string
}

var quoted = regexp.MustCompile("`([^`]+)`")

func rooms(t *testing.T) map[string]room {
	t.Helper()
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]room{}
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(line, "| `") {
			continue
		}
		r := room{name: quoted.FindStringSubmatch(cells[1])[1]}
		for _, m := range quoted.FindAllStringSubmatch(cells[3], -1) {
			r.imports = append(r.imports, m[1])
		}
		out[r.name] = r
	}
	if len(out) < 10 {
		t.Fatalf("ARCHITECTURE.md's table has only %d rooms: is it still read right?", len(out))
	}
	return out
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Dir, Doc                        string
	Imports, TestImports, XTestImports, GoFiles []string
	Deps                                        []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Imports,TestImports,XTestImports,GoFiles,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func TestEveryPackageHasItsRoomAndImportsOnlyWhatTheTableAllows(t *testing.T) {
	table, found := rooms(t), map[string]bool{}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		r, ok := table[name]
		found[name] = true
		if !ok {
			t.Errorf("package %s has no row in ARCHITECTURE.md", name)
			continue
		}
		for _, path := range p.Imports {
			from, ours := strings.CutPrefix(path, module)
			if ours && !slices.Contains(r.imports, from) {
				t.Errorf("package %s imports %s, which ARCHITECTURE.md does not allow", name, from)
			}
		}
	}
	for name := range table {
		if !found[name] {
			t.Errorf("ARCHITECTURE.md has a row for %s, and there is no such package", name)
		}
	}
}

func TestEveryAllowedImportIsUsed(t *testing.T) {
	table := rooms(t)
	for _, p := range packages(t) {
		for _, allowed := range table[strings.TrimPrefix(p.ImportPath, module)].imports {
			if !slices.Contains(p.Imports, module+allowed) {
				t.Errorf("ARCHITECTURE.md lets %s import %s; it does not", p.ImportPath, allowed)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("package %s has no package doc", p.ImportPath)
		}
	}
}

// guarded are imports that one room alone may have.
var guarded = map[string][]string{
	"github.com/hashicorp/raft":         {"raftstore"},
	"github.com/hashicorp/raft-boltdb/": {"raftstore"},
	"github.com/coredns/":               {"plugin", "cmd/failoverdns"},
	"github.com/miekg/dns":              {"zone", "listener", "plugin", "cmd/failoverdns", "e2e/cluster", "demo", "bench"},
}

func TestGuardedImportsStayInTheirRooms(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, path := range p.Imports {
			for guard, allowed := range guarded {
				if strings.HasPrefix(path, guard) && !slices.Contains(allowed, name) {
					t.Errorf("package %s imports %s; only %v may", name, path, allowed)
				}
			}
		}
	}
}

// unwanted must not be linked into the server: cloud SDKs and the like, which CoreDNS's stock plugin list brings.
var unwanted = []string{"k8s.io/", "github.com/aws/", "github.com/Azure/", "google.golang.org/api", "go.etcd.io/etcd", "github.com/DataDog/"}

func TestServerLinksNoCloudSDK(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module+"cmd/failoverdns" {
			continue
		}
		for _, dep := range p.Deps {
			for _, bad := range unwanted {
				if strings.HasPrefix(dep, bad) {
					t.Errorf("the server links %s", dep)
				}
			}
		}
		return
	}
	t.Fatal("there is no cmd/failoverdns")
}

// pure are the rooms without clock, randomness and goroutines.
var pure = []string{"record", "health", "routing", "state"}

func TestPureRoomsHaveNoClockNoRandomnessNoGoroutine(t *testing.T) {
	for _, dir := range pure {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			checkPure(t, file)
		}
	}
}

func checkPure(t *testing.T, file string) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, im := range tree.Imports {
		switch path := strings.Trim(im.Path.Value, `"`); path {
		case "os", "net", "net/http", "sync", "math/rand", "math/rand/v2", "crypto/rand", "context":
			t.Errorf("%s imports %s", fset.Position(im.Pos()), path)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s starts a goroutine", fset.Position(n.Pos()))
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && id.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Sleep", "NewTimer", "Tick"}, n.Sel.Name) {
				t.Errorf("%s looks at a clock", fset.Position(n.Pos()))
			}
		}
		return true
	})
}
