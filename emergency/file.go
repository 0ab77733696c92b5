package emergency

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Path is where a data directory has the file.
func Path(dir string) string { return filepath.Join(dir, FileName) }

// Read gives the file's text, empty if there is none. A file that is too long is cut short of maxSize+1 bytes, which
// Parse refuses.
func Read(dir string) (string, error) {
	f, err := os.Open(Path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("it cannot be read: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", fmt.Errorf("it cannot be read: %w", err)
	}
	return string(b), nil
}

// Set writes a pin in place of its group's line, or behind the others, and keeps all other lines. It refuses to touch a
// file that is not valid, and a pin that would not be, or that is over by now.
func Set(dir string, p Pin, now time.Time) error {
	line := p.String()
	if again, err := parseLine(line); err != nil || again == nil || again.Site != p.Site || strings.Contains(line, "\n") {
		return fmt.Errorf("this makes no line of the emergency file: %w", cmpError(err))
	}
	if !p.Stands(now) {
		return fmt.Errorf("expiry %s is past already", p.Expires.Format(time.RFC3339))
	}
	return edit(dir, func(lines []string, pins []Pin) ([]string, error) {
		if i := slices.IndexFunc(pins, func(o Pin) bool { return o.Group == Group(p.Group) }); i >= 0 {
			lines[pins[i].Line-1] = line
			return lines, nil
		}
		return append(lines, line), nil
	})
}

// cmpError says what is wrong where parsing did not: a site or group that is several words.
func cmpError(err error) error {
	if err == nil {
		return errors.New("group and site are one word each")
	}
	return err
}

// ErrNoLine is that there is nothing to clear.
var ErrNoLine = errors.New("the emergency file has no such line")

// Clear takes the line of a group out, or all lines that pin with All, and keeps the others. It gives what was taken
// out. All empties a file that is not valid, too: that is the way out of one.
func Clear(dir, group string) (cleared []Pin, err error) {
	if group == All {
		text, err := Read(dir)
		if err != nil {
			return nil, fmt.Errorf("the emergency file %s: %w", Path(dir), err)
		}
		if strings.TrimSpace(text) == "" {
			return nil, ErrNoLine
		}
		cleared, _ = Parse(text)
		return cleared, remove(dir)
	}
	err = edit(dir, func(lines []string, pins []Pin) ([]string, error) {
		i := slices.IndexFunc(pins, func(p Pin) bool { return p.Group == Group(group) })
		if i < 0 {
			return nil, ErrNoLine
		}
		cleared = pins[i : i+1]
		return slices.Delete(lines, pins[i].Line-1, pins[i].Line), nil
	})
	return cleared, err
}

// edit changes a valid file's lines.
func edit(dir string, change func(lines []string, pins []Pin) ([]string, error)) error {
	path := Path(dir)
	if i, err := os.Stat(dir); err != nil || !i.IsDir() {
		return fmt.Errorf("there is no data directory %q; name the one that the Corefile's cluster block has as data", dir)
	}
	text, err := Read(dir)
	if err != nil {
		return fmt.Errorf("the emergency file %s: %w", path, err)
	}
	pins, err := Parse(text)
	if err != nil {
		return fmt.Errorf("the emergency file %s is not valid and stays as it is: %w; mend it, or remove it with: failoverctl local clear all --data %s", path, err, dir)
	}
	var lines []string
	if text = strings.TrimRight(text, "\r\n"); text != "" {
		lines = strings.Split(text, "\n")
	}
	lines, err = change(lines, pins)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, l := range lines {
		b.WriteString(strings.TrimRight(l, "\r") + "\n")
	}
	if _, err := Parse(b.String()); err != nil {
		return fmt.Errorf("the emergency file stays as it is: with this change, %w", err)
	}
	return replace(dir, b.Bytes())
}

// replace puts a whole file in place of the old one: whoever reads sees the one or the other. It is readable for all,
// since the node may run as another user than the one who writes.
func replace(dir string, text []byte) error {
	f, err := os.CreateTemp(dir, FileName+".new-*")
	if err != nil {
		return fmt.Errorf("write the emergency file: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), Path(dir))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the emergency file: %w", err), os.Remove(f.Name()))
	}
	return syncDir(dir)
}

func remove(dir string) error {
	if err := os.Remove(Path(dir)); err != nil {
		return fmt.Errorf("remove the emergency file: %w", err)
	}
	return syncDir(dir)
}

// syncDir makes a change of names survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync the data directory: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
