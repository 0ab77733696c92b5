package failover

import (
	"os"
	"path/filepath"
	"testing"
)

// A Corefile is read whole or refused with a message, whatever it holds.
func FuzzCorefile(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.corefile", "testdata/good/*.corefile"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(b))
		}
	}
	dir := f.TempDir() // imports and zone files that the fuzzer names are looked for where nothing is
	if err := os.Chdir(dir); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := corefileOf(text)
		if err == nil {
			_, err = c.config()
		}
		if err != nil && err.Error() == "" {
			t.Error("Expected a message, got none")
		}
	})
}
