package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func drillCommand(s *session) *cobra.Command {
	var to string
	c := s.writeCommand("drill GROUP --to SITE --for 10m", "Rehearse a failover that returns by itself, with a report", cobra.ExactArgs(1), flagSet{lasts: true, reason: true},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			if to == "" {
				return nil, usage("drill needs --to SITE; failoverctl sites lists them")
			}
			return c.StartDrill(ctx, api.DrillRequest{Who: f.who(), Group: args[0], Site: to, For: f.lasts}, f.plan)
		})
	c.Flags().StringVar(&to, "to", "", "the site that the group is moved to")
	lasts := c.Flags().Lookup("for")
	lasts.DefValue, lasts.Usage = "10m", "until it returns, from 1s to 24h"
	_ = lasts.Value.Set(lasts.DefValue)
	_ = c.Flags().SetAnnotation("for", hasEnd, nil)
	c.Long = "drill moves a group to another site for a while, as failover does, and back by itself. It ends at once if that site gets unhealthy,\nand is refused while an incident is open or another drill runs. Its report is kept: drill show ID, or -o json."
	c.AddCommand(
		&cobra.Command{Use: "list", Short: "Drills and their schedules", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Drills, error) { return cl.Drills(ctx, 0) }, drillsPage)
		}},
		&cobra.Command{Use: "show ID", Short: "The report of a drill", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			id, err := drillID(args[0])
			if err != nil {
				return err
			}
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Drills, error) { return cl.Drills(ctx, id) }, drillPage)
		}},
		s.writeCommand("abort ID", "End a drill before its time", cobra.ExactArgs(1), flagSet{reason: true},
			func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
				id, err := drillID(args[0])
				if err != nil {
					return nil, err
				}
				return c.AbortDrill(ctx, api.AbortRequest{Who: f.who(), ID: id}, f.plan)
			}))
	return c
}

func drillID(s string) (uint64, error) {
	id, err := strconv.ParseUint(s, 10, 64)
	if err != nil || id == 0 {
		return 0, usage("%q is no ID of a drill; failoverctl drill list shows them", s)
	}
	return id, nil
}

func drillsPage(t *terminal, a *api.Drills) {
	if len(a.Drills) == 0 {
		t.printf("No drills yet.\n")
	} else {
		x := t.table("", "ID", "GROUP", "FROM", "TO", "STARTED", "LASTED", "OUTCOME", "BY", "REASON")
		for _, d := range a.Drills {
			x.row(fmt.Sprint(d.ID), d.Group, d.From, d.To, when(d.Started, a.At), fine(d.Lasted), drillWord(&d, a.At), d.Author, d.Reason)
		}
		x.end()
	}
	if len(a.Schedules) > 0 {
		t.printf("\n")
		x := t.table("", "SCHEDULED FOR", "DRILL", "LAST")
		for _, s := range a.Schedules {
			last := ""
			if s.Last != nil {
				last = when(*s.Last, a.At)
			}
			x.row(s.Group, s.Text, last)
		}
		x.end()
	}
	footer(t, &a.Meta)
}

func drillWord(d *api.Drill, now time.Time) string {
	switch {
	case d.Ends != nil:
		return "running, ends " + when(*d.Ends, now)
	case d.Why != "":
		return d.Outcome + ": " + d.Why
	}
	return d.Outcome
}

// drillPage is a drill's report.
func drillPage(t *terminal, a *api.Drills) {
	for i := range a.Drills {
		drillReport(t, &a.Drills[i], a.At)
	}
	footer(t, &a.Meta)
}

func drillReport(t *terminal, d *api.Drill, now time.Time) {
	t.printf("Drill %d: %s from %s to %s for %s\n", d.ID, d.Group, d.From, d.To, fine(d.For))
	t.printf("  by       %s: %s\n", d.Author, d.Reason)
	t.printf("  outcome  %s\n", drillWord(d, now))
	t.printf("  started  %s at index %d; caches clear %s\n", when(d.Started, now), d.Index, when(d.OutAt, now))
	if d.Ended != nil {
		t.printf("  ended    %s after %s; answers with %s; caches clear %s\n", when(*d.Ended, now), fine(d.Lasted), d.Back, when(*d.BackAt, now))
	}
	t.printf("\nHealth of %s\n", d.To)
	x := t.table("  ", "FROM", "SITE", "HEALTHY ADDRESSES")
	for _, h := range d.Health {
		word := "down"
		if h.Up {
			word = "up"
		}
		addresses := ""
		if h.Of > 0 {
			addresses = fmt.Sprintf("%d of %d", h.Healthy, h.Of)
		}
		x.row(when(h.At, now), word, addresses)
	}
	x.end()
	drillTimes(t, "The way out", d.Out)
	if d.Ended != nil {
		drillTimes(t, "The way back", d.Return)
	}
}

func drillTimes(t *terminal, title string, times []api.Swap) {
	t.printf("\n%s\n", title)
	if len(times) == 0 {
		t.printf("  Not measured yet.\n")
		return
	}
	x := t.table("  ", "NODE", "COMMIT", "OWN WORK", "ANSWERS SO AFTER", " ")
	for _, s := range times {
		note := " "
		if s.Leader {
			note = "led"
		}
		if s.Error != "" {
			note = s.Error
		}
		x.row(s.Node, exact(s.Commit), exact(s.Apply), exact(s.Swapped), note)
	}
	x.end()
}

// drillIDs completes the drills that are kept.
func drillIDs(running bool) candidates {
	return func(ctx context.Context, c *api.Client) ([]string, error) {
		a, err := c.Drills(ctx, 0)
		if err != nil {
			return nil, err
		}
		var out []string
		for _, d := range a.Drills {
			if !running || d.Ended == nil {
				out = append(out, fmt.Sprintf("%d\t%s to %s, %s", d.ID, d.Group, d.To, d.Outcome))
			}
		}
		return out, nil
	}
}

func groups(ctx context.Context, c *api.Client) ([]string, error) {
	out, err := groupsOrAll(ctx, c)
	if len(out) > 0 {
		out = out[1:]
	}
	return out, err
}
