package archive

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var sample = []byte(`{"format":"failoverdns-state"}` + "\n" + `{"table":"zones","row":{}}` + "\n" + `{"table":"events","row":{}}` + "\n" + `{"table":"events","row":{}}` + "\n")

func archived(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	m := Meta{Cluster: "c", Node: "ns1", Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Index: 7, Term: 2, Hash: "00ff", Level: 2, Members: []Member{{"ns1", "192.0.2.1:5300", "voter"}}}
	if err := Write(&b, m, sample); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	m, state, err := Read(bytes.NewReader(archived(t)))
	if err != nil || !bytes.Equal(state, sample) || m.Index != 7 || m.Members[0].ID != "ns1" {
		t.Fatalf("%+v %q %v", m, state, err)
	}
	if got := Rows(state); !reflect.DeepEqual(got, map[string]int{"zones": 1, "events": 2}) {
		t.Errorf("rows %v", got)
	}
}

// TestNothingOfADamagedArchiveIsRead cuts one short at every length, and changes every byte of what is packed.
func TestNothingOfADamagedArchiveIsRead(t *testing.T) {
	whole := archived(t)
	for n := range len(whole) {
		if _, state, err := Read(bytes.NewReader(whole[:n])); err == nil || state != nil {
			t.Fatalf("cut to %d of %d bytes it was read", n, len(whole))
		}
	}
	z, err := gzip.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(plain, sample)
	for i := at; i < at+len(sample); i++ {
		damaged := bytes.Clone(plain)
		damaged[i] ^= 1
		if _, _, err := Read(repacked(t, damaged)); err == nil || !strings.Contains(err.Error(), "checksums are wrong") {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for _, foreign := range []string{"", "hello", "\x1f\x8b"} {
		if _, _, err := Read(strings.NewReader(foreign)); err == nil {
			t.Errorf("%q was read", foreign)
		}
	}
}

func repacked(t *testing.T, plain []byte) io.Reader {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestOnlyTheNewestAreKeptAndOthersFilesAreLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5 {
		if _, err := Keep(dir, 3, Meta{Node: "ns1", Time: at.Add(time.Duration(i) * time.Hour), Index: uint64(i)}, sample); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			for _, name := range []string{"notes.txt", "ns1-2-20260101T000000Z-1.backup.tar.gz", "ns1-20260101T000000Z-9.backup.tar.gz.part"} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"notes.txt", "ns1-2-20260101T000000Z-1.backup.tar.gz", "ns1-20260101T020000Z-2.backup.tar.gz", "ns1-20260101T030000Z-3.backup.tar.gz", "ns1-20260101T040000Z-4.backup.tar.gz"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("%q\nwant %q", names, want)
	}
}

func TestSaveLeavesTheOldFileWhereTheNewOneFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, func(io.Writer) error { return io.ErrShortWrite }); err == nil {
		t.Fatal("no error")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Stat(path + part); err == nil {
		t.Error("the unfinished file is left")
	}
}
