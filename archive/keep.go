package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	suffix = ".backup.tar.gz"
	part   = ".part" // of one that is being written
)

// Save writes a file whole or not at all: beside its place first, synced, then moved there.
func Save(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path+part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path+part))
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+part, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Keep writes an archive into a directory under a name made of its node, time and index, then removes the oldest of
// that node's beyond so many. It gives the file's path.
func Keep(dir string, keep int, m Meta, state []byte) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep a backup: %w", err)
	}
	path = filepath.Join(dir, fmt.Sprintf("%s-%s-%d%s", m.Node, m.Time.UTC().Format("20060102T150405Z"), m.Index, suffix))
	if err := Save(path, func(w io.Writer) error { return Write(w, m, state) }); err != nil {
		return "", fmt.Errorf("keep a backup: %w", err)
	}
	return path, prune(dir, m.Node, keep)
}

// prune removes the oldest backups of a node, and what was left of one that was cut short. Names sort by time.
func prune(dir, node string, keep int) error {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return fmt.Errorf("remove old backups: %w", err)
	}
	var own []string
	for _, e := range entries {
		name := e.Name()
		rest, ok := strings.CutPrefix(name, node+"-")
		if !ok || len(rest) < len("20060102T150405Z") || rest[len("20060102T")-1] != 'T' {
			continue
		}
		switch {
		case strings.HasSuffix(name, suffix+part):
			err = errors.Join(err, os.Remove(filepath.Join(dir, name)))
		case strings.HasSuffix(name, suffix):
			own = append(own, name)
		}
	}
	for ; len(own) > keep; own = own[1:] {
		err = errors.Join(err, os.Remove(filepath.Join(dir, own[0])))
	}
	if err != nil {
		return fmt.Errorf("remove old backups: %w", err)
	}
	return nil
}
