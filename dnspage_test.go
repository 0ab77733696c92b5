package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDNSPageNamesTestsThatExist holds docs/dns.md to the tests that it names: as package.Test, or as …/part of the test
// named before.
func TestDNSPageNamesTestsThatExist(t *testing.T) {
	page, err := os.ReadFile("docs/dns.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:[a-z/0-9]+\\.Test|…/)[^`]+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 50 {
		t.Fatalf("docs/dns.md names only %d tests: is it still read right?", len(named))
	}
	sources, messages := map[string]string{}, "cmd/failoverdns.TestMessagesAreWhatAnAuthoritativeServerOwes/"
	for _, m := range named {
		name := strings.Replace(m[1], "…/", messages, 1)
		dir, test, _ := strings.Cut(name, ".")
		test, part, _ := strings.Cut(test, "/")
		if sources[dir] == "" {
			sources[dir] = testSource(t, dir)
		}
		if !strings.Contains(sources[dir], "\nfunc "+test+"(t *testing.T)") {
			t.Errorf("docs/dns.md names %s, and there is no such test", name)
		}
		if part != "" && !strings.Contains(sources[dir], "{\""+part+"\", ") {
			t.Errorf("docs/dns.md names %s, and the test has no such part", name)
		}
	}
}

// testSource is all test files of a package.
func testSource(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no tests in %s (%v)", dir, err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
