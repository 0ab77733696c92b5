package world

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ClockVariable is where a program that BuildWithClock built finds its offset. No other program knows the name.
const ClockVariable = "FAILOVERDNS_WALL_OFFSET"

// offsetSource becomes a part of Go's package time.
//
//go:embed testdata/offset.go
var offsetSource string

// reading is how package time reads the wall clock: at this one place, of time.Now.
const reading = "\tsec, nsec, mono := runtimeNow()"

// BuildWithClock builds a program whose wall clock a Clock sets: all of it, libraries and TLS too. Timers, and times that
// compare by the monotonic clock, go on as on a machine whose clock is set. The sources stay as they are: the compiler is
// given another package time (go build -overlay), so that all packages are compiled once more, and kept in Go's cache.
func BuildWithClock(source, program string) error {
	dir, err := os.MkdirTemp("", "clock-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-overlay", overlay, "-ldflags", "-s -w", "-o", program, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s with another clock: %w\n%s", source, err, out)
	}
	return nil
}

// writeOverlay writes the changed package time and the list of its files, whose path it gives.
func writeOverlay(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find Go's own sources: %w", err)
	}
	at := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(at, "time.go"))
	if err != nil {
		return "", err
	}
	changed, err := withOffset(string(text))
	if err != nil {
		return "", err
	}
	files := map[string]string{}
	for name, text := range map[string]string{"time.go": changed, "offset.go": offsetSource} {
		files[filepath.Join(at, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": files})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// withOffset changes the source of time.Now.
func withOffset(source string) (string, error) {
	before, now, ok := strings.Cut(source, "\nfunc Now() Time {\n")
	body, after, ends := strings.Cut(now, "\n}\n")
	if !ok || !ends || strings.Count(body, reading) != 1 {
		return "", fmt.Errorf("this version of Go reads its clock in another way than by %q in time.Now", reading[1:])
	}
	body = strings.Replace(body, reading, reading+"\n\tsec += offset()", 1)
	return before + "\nfunc Now() Time {\n" + body + "\n}\n" + after, nil
}

// Clock is the wall clock of the programs that BuildWithClock built and that run with Variable in their environment.
type Clock struct{ path string }

// NewClock keeps what the clock says in a file, which must not be there yet. It is right at first.
func NewClock(path string) (*Clock, error) {
	return &Clock{path}, os.WriteFile(path, make([]byte, 8), 0o600)
}

// Variable is NAME=VALUE for the environment of a program.
func (c *Clock) Variable() string { return ClockVariable + "=" + c.path }

// Set has the clock go wrong by so much, at once.
func (c *Clock) Set(offset time.Duration) error {
	f, err := os.OpenFile(c.path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	defer f.Close()
	_, err = f.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(offset/time.Second)), 0)
	return err
}
