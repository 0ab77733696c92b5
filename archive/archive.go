// Package archive is the form of a backup: a gzip'd tar of three files, in this order.
//
//	meta.json   what the state is, and where it was taken
//	state       the replicated state, as its package writes it: one JSON value on each line
//	SHA256SUMS  the checksums of the two, as sha256sum writes and checks them
//
// Read gives nothing of an archive that is not whole: a cut, damaged or foreign one is an error. What the state means is
// no matter of this package.
package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The files of an archive.
const (
	metaFile  = "meta.json"
	stateFile = "state"
	sumsFile  = "SHA256SUMS"
)

const (
	format  = "failoverdns-backup"
	version = 1
	// maxMeta and maxState bound what is unpacked, in bytes.
	maxMeta  = 1 << 20
	maxState = 512 << 20
)

// Meta says what an archive holds.
type Meta struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Cluster string    `json:"cluster,omitempty"` // the cluster's name
	Node    string    `json:"node"`              // where it was taken
	Time    time.Time `json:"time"`              // when, by that node's clock
	Index   uint64    `json:"index"`             // log index of the state
	Term    uint64    `json:"term"`
	Hash    string    `json:"hash"`  // of the state
	Level   int       `json:"level"` // feature level in force
	Program string    `json:"program"`
	Stale   bool      `json:"stale,omitempty"`   // no leader was asked
	Age     float64   `json:"state_age_seconds"` // of the state, when it was taken
	Members []Member  `json:"members"`           // for people: a restore keeps the members of the cluster that it is done in
}

// Member was a node of the cluster.
type Member struct {
	ID       string `json:"id"`
	Address  string `json:"address"`
	Suffrage string `json:"suffrage"`
}

// Write writes an archive. Format and version are filled in.
func Write(w io.Writer, m Meta, state []byte) error {
	m.Format, m.Version = format, version
	meta, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write an archive: %w", err)
	}
	meta = append(meta, '\n')
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, f := range []struct {
		name string
		text []byte
	}{{metaFile, meta}, {stateFile, state}, {sumsFile, sums(meta, state)}} {
		head := &tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.text)), ModTime: m.Time, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if err := t.WriteHeader(head); err != nil {
			return fmt.Errorf("write an archive: %w", err)
		}
		if _, err := t.Write(f.text); err != nil {
			return fmt.Errorf("write an archive: %w", err)
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return fmt.Errorf("write an archive: %w", err)
	}
	return nil
}

func sums(meta, state []byte) []byte {
	return fmt.Appendf(nil, "%x  %s\n%x  %s\n", sha256.Sum256(meta), metaFile, sha256.Sum256(state), stateFile)
}

// Read reads an archive, whole.
func Read(r io.Reader) (Meta, []byte, error) {
	m, state, err := read(r)
	if err != nil {
		return Meta{}, nil, fmt.Errorf("read the archive: %w", err)
	}
	return m, state, nil
}

func read(r io.Reader) (m Meta, state []byte, err error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return m, nil, fmt.Errorf("it is no backup of this program: %w", err)
	}
	t := tar.NewReader(z)
	meta, err := file(t, metaFile, maxMeta)
	if err != nil {
		return m, nil, err
	}
	if state, err = file(t, stateFile, maxState); err != nil {
		return m, nil, err
	}
	want, err := file(t, sumsFile, maxMeta)
	if err != nil {
		return m, nil, err
	}
	if err := end(t, z); err != nil {
		return m, nil, err
	}
	if !bytes.Equal(want, sums(meta, state)) {
		return m, nil, errors.New("its checksums are wrong: it is damaged")
	}
	if err := json.Unmarshal(meta, &m); err != nil || m.Format != format {
		return m, nil, errors.New("it is no backup of this program")
	}
	if m.Version != version {
		return m, nil, fmt.Errorf("it is of version %d; this program reads %d", m.Version, version)
	}
	return m, state, nil
}

// file reads the next file, which must be this one.
func file(t *tar.Reader, name string, most int64) ([]byte, error) {
	head, err := t.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s is missing", name)
	case err != nil:
		return nil, fmt.Errorf("it is damaged, or no backup of this program: %w", err)
	case head.Name != name || head.Typeflag != tar.TypeReg:
		return nil, fmt.Errorf("it is no backup of this program: it has %q where %q belongs", head.Name, name)
	case head.Size > most:
		return nil, fmt.Errorf("%s has %d bytes, and at most %d are read", name, head.Size, most)
	}
	b, err := io.ReadAll(t)
	if err != nil {
		return nil, fmt.Errorf("%s is cut short or damaged: %w", name, err)
	}
	return b, nil
}

// end makes sure that nothing follows, and with that, that gzip's own checksum was read.
func end(t *tar.Reader, z io.Reader) error {
	if _, err := t.Next(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its last file")
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(z, maxMeta)); err != nil {
		return fmt.Errorf("it is cut short or damaged: %w", err)
	}
	return nil
}

// Rows counts what a state holds, by table.
func Rows(state []byte) map[string]int {
	out := map[string]int{}
	for line := range bytes.Lines(state) {
		var row struct {
			Table string `json:"table"`
		}
		if json.Unmarshal(line, &row) == nil && row.Table != "" {
			out[row.Table]++
		}
	}
	return out
}
