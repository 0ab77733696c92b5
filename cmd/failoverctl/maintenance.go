package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func maintenanceCommand(s *session) *cobra.Command {
	cancel := s.writeCommand("cancel ID", "Cancel a maintenance window before its start", cobra.ExactArgs(1), flagSet{reason: true},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || id == 0 {
				return nil, usage("%q is no ID of a maintenance window; failoverctl maintenance list shows them", args[0])
			}
			return c.CancelMaintenance(ctx, api.CancelRequest{Who: f.who(), ID: id}, f.plan)
		})
	list := &cobra.Command{Use: "list", Short: "Maintenance windows: planned, running and over", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Maintenance, error) { return cl.Maintenance(ctx) }, maintenancePage)
	}}
	return group("maintenance", "Plan overrides ahead", maintenanceAdd(s), list, cancel)
}

func maintenanceAdd(s *session) *cobra.Command {
	var at, in string
	var up bool
	c := s.writeCommand("add site|address|check|node|endpoint ID --at TIME|--in D", "Plan a maintenance window", cobra.ExactArgs(2), flagSet{lasts: true, force: true, reason: true, glass: true},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			r := api.MaintenanceRequest{Who: f.who(), Scope: args[0], Target: args[1], Word: "down", In: in, For: f.lasts, Force: f.force, BreakGlass: f.glass}
			mutes := r.Scope == "check" || r.Scope == "node"
			switch {
			case mutes && up:
				return nil, usage("a %s is muted, and not forced up", r.Scope)
			case mutes:
				r.Word = "mute"
			case up:
				r.Word = "up"
			}
			var err error
			if r.At, err = startAt(at, in); err != nil {
				return nil, err
			}
			return c.PlanMaintenance(ctx, r, f.plan)
		})
	c.Flags().StringVar(&at, "at", "", "when it starts, as in 2026-01-31T22:00Z or 2026-01-31T23:00+01:00")
	c.Flags().StringVar(&in, "in", "", "after how long it starts, instead of --at")
	c.Flags().BoolVar(&up, "up", false, "force it up; by default a site, address or endpoint is forced down, a check or node muted")
	lasts := c.Flags().Lookup("for")
	lasts.DefValue, lasts.Usage = "1h", "how long it lasts, from 1s to 8784h"
	_ = lasts.Value.Set(lasts.DefValue)
	_ = c.Flags().SetAnnotation("for", hasEnd, nil)
	c.Long = "maintenance add plans an override: it starts and ends by itself, whoever leads then. At its start it is judged as an override\ngiven at that moment: what a safety rule, or the last site that is up, then forbids has no effect, and an event says so."
	return c
}

// startAt reads the wall time of a start; a zone is part of it, since operators and servers seldom share theirs.
func startAt(at, in string) (*time.Time, error) {
	if (at == "") == (in == "") {
		return nil, usage("a maintenance window needs its start: --at TIME or --in DURATION")
	}
	if at == "" {
		if d, err := time.ParseDuration(in); err != nil || d < time.Second {
			return nil, usage("--in %q is no duration from 1s on (30m, 24h)", in)
		}
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, strings.Replace(at, " ", "T", 1)); err == nil {
			t = t.UTC()
			return &t, nil
		}
	}
	return nil, usage("--at %q is no time with its zone; write it like 2026-01-31T22:00Z or 2026-01-31T23:00+01:00", at)
}

func maintenancePage(t *terminal, a *api.Maintenance) {
	if len(a.Windows) == 0 {
		t.printf("No maintenance windows.\n")
	} else {
		windowsTable(t, "", a.Windows, a.At)
	}
	footer(t, &a.Meta)
}

func windowsTable(t *terminal, indent string, windows []api.Window, now time.Time) {
	x := t.table(indent, "ID", "TARGET", "WORD", "STARTS", "ENDS", "STANDING", "BY", "REASON", " ")
	for i := range windows {
		w := &windows[i]
		ends := api.Never
		if w.Ends != nil {
			ends = when(*w.Ends, now)
		}
		x.row(fmt.Sprint(w.ID), w.Scope+" "+w.Target, windowWord(w), when(w.Starts, now), ends, windowStanding(w), w.Author, w.Reason, orSpace(w.Why))
	}
	x.end()
}

func windowWord(w *api.Window) string {
	switch {
	case w.BreakGlass:
		return w.Word + " (break-glass)"
	case w.Forced:
		return w.Word + " (forced)"
	}
	return w.Word
}

func windowStanding(w *api.Window) string {
	if w.Overdue {
		return "OVERDUE"
	}
	return w.Standing
}

// orSpace keeps a last column that is mostly empty from showing dashes.
func orSpace(s string) string {
	if s == "" {
		return " "
	}
	return s
}

func windowsBlock(t *terminal, windows []api.Window, now time.Time) {
	if len(windows) > 0 {
		t.printf("\nMaintenance windows\n")
		windowsTable(t, "  ", windows, now)
	}
}

func scopes(context.Context, *api.Client) ([]string, error) {
	return []string{"site", "address", "endpoint", "check", "node"}, nil
}

// targets completes what a window may be of, of every scope.
func targets(ctx context.Context, c *api.Client) (out []string, err error) {
	for _, of := range []candidates{siteIDs, addressIDs, endpointIDs, checkIDs, nodeIDs} {
		ids, err := of(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, ids...)
	}
	return out, nil
}

// windowIDs completes the windows that can be cancelled.
func windowIDs(ctx context.Context, c *api.Client) (out []string, err error) {
	a, err := c.Maintenance(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range a.Windows {
		if w.Standing == api.WindowPlanned {
			out = append(out, fmt.Sprintf("%d\t%s %s %s, %s", w.ID, w.Scope, w.Target, w.Word, w.Reason))
		}
	}
	return out, nil
}
