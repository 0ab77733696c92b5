package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"failoverdns/emergency"
)

func TestLocalPinAndClearWriteTheEmergencyFile(t *testing.T) {
	dir := t.TempDir()
	file := emergency.Path(dir)
	read := func() string {
		b, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(b)
	}
	for i, c := range []struct {
		args string
		out  []string
		file string
	}{
		{"local pin Auth.Example.com. aws --for 6h --reason azure_is_on_fire", []string{"Wrote " + file, "aws is what this node answers group auth.example.com with, until 11:00:00 UTC (in 6h)", "failoverctl status", "failoverctl local clear auth.example.com --data " + dir},
			"auth.example.com pin aws 2026-11-22T11:00:00Z azure_is_on_fire\n"},
		{"local pin all azure --reason ticket-4711", []string{"every group that has it and no line of its own", "2026-11-23 05:00:00 UTC (in 1d)"},
			"auth.example.com pin aws 2026-11-22T11:00:00Z azure_is_on_fire\nall pin azure 2026-11-23T05:00:00Z ticket-4711\n"},
		{"local pin auth.example.com azure --for 30m --reason back", []string{"azure is what this node answers"},
			"auth.example.com pin azure 2026-11-22T05:30:00Z back\nall pin azure 2026-11-23T05:00:00Z ticket-4711\n"},
		{"local clear auth.example.com", []string{"Cleared auth.example.com, which was pinned to azure.", "failoverctl status"}, "all pin azure 2026-11-23T05:00:00Z ticket-4711\n"},
		{"local clear all -o json", []string{`"group": "all"`, `"site": "azure"`, `"file": "` + file + `"`}, ""},
	} {
		out, errs, status := ctl(t, "", append(strings.Fields(c.args), "--data", dir)...)
		if status != 0 || errs != "" || read() != c.file {
			t.Errorf("%s: exit status %d, errors %q; the file is\n%s", c.args, status, errs, read())
		}
		golden(t, fmt.Sprintf("local-%d.golden", i), saw.as(out, strings.ReplaceAll(out, dir, "DIR")))
		for _, want := range c.out {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is missing in\n%s", c.args, want, out)
			}
		}
	}
}

func TestLocalRefusesWhatWouldMakeNoValidFile(t *testing.T) {
	dir := t.TempDir()
	for args, want := range map[string]struct {
		text   string
		status int
	}{
		"local pin auth.example.com aws":                                {"needs --reason", 2},
		"local pin auth.example.com":                                    {"accepts 2 arg(s)", 2},
		"local pin auth.example.com aws --reason x --for 0s":            {`--for "0s" is no duration from 1s on`, 2},
		"local pin auth.example.com aws --reason x --for never":         {"is not a duration like 30s", 2},
		"local clear auth.example.com":                                  {"there is nothing to clear for auth.example.com in " + emergency.Path(dir), 1},
		"local clear all":                                               {"there is nothing to clear for all", 1},
		"local pin a.example aws --reason x --data " + dir + "/nowhere": {`there is no data directory "` + filepath.Join(dir, "nowhere"), 1},
	} {
		words := strings.Fields(args)
		if !strings.Contains(args, "--data") {
			words = append(words, "--data", dir)
		}
		if _, errs, status := ctl(t, "", words...); status != want.status || !strings.Contains(errs, want.text) {
			t.Errorf("%s: exit status %d, want %d; errors %q", args, status, want.status, errs)
		}
	}
	if _, err := os.Stat(emergency.Path(dir)); !os.IsNotExist(err) {
		t.Errorf("a refusal wrote the file: %v", err)
	}
}

func TestLocalLeavesABrokenFileAloneUntilClearAll(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(emergency.Path(dir), []byte("a.example pin aws soon x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, errs, status := ctl(t, "", "local", "pin", "b.example", "aws", "--reason", "x", "--data", dir)
	if status != 1 || !strings.Contains(errs, `is not valid and stays as it is: line 1: expiry "soon" is no time of RFC 3339`) {
		t.Errorf("exit status %d, errors %q", status, errs)
	}
	out, _, status := ctl(t, "", "local", "clear", "all", "--data", dir)
	if status != 0 || !strings.Contains(out, "which had no effect") {
		t.Errorf("exit status %d, output %q", status, out)
	}
}
