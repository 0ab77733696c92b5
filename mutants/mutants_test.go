package mutants

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gate is the environment variable that must be set to run them.
const gate = "MUTANTS"

// mutant is a planted bug.
type mutant struct {
	file    string // that is changed, from the root of the project
	pkg     string // whose tests catch it
	tests   string // the pattern of their names
	is      string // stands in the file once
	becomes string
}

const (
	isMark      = "--- is\n"
	becomesMark = "--- becomes\n"
)

// read takes a mutant from its file: lines "file: F", "package: P" and "tests: T", and what the code is and becomes.
func read(t *testing.T, path string) (m mutant) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, code, _ := strings.Cut(string(b), isMark)
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "file":
			m.file = value
		case "package":
			m.pkg = value
		case "tests":
			m.tests = value
		}
	}
	m.is, m.becomes, _ = strings.Cut(code, becomesMark)
	if m.file == "" || m.pkg == "" || m.tests == "" || m.is == "" || !strings.HasPrefix(head, "# ") {
		t.Fatalf("%s does not say what it changes, why, and which tests catch it", path)
	}
	return m
}

func mutants(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(all) < 10 {
		t.Fatalf("there are %d, %v", len(all), err)
	}
	return all
}

// changed is the file's text with the bug in it.
func (m *mutant) changed(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", m.file))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), m.is); n != 1 {
		t.Fatalf("%s has this %d times, not once; the planted bug has to follow the code:\n%s", m.file, n, m.is)
	}
	return strings.Replace(string(b), m.is, m.becomes, 1)
}

func TestEachPlantedBugStillFitsTheCode(t *testing.T) {
	for _, path := range mutants(t) {
		m := read(t, path)
		m.changed(t)
	}
}

func TestEachPlantedBugIsCaught(t *testing.T) {
	if os.Getenv(gate) == "" {
		t.Skipf("builds and runs tests once for each; run: make mutants, or set %s=1", gate)
	}
	for _, path := range mutants(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			m := read(t, path)
			out := m.run(t)
			t.Logf("caught by:\n%s", failures(out))
		})
	}
}

// run runs the tests with the bug in place, and demands that one fails.
func (m *mutant) run(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	bad, overlay := filepath.Join(dir, "bad.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, m.file): bad}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{bad: m.changed(t), overlay: string(list)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-count=1", "-failfast", "-vet=off", "-timeout", "5m", "-run", fmt.Sprintf("^(%s)$", m.tests), m.pkg)
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, &out, &out
	err = cmd.Run()
	switch {
	case err == nil:
		t.Fatalf("nothing noticed this:\n%s", m.becomes)
	case failures(out.String()) == "":
		t.Fatalf("no test failed, but: %v\n%s", err, out.String())
	}
	return out.String()
}

// failures are the lines that name what failed: a test, or one that ran into a panic or a deadlock.
func failures(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		if l := strings.TrimSpace(line); strings.HasPrefix(l, "--- FAIL") || strings.HasPrefix(l, "panic: ") {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}
