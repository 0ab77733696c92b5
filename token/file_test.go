package token

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func noCheck(*Entry) error { return nil }

func TestLineOfATokenFileIsReadBack(t *testing.T) {
	k := New()
	e := &Entry{Name: "ops1", Role: "operate", ID: k.ID, Hash: k.Hash(), Zones: []string{"a.example", "b.example"}, Until: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)}
	all, err := ParseFile([]byte("# tokens\n\n" + e.Line() + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := all[k.ID]; got == nil || got.Line() != e.Line() || !k.Matches(got.Hash) {
		t.Errorf("%q was read as %+v", e.Line(), got)
	}
	if strings.Contains(e.Line(), k.Secret()) {
		t.Error("the line holds the secret")
	}
}

func TestMistakeInATokenFileIsToldByItsLineAndNeverRepeated(t *testing.T) {
	k := New()
	good := (&Entry{Name: "ops1", Role: "read", ID: k.ID, Hash: k.Hash()}).Line()
	for bad, want := range map[string]string{
		"ops1 read " + k.Text():                                    "holds a token itself",
		"ops1 read":                                                "it is not NAME ROLE",
		strings.Replace(good, "read", "root", 1):                   "none of: read, operate, admin",
		strings.Replace(good, k.ID, "UPPER", 1):                    "the third word",
		strings.Replace(good, k.Hash(), k.Secret(), 1):             "the fourth word",
		good + " until=tomorrow":                                   "no time like",
		good + " color=red":                                        "only zone=ZONE",
		good + "\n" + good:                                         "stands there twice",
		strings.Repeat("x", 65) + strings.TrimPrefix(good, "ops1"): "65 bytes",
	} {
		_, err := ParseFile([]byte("\n" + bad))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%q: %v", bad, err)
		} else if strings.Contains(err.Error(), k.Secret()) || strings.Contains(err.Error(), "tomorrow") {
			t.Errorf("the error repeats the line: %v", err)
		}
	}
}

func TestTokenFileWithAMistakeLeavesTheOldTokensInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(path, noCheck); err == nil {
		t.Fatal("a file that is not there was opened")
	}
	a, b := New(), New()
	line := func(k *Token) string {
		return (&Entry{Name: "x", Role: "read", ID: k.ID, Hash: k.Hash()}).Line() + "\n"
	}
	write(line(a))
	f, err := Open(path, noCheck)
	if err != nil {
		t.Fatal(err)
	}
	write("nonsense\n")
	if changed, err := f.Reload(); changed || err == nil {
		t.Errorf("nonsense: %v, %v", changed, err)
	}
	if changed, err := f.Reload(); changed || err != nil {
		t.Errorf("the same nonsense again: %v, %v", changed, err)
	}
	if _, ok := f.Get(a.ID); !ok {
		t.Error("the old token is gone")
	}
	write(line(b))
	if changed, err := f.Reload(); !changed || err != nil {
		t.Errorf("a good file: %v, %v", changed, err)
	}
	if _, ok := f.Get(a.ID); ok {
		t.Error("a token that was taken out is still there")
	}
	if _, ok := f.Get(b.ID); !ok || f.Len() != 1 {
		t.Error("the new token is not there")
	}
}

// FuzzParseFile: what is taken can be written and read again.
func FuzzParseFile(f *testing.F) {
	k := New()
	f.Add([]byte((&Entry{Name: "ops1", Role: "read", ID: k.ID, Hash: k.Hash(), Zones: []string{"a"}}).Line()))
	f.Add([]byte("# x\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := ParseFile(b)
		if err != nil {
			return
		}
		for id, e := range all {
			again, err := ParseFile([]byte(e.Line()))
			if err != nil || again[id] == nil || again[id].Line() != e.Line() {
				t.Fatalf("%q: %v", e.Line(), err)
			}
		}
	})
}
