package failover

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"
)

var rewrite = flag.Bool("rewrite", false, "write the present messages into testdata/bad; read the difference before you keep it")

// corefileOf reads a Corefile as -check does.
func corefileOf(text string) (*corefile, error) {
	return readCorefile(caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(text), ServerTypeName: "dns"})
}

const wantPrefix = "# want: "

// Each file's first line is the exact message that the file must give.
func TestEachBadCorefileGetsItsMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.corefile")
	if err != nil || len(files) < 40 {
		t.Fatalf("Expected at least 40 bad Corefiles, got %d (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".corefile"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, text, _ := strings.Cut(string(b), "\n")
			t.Chdir(filepath.Dir(filepath.Dir(file))) // zone files are named relative to testdata
			got := messageOf(t, string(b))
			if *rewrite {
				if err := os.WriteFile(filepath.Join("bad", filepath.Base(file)), []byte(wantPrefix+got+"\n"+text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := strings.TrimPrefix(first, wantPrefix); got != want {
				t.Errorf("Expected the message\n%s\ngot\n%s", want, got)
			}
		})
	}
}

// messageOf is the error of a Corefile that must have one.
func messageOf(t *testing.T, text string) string {
	t.Helper()
	c, err := corefileOf(text)
	if err == nil {
		_, err = c.config()
	}
	if err == nil {
		t.Fatal("Expected an error, got none")
	}
	return err.Error()
}
