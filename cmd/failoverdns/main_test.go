package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func runWith(args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	status = run(args, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

func TestCheckPrintsWhatTheExampleMeans(t *testing.T) {
	status, out, errs := runWith("-conf", "../../Corefile.example", "-check")
	if status != 0 || errs != "" {
		t.Fatalf("Expected exit status 0, got %d: %s", status, errs)
	}
	for _, want := range []string{"zone auth.example.com", "login.auth.example.com", "here/http", "127.0.0.2", "34s", "1m34s"} {
		if !strings.Contains(out, want) {
			t.Errorf("Expected %q in\n%s", want, out)
		}
	}
}

func TestCheckRefusesWithFileLineAndReason(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a.example {\n    failover {\n        ttl 1m30\n    }\n}\n", `:3: ttl "1m30" is no TTL`},
		{"a.example {\n    reload\n}\n", ":2 - Error during parsing: Unknown directive 'reload'"},
		{"a.example {\n    errors\n    file db {\n        reload 1m\n", ":3: the block that begins here is not closed"},
		{"a.example {\n    file db {\n        reload 1m\n    }\n", ":1: the block that begins here is not closed"},
		{"# nothing here\n\n", "has no server block, so it serves nothing"},
		{"a.example {\n    bufsize nine\n}\n", "bufsize"},
	} {
		file := filepath.Join(t.TempDir(), "Corefile")
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		status, _, errs := runWith("-conf", file, "-check")
		if status != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("Expected exit status 1 and %q, got %d: %s", c.want, status, errs)
		}
	}
}

func TestCheckWarnsOfWhatIsProbablyNotMeant(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Corefile")
	text := `a.example {
    failover {
        primary x {
            address 192.0.2.9 2001:db8::9
            check https://a.example/ {
                header Authorization "Bearer abc"
            }
        }
        secondary y {
            address 192.0.2.10
        }
        nameserver ns.example.net
        agree 3
        cluster {
            id n1
            peer n1 192.0.2.1:7000
            peer n2 192.0.2.2:7000
            tls a b c
        }
    }
}
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	status, out, errs := runWith("-conf", file, "-check")
	if status != 0 {
		t.Fatalf("Expected warnings not to fail, got %d: %s", status, errs)
	}
	for _, want := range []string{
		"two probing nodes", `a certificate file cannot be read here: open a: no such file`, "agree 3 is more than the 2 probing node(s)", "site y has no check",
		"only x has AAAA addresses for a.example", "check x/https sends Authorization from the Corefile",
	} {
		if !strings.Contains(out, "warning: ") || !strings.Contains(out, want) {
			t.Errorf("Expected a warning with %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "abc") {
		t.Error("Expected the header's value not to be printed")
	}
}

func TestWrongUsageIsExitStatusTwo(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"-nope"}} {
		if status, _, errs := runWith(args...); status != 2 || errs == "" {
			t.Errorf("%q: Expected exit status 2 and a message, got %d: %s", args, status, errs)
		}
	}
	if status, _, errs := runWith("-conf", filepath.Join(t.TempDir(), "none")); status != 1 || !strings.Contains(errs, "-conf") {
		t.Errorf("Expected a missing Corefile to be refused with the way out, got %d: %s", status, errs)
	}
	if status, out, _ := runWith("-version"); status != 0 || !strings.HasPrefix(out, "failoverdns ") {
		t.Errorf("Expected the version, got %d: %s", status, out)
	}
}
