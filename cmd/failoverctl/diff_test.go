package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// printed is what failoverdns -check -json prints of a file that differs from the recorded one in three settings.
const printed = `{"zones":[{"zone":"auth.example.com.","source":"Corefile:9","digest":"other","settings":SETTINGS},
{"zone":"new.example.","source":"Corefile:40","digest":"x","settings":[{"path":"agree","value":"majority"}]}]}`

// fake is a stand-in for failoverdns that prints, or fails.
func fake(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "failoverdns")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// changedSettings is what the recorded cluster has in force, with three settings changed.
func changedSettings(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(answers, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(b), `"in_force"`)
	_, list, _ = strings.Cut(list, `"settings": `)
	list, _, _ = strings.Cut(list, "]")
	list = strings.Replace(list, `"value": "auto"`, `"value": "manual"`, 1)
	list = strings.Replace(list, `"site azure address"`, `"site azure target"`, 1)
	return list + "]"
}

func TestDiffOfAFileShowsEachSettingThatWouldChange(t *testing.T) {
	url := serve(t, &canned{files: map[string]string{"/v1/config": "config"}})
	dir := t.TempDir()
	corefile, out := filepath.Join(dir, "Corefile"), filepath.Join(dir, "printed")
	for path, text := range map[string]string{corefile: "x", out: strings.Replace(printed, "SETTINGS", changedSettings(t), 1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, errs, status := ctl(t, url, "config", "diff", corefile, "--failoverdns", fake(t, `[ "$*" = "-conf `+corefile+` -check -json" ] && cat `+out))
	if status != exitRefused || errs != "" {
		t.Errorf("exit status %d: %s", status, errs)
	}
	golden(t, "config-diff-file.golden", page)
}

func TestDiffOfAFileThatIsInForceExitsZero(t *testing.T) {
	url := serve(t, &canned{files: map[string]string{"/v1/config": "config"}})
	out := filepath.Join(t.TempDir(), "printed")
	b, err := os.ReadFile(filepath.Join(answers, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, digest, _ := strings.Cut(string(b), `"digest": "`)
	digest, _, _ = strings.Cut(digest, `"`)
	text := `{"zones":[{"zone":"auth.example.com.","source":"Corefile:2","digest":"` + digest + `","settings":[]}]}`
	if err := os.WriteFile(out, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	page, errs, status := ctl(t, url, "config", "diff", out, "--failoverdns", fake(t, "cat "+out))
	if status != exitDone || !strings.Contains(page, "is what is in force") {
		t.Errorf("exit status %d: %s%s", status, page, errs)
	}
}

func TestDiffSaysWhyAFileCannotBeCompared(t *testing.T) {
	url := serve(t, &canned{files: map[string]string{"/v1/config": "config"}})
	file := filepath.Join(t.TempDir(), "Corefile")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file, server, says string
		status             int
	}{
		{file + ".none", "", "no such file", exitUsage},
		{file, "/nowhere/failoverdns", "--failoverdns PATH", exitRefused},
		{file, fake(t, "echo 'failoverdns: Corefile:3: unknown word' >&2; exit 1"), "Corefile:3: unknown word", exitRefused},
		{file, fake(t, "echo hello"), `"hello`, exitRefused},
	} {
		_, errs, status := ctl(t, url, "config", "diff", c.file, "--failoverdns", c.server)
		if status != c.status || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit status %d, want %d with %q: %s", c.server, status, c.status, c.says, errs)
		}
	}
}
