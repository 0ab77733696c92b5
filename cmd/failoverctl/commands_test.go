package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/cobra"
)

// TestMain runs all tests, and then wants them to have held the page and the JSON of each command.
func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if status == 0 && allRan() {
		status = saw.everything()
	}
	os.Exit(status)
}

// allRan says whether no flag has left tests out.
func allRan() bool {
	return !slices.ContainsFunc([]string{"run", "skip", "list"}, func(f string) bool { return flag.Lookup("test."+f).Value.String() != "" })
}

// saw is what the tests of this package have held.
var saw = holdings{printed: map[string]string{}, pages: map[string]bool{}, documented: map[string]bool{}}

// holdings is, by the path of a command, whether a page of it is in a golden file, and whether its JSON was held against
// the API's document.
type holdings struct {
	printed           map[string]string // the path of the command that last printed this
	pages, documented map[string]bool
}

func (h *holdings) ran(args []string, out string) {
	if c, _, err := newRoot(&terminal{env: func(string) string { return "" }}).Find(args); err == nil {
		h.printed[out] = commandPath(c)
	}
}

// as gives a page's other form, without what differs from run to run.
func (h *holdings) as(page, other string) string {
	h.printed[other] = h.printed[page]
	return other
}

// kept says that a golden file holds a page.
func (h *holdings) kept(page string) {
	if path, ok := h.printed[page]; ok {
		h.pages[path] = true
	}
}

// noPage is what needs no golden page, and why.
var noPage = map[string]string{
	"version":               "one line, of the build",
	"completion bash":       shells,
	"completion fish":       shells,
	"completion zsh":        shells,
	"completion powershell": shells,
	"token hash":            "one line with a fresh secret's hash; TestLineForATokenFileIsOfTheTokenThatIsWritten reads it back",
}

// noDocument is whose JSON is not the API's, and why.
var noDocument = map[string]string{
	"version":               local,
	"completion bash":       shells,
	"completion fish":       shells,
	"completion zsh":        shells,
	"completion powershell": shells,
	"cert init":             local,
	"cert issue":            local,
	"cert retire":           local,
	"cert rotate":           local,
	"cert show":             local,
	"local clear":           local,
	"local pin":             local,
	"snapshot inspect":      local,
	"snapshot save":         "the answer is the backup itself; what is printed was read from it",
	"token hash":            local,
}

const local = "it asks no server"

// everything gives 1 where a command was not held.
func (h *holdings) everything() (status int) {
	for _, c := range []struct {
		what   string
		held   map[string]bool
		excuse map[string]string
	}{{"a golden page", h.pages, noPage}, {"JSON by the schema", h.documented, noDocument}} {
		for _, path := range commands() {
			if why, ok := c.excuse[path]; ok == c.held[path] {
				fmt.Printf("failoverctl %s: %s: %t; excused: %q\n", path, c.what, c.held[path], why)
				status = 1
			}
		}
		for path := range c.excuse {
			if !slices.Contains(commands(), path) {
				fmt.Printf("%q is excused from %s, and there is no such command\n", path, c.what)
				status = 1
			}
		}
	}
	return status
}

// asDocumented runs a command with JSON output, and holds that against what the API's document says of the answer to
// its last request.
func asDocumented(t *testing.T, server *canned, want int, args ...string) string {
	t.Helper()
	out, errs, status := ctl(t, serve(t, server), args...)
	if status != want || len(server.asked) == 0 {
		t.Fatalf("%q: exit status %d after %d requests, want %d: %s", args, status, len(server.asked), want, errs)
	}
	last := server.asked[len(server.asked)-1]
	schema, err := documented(last.Method, last.URL.Path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
	if err != nil {
		t.Fatalf("%q: %v in\n%s", args, err, out)
	}
	if err := schema.Validate(got); err != nil {
		t.Errorf("%q: its JSON is not as openapi.json says: %v", args, err)
	} else {
		saw.documented[saw.printed[out]] = true
	}
	return out
}

// documented is the schema of the answer to a request. No answer may have a property that the document has not.
func documented(method, path string) (*jsonschema.Schema, error) {
	b, err := os.ReadFile("../../api/server/openapi.json")
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	for _, s := range doc["components"].(map[string]any)["schemas"].(map[string]any) {
		s.(map[string]any)["additionalProperties"] = false
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openapi.json", doc); err != nil {
		return nil, err
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	return c.Compile("openapi.json#/paths/" + escape.Replace(path) + "/" + strings.ToLower(method) + "/responses/200/content/application~1json/schema")
}

// commands are the paths of all commands that do something, as they are typed: "site down".
func commands() (out []string) {
	root := newRoot(&terminal{env: func(string) string { return "" }})
	root.InitDefaultCompletionCmd()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.HasSubCommands() || strings.Contains(c.Use, " ") { // drill GROUP is one, and has others below it
			out = append(out, commandPath(c))
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return out
}

func commandPath(c *cobra.Command) string {
	return strings.TrimPrefix(c.CommandPath(), "failoverctl ")
}
