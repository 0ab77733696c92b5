package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const contractPage = "docs/contract.md"

// promise is one sentence of docs/contract.md.
type promise struct {
	id    string
	text  string
	tests []string // as the page names them
	open  string   // why it is not held yet; empty for nearly all
}

var (
	markOf      = regexp.MustCompile(`(?s)^(.*?)(?:\\|<br>)\s*<sub>(.*)</sub>(?: \|)?$`)
	promiseID   = regexp.MustCompile(`^[a-z]+-[0-9]{2}$`)
	nextBegins  = regexp.MustCompile("[.!?] +[A-Z*`]")
	notYet      = "not yet: "
	promiseKeys = []string{"promise", "word", "probe", "vote", "answer", "override", "quorum", "config", "kept", "input"}
)

// promises reads the page: each list item and each row of a table in a section is one, up to the page's last section,
// which tells how the words came about.
func promises(t *testing.T) (all []promise) {
	t.Helper()
	page, err := os.ReadFile(contractPage)
	if err != nil {
		t.Fatal(err)
	}
	body, _, _ := strings.Cut(string(page), "\n## Where these words differ")
	_, body, _ = strings.Cut(body, "\n## ")
	for _, block := range blocks(body) {
		all = append(all, readPromise(t, block))
	}
	return all
}

// blocks are the items, rows and paragraphs of a page, without headings and the heads of tables.
func blocks(page string) (out []string) {
	for i, line := range strings.Split(page, "\n") {
		switch {
		case i == 0, line == "", strings.HasPrefix(line, "#"), strings.HasPrefix(line, "| ---"), strings.HasPrefix(line, "| word |"):
		case strings.HasPrefix(line, "  ") && len(out) > 0:
			out[len(out)-1] += " " + strings.TrimSpace(line)
		default:
			out = append(out, line)
		}
	}
	return out
}

func readPromise(t *testing.T, block string) (p promise) {
	t.Helper()
	m := markOf.FindStringSubmatch(block)
	if m == nil {
		t.Errorf("%s: no name and tests stand under %q", contractPage, block)
		return p
	}
	p.text = strings.TrimPrefix(m[1], "- ")
	if strings.HasPrefix(block, "- ") && nextBegins.MatchString(p.text) {
		t.Errorf("%s: more than one sentence in %q: give each its own name", contractPage, p.text)
	}
	for i, part := range strings.Split(m[2], " · ") {
		switch part = strings.TrimSpace(part); {
		case i == 0:
			p.id = strings.Trim(part, "`")
		case strings.HasPrefix(part, notYet):
			p.open = strings.TrimPrefix(part, notYet)
		default:
			p.tests = append(p.tests, strings.Trim(part, "`"))
		}
	}
	return p
}

func TestContractNamesEachPromiseOnceInOrder(t *testing.T) {
	last := map[string]int{}
	for _, p := range promises(t) {
		if !promiseID.MatchString(p.id) {
			t.Errorf("%q is no name of a promise, like probe-07: %s", p.id, p.text)
			continue
		}
		key, number, _ := strings.Cut(p.id, "-")
		n, _ := strconv.Atoi(number)
		if !slices.Contains(promiseKeys, key) || n <= last[key] {
			t.Errorf("%s is used twice, out of order, or of no section", p.id)
		}
		last[key] = n
	}
	for _, key := range promiseKeys {
		if last[key] == 0 {
			t.Errorf("no promise begins with %s-: is %s still read right?", key, contractPage)
		}
	}
}

func TestContractIsHeldByTestsThatExist(t *testing.T) {
	tests, held, open := allTests(t), 0, 0
	for _, p := range promises(t) {
		for _, name := range p.tests {
			if why := tests.missing(name); why != "" {
				t.Errorf("%s names %s: %s", p.id, name, why)
			}
		}
		switch {
		case p.open != "":
			open++
			t.Logf("not held yet: %s, %s\n\t%s", p.id, p.open, p.text)
		case len(p.tests) == 0:
			t.Errorf("%s has no test: %s", p.id, p.text)
		default:
			held++
		}
	}
	t.Logf("%d promises are held, %d are not yet", held, open)
}

// testIndex has the text literals within each test function, by package and name: the names of its cases are among
// them.
type testIndex map[string][]string

func allTests(t *testing.T) testIndex {
	t.Helper()
	index := testIndex{}
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		index.add(filepath.ToSlash(filepath.Dir(path)), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func (x testIndex) add(dir string, file *ast.File) {
	if dir == "." {
		dir = file.Name.Name
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") {
			continue
		}
		literals := []string{}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil {
					literals = append(literals, strings.ReplaceAll(s, " ", "_")) // as go test writes a case's name
				}
			}
			return true
		})
		x[dir+"."+f.Name.Name] = literals
	}
}

// evidence are the places of tests that are files.
var evidence = map[string]string{"transcripts/": "state/testdata/transcripts/", "bad/": "plugin/testdata/bad/"}

// missing says why a named test is not there; empty if it is.
func (x testIndex) missing(name string) string {
	for prefix, dir := range evidence {
		if file, ok := strings.CutPrefix(name, prefix); ok {
			if _, err := os.Stat(dir + file); err != nil {
				return err.Error()
			}
			return ""
		}
	}
	at := strings.LastIndex(name, ".Test")
	if at < 0 {
		return "this is neither PACKAGE.TestNAME, nor transcripts/FILE, nor bad/FILE"
	}
	function, subtest, _ := strings.Cut(name[at+1:], "/")
	literals, ok := x[name[:at]+"."+function]
	if !ok {
		return "there is no such test"
	}
	if subtest != "" && !slices.Contains(literals, subtest) {
		return "the test has no such case"
	}
	return ""
}

// TestDocumentsSayWhatEachNoQuorumRuleCosts: an operator who chooses one must know.
func TestDocumentsSayWhatEachNoQuorumRuleCosts(t *testing.T) {
	page, err := os.ReadFile("plugin/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "What each rule costs:")
	text, _, _ = strings.Cut(text, "\n* ")
	for rule, cost := range map[string]string{"`hold`": "dies meanwhile stays", "`refuse`": "all nodes refuse", "`local`": "answer differently"} {
		if !strings.Contains(text, rule) || !strings.Contains(strings.Join(strings.Fields(text), " "), cost) {
			t.Errorf("plugin/README.md does not say what %s costs: %q", rule, cost)
		}
	}
}
