package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

// zoneDiff is what a declaration would change in one zone.
type zoneDiff struct {
	Zone    string   `json:"zone"`
	New     bool     `json:"new,omitempty"` // the cluster does not have the zone yet
	Equal   bool     `json:"equal"`
	Changes []change `json:"changes"`
}

// change is one setting that would change: Is is absent for one that goes, Was for one that comes.
type change struct {
	Path string  `json:"path"`
	Was  *string `json:"was,omitempty"`
	Is   *string `json:"is,omitempty"`
}

// declared is what failoverdns -check -json prints.
type declared struct {
	Zones []api.ZoneSettings `json:"zones"`
}

// difference compares a declaration with what is in force.
func difference(d api.ZoneSettings, inForce []api.ZoneSettings) zoneDiff {
	out := zoneDiff{Zone: d.Zone, Changes: []change{}}
	i := slices.IndexFunc(inForce, func(z api.ZoneSettings) bool { return z.Zone == d.Zone })
	out.New = i < 0
	was, is := map[string]string{}, byPath(d.Settings)
	if !out.New {
		out.Equal = inForce[i].Digest == d.Digest
		was = byPath(inForce[i].Settings)
	}
	for path, value := range is {
		old, had := was[path]
		switch {
		case !had:
			out.Changes = append(out.Changes, change{Path: path, Is: &value})
		case old != value:
			out.Changes = append(out.Changes, change{Path: path, Was: &old, Is: &value})
		}
	}
	for path, value := range was {
		if _, has := is[path]; !has {
			out.Changes = append(out.Changes, change{Path: path, Was: &value})
		}
	}
	slices.SortFunc(out.Changes, func(a, b change) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func byPath(settings []api.Setting) map[string]string {
	out := map[string]string{}
	for _, s := range settings {
		out[s.Path] = s.Value
	}
	return out
}

// differencePage says in words what whose declaration would change.
func differencePage(t *terminal, whose string, d zoneDiff) {
	switch {
	case d.Equal:
		t.printf("%s: %s is what is in force.\n", d.Zone, whose)
	case d.New:
		t.printf("%s: %s would add this zone.\n", d.Zone, whose)
	case len(d.Changes) == 0:
		t.printf("%s: %s means the same as what is in force, in another order.\n", d.Zone, whose)
	default:
		t.printf("%s: %s would change\n", d.Zone, whose)
	}
	x := t.table("  ")
	for _, c := range d.Changes {
		switch {
		case c.Was == nil:
			x.row("+", c.Path, *c.Is)
		case c.Is == nil:
			x.row("-", c.Path, *c.Was)
		default:
			x.row("~", c.Path, *c.Was+"  ->  "+*c.Is)
		}
	}
	x.end()
}

// fileDiff compares a Corefile with what is in force.
func fileDiff(s *session, c *cobra.Command, server, file string) error {
	mine, err := readDeclared(c.Context(), c.InOrStdin(), server, file)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	a, err := client.Settings(c.Context())
	if err != nil {
		return err
	}
	diffs, same := []zoneDiff{}, true
	for _, z := range mine.Zones {
		d := difference(z, a.InForce)
		diffs, same = append(diffs, d), same && d.Equal
	}
	if s.output == "json" {
		err = s.t.json(diffs)
	} else {
		for i, d := range diffs {
			differencePage(s.t, mine.Zones[i].Source, d)
		}
		s.notDeclared(mine.Zones, a.InForce)
		footer(s.t, &a.Meta)
	}
	if err == nil && !same {
		return errUnhealthy
	}
	return err
}

// notDeclared names the zones that a file leaves out: nothing happens to them.
func (s *session) notDeclared(mine, inForce []api.ZoneSettings) {
	for _, z := range inForce {
		if !slices.ContainsFunc(mine, func(m api.ZoneSettings) bool { return m.Zone == z.Zone }) {
			s.t.printf("%s: not in this file, which leaves it as it is.\n", z.Zone)
		}
	}
}

// readDeclared has a Corefile read by failoverdns, or takes what that printed from standard input.
func readDeclared(ctx context.Context, in io.Reader, server, file string) (*declared, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(in)
	} else {
		b, err = checked(ctx, server, file)
	}
	if err != nil {
		return nil, err
	}
	out := new(declared)
	if err := json.Unmarshal(b, out); err != nil || out.Zones == nil {
		return nil, fmt.Errorf("that is not what failoverdns -check -json prints: %.60q", b)
	}
	return out, nil
}

// checked runs failoverdns over a Corefile.
func checked(ctx context.Context, server, file string) ([]byte, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, usage("read the Corefile: %w", err)
	}
	if server == "" {
		server = besideThis("failoverdns")
	}
	cmd := exec.CommandContext(ctx, server, "-conf", file, "-check", "-json")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	b, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return nil, errors.New(strings.TrimSpace(errs.String()))
	case err != nil:
		return nil, fmt.Errorf("%w; name the program that reads Corefiles with --failoverdns PATH, or pipe its output: failoverdns -conf %s -check -json | failoverctl config diff -", err, file)
	}
	return b, nil
}

// besideThis finds a program in the directory of this one; else the name alone is looked up in PATH.
func besideThis(name string) string {
	if self, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(self), name); fileIsThere(path) {
			return path
		}
	}
	return name
}

func fileIsThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
