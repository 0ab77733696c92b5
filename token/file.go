package token

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of a file of tokens.
const (
	maxFile = 1 << 20 // bytes
	maxName = 64
)

// Roles are what a token of a file may be good for, from the least to the most.
var Roles = []string{"read", "operate", "admin"}

// Entry is one line of a file of tokens: NAME ROLE ID HASH [zone=ZONE]... [until=TIME].
type Entry struct {
	Name  string // of whoever holds it
	Role  string
	ID    string
	Hash  string
	Zones []string  // only these; none: all
	Until time.Time // by this machine's clock; zero: for ever
}

// Line writes an entry as a file has it.
func (e *Entry) Line() string {
	words := []string{e.Name, e.Role, e.ID, e.Hash}
	for _, z := range e.Zones {
		words = append(words, "zone="+z)
	}
	if !e.Until.IsZero() {
		words = append(words, "until="+e.Until.UTC().Format(time.RFC3339))
	}
	return strings.Join(words, " ")
}

// ParseFile reads the lines of a file; empty ones and those after # say nothing. Its errors name the line, and repeat
// nothing of it: somebody may have put a secret there.
func ParseFile(b []byte) (map[string]*Entry, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("it has %d bytes; at most %d", len(b), maxFile)
	}
	out := map[string]*Entry{}
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		e, err := parseLine(words)
		if err == nil && out[e.ID] != nil {
			err = fmt.Errorf("the ID %s stands there twice", e.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out[e.ID] = e
	}
	return out, nil
}

func parseLine(words []string) (*Entry, error) {
	if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, Prefix+"_") }) {
		return nil, errors.New("it holds a token itself, which must not stand here: make a new one, and write what failoverctl token hash prints")
	}
	if len(words) < 4 {
		return nil, errors.New("it is not NAME ROLE ID HASH [zone=ZONE]... [until=TIME], as failoverctl token hash prints it")
	}
	e := &Entry{Name: words[0], Role: words[1], ID: words[2], Hash: words[3]}
	switch {
	case len(e.Name) > maxName:
		return nil, fmt.Errorf("the name has %d bytes; at most %d", len(e.Name), maxName)
	case !slices.Contains(Roles, e.Role):
		return nil, fmt.Errorf("the second word, the role, is none of: %s", strings.Join(Roles, ", "))
	case CheckID(e.ID) != nil:
		return nil, errors.New("the third word, the ID, is not 8 to 32 lower-case letters and digits")
	case CheckHash(e.Hash) != nil:
		return nil, fmt.Errorf("the fourth word, the hash: %w", CheckHash(e.Hash))
	}
	return e, e.options(words[4:])
}

func (e *Entry) options(words []string) error {
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "zone":
			e.Zones = append(e.Zones, value)
		case "until":
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return errors.New("until is no time like 2027-01-31T00:00:00Z")
			}
			e.Until = at
		default:
			return errors.New("after the hash stand only zone=ZONE and until=TIME")
		}
	}
	return nil
}

// File is a file of tokens, read again when it changes. It may be used from any goroutine.
type File struct {
	path  string
	check func(*Entry) error
	now   atomic.Pointer[map[string]*Entry]

	mu   sync.Mutex // guards read
	read []byte
}

// Open reads a file of tokens; check may refuse an entry for a reason of its own.
func Open(path string, check func(*Entry) error) (*File, error) {
	f := &File{path: path, check: check}
	if _, err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Path is where the file is.
func (f *File) Path() string { return f.path }

// Reload looks at the file and says whether something new is in use. One that cannot be read, or holds a mistake,
// leaves the old tokens in use; a mistake is told once.
func (f *File) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := os.ReadFile(f.path)
	if err != nil {
		return false, fmt.Errorf("read the tokens: %w", err)
	}
	if f.read != nil && bytes.Equal(b, f.read) {
		return false, nil
	}
	f.read = append([]byte{}, b...)
	all, err := ParseFile(b)
	for _, e := range all {
		if err = errors.Join(err, f.check(e)); err != nil {
			break
		}
	}
	if err != nil {
		return false, fmt.Errorf("tokens %q: %w", f.path, err)
	}
	f.now.Store(&all)
	return true, nil
}

// Get finds a token's entry.
func (f *File) Get(id string) (*Entry, bool) {
	e, ok := (*f.now.Load())[id]
	return e, ok
}

// Len counts the entries.
func (f *File) Len() int { return len(*f.now.Load()) }
