package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func incidentsCommand(s *session) *cobra.Command {
	return &cobra.Command{Use: "incidents [ID]", Short: "Departures of sites, with timings and votes", Args: cobra.MaximumNArgs(1), RunE: func(c *cobra.Command, args []string) error {
		var id uint64
		text := incidentsPage
		if len(args) == 1 {
			n, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || n == 0 {
				return usage("incident %q is no ID; failoverctl incidents lists them", args[0])
			}
			id, text = n, incidentPage
		}
		return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Incidents, error) { return cl.Incidents(ctx, id) }, text)
	}}
}

func incidentsPage(t *terminal, a *api.Incidents) {
	if len(a.Incidents) == 0 {
		t.printf("No incidents.\n")
	} else {
		x := t.table("", "ID", "GROUP", "SITE", "DECIDED", "CAUSE", "MOVED", "DETECT", "AGREE", "AWAY", " ")
		for _, in := range a.Incidents {
			x.row(fmt.Sprint(in.ID), in.Group, in.Site, when(in.Decided, a.At), in.Cause, moved(&in), fine(in.Detect), fine(in.Agree), fine(in.Away), openWord(&in))
		}
		x.end()
	}
	footer(t, &a.Meta)
}

func moved(in *api.Incident) string {
	if in.From == in.To {
		return "stayed with " + in.To
	}
	return in.From + " to " + in.To
}

func openWord(in *api.Incident) string {
	if in.Open {
		return "OPEN"
	}
	return " "
}

func incidentPage(t *terminal, a *api.Incidents) {
	for _, in := range a.Incidents {
		t.printf("Incident %d: site %s of %s (%s)%s\n", in.ID, in.Site, in.Group, in.Cause, map[bool]string{true: ", open"}[in.Open])
		x := t.table("  ")
		if in.FirstFailed != nil {
			x.row("first failed probe", when(*in.FirstFailed, a.At))
		}
		x.row("decided", when(in.Decided, a.At)+fmt.Sprintf(", index %d", in.Index))
		x.row("detection", fine(in.Detect)+" to the first vote, then "+fine(in.Agree)+" to the verdict")
		x.row("answers", moved(&in))
		if in.Endpoint != "" {
			x.row("endpoint", in.Endpoint)
		}
		x.row("site up again", optional(in.Returned, a.At))
		x.row("back in service", optional(in.Back, a.At))
		x.end()
		timelineTable(t, &in)
		if len(in.Votes) > 0 {
			t.printf("\nThe votes behind it\n\n")
			votesTable(t, in.Votes, a.At)
		}
		swapsTable(t, in.Nodes)
	}
	footer(t, &a.Meta)
}

// swapsTable shows how the decision came to each node's answers: the part of a failover above its theoretical minimum.
func swapsTable(t *terminal, nodes []api.Swap) {
	if len(nodes) == 0 {
		return
	}
	t.printf("\nFrom the decision to each node's answers\n\n")
	x := t.table("", "NODE", "ANSWERS AFTER", "COMMIT", "OWN WORK", "SINCE ITS VOTE", " ")
	for _, n := range nodes {
		switch {
		case n.Error != "":
			x.row(n.Node, "unknown", "", "", "", n.Error)
		case n.Leader:
			x.row(n.Node, exact(n.Swapped), exact(n.Commit), exact(n.Apply), exact(n.Proposed), "led")
		default:
			x.row(n.Node, exact(n.Swapped), exact(n.Commit), exact(n.Apply), exact(n.Proposed), " ")
		}
	}
	x.end()
}

func optional(at *time.Time, now time.Time) string {
	if at == nil {
		return "not yet"
	}
	return when(*at, now)
}

// eventsShown is how many past events are shown unless told otherwise: a screen.
const eventsShown = 30

func eventsCommand(s *session) *cobra.Command {
	var follow bool
	var last int
	var filter api.EventFilter
	c := &cobra.Command{Use: "events", Short: "What happened; -f goes on", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		if last < 1 {
			return usage("--last %d is not above 0", last)
		}
		return events(c.Context(), s, filter, follow, last)
	}}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what happens, until interrupted")
	c.Flags().IntVarP(&last, "last", "n", eventsShown, "so many past events")
	c.Flags().StringSliceVar(&filter.Types, "type", nil, "of these types only; site-* is a pattern")
	c.Flags().StringVar(&filter.Group, "group", "", "of this group only")
	c.Flags().StringVar(&filter.Site, "site", "", "of this site only")
	c.Flags().StringVar(&filter.Node, "node", "", "of this node only")
	return c
}

func events(ctx context.Context, s *session, filter api.EventFilter, follow bool, last int) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	a, err := client.EventsOf(ctx, filter, 0, last)
	if err != nil {
		return err
	}
	if s.output == "json" && !follow {
		return s.t.json(a)
	}
	var since uint64
	for _, e := range a.Events {
		since = e.ID
		if err := s.event(&e); err != nil {
			return err
		}
	}
	if !follow {
		return nil
	}
	err = client.FollowOf(ctx, filter, since, func(e api.Event) error { return s.event(&e) }, func(err error) {
		fmt.Fprintf(s.t.err, "failoverctl: %s; trying again\n", printable(err.Error()))
	})
	if errors.Is(err, context.Canceled) {
		return nil // interrupted is how following ends
	}
	return err
}

// event writes one event on a line of its own: as JSON that a program can read line by line, or for people.
func (s *session) event(e *api.Event) error {
	if s.output == "json" {
		return json.NewEncoder(s.t.out).Encode(e)
	}
	colour := ""
	switch e.Type {
	case "site-down", "override-set", "pin-set":
		colour = yellow
	case "flip":
		colour = bold
	case "site-up":
		colour = green
	}
	text := fmt.Sprintf("%-17s %s", e.Type, strings.ReplaceAll(printable(e.Text), "\n", " "))
	if colour != "" {
		text = s.t.paint(colour, text)
	}
	s.t.printf("%-24s  %s\n", moment(e.At), text)
	return nil
}

// moment is a time to the millisecond.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000Z")
}

// spaced writes a record's tabs as blanks.
func spaced(record string) string { return strings.ReplaceAll(record, "\t", " ") }
