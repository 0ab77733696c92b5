package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func lookCommands(s *session) []*cobra.Command {
	return []*cobra.Command{
		statusCommand(s),
		{Use: "sites", Short: "Sites with their addresses and verdicts", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Sites, error) { return cl.Sites(ctx) }, sitesPage)
		}},
		{Use: "checks", Short: "Checks with their endpoints and verdicts", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Checks, error) { return cl.Checks(ctx) }, checksPage)
		}},
		{Use: "votes ENDPOINT", Short: "Each node's vote on an endpoint, and latest results", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Votes, error) { return cl.Votes(ctx, args[0]) }, votesPage)
		}},
		{Use: "explain NAME [TYPE]", Short: "Why this name has this answer now", Args: cobra.RangeArgs(1, 2), RunE: func(c *cobra.Command, args []string) error {
			typ := ""
			if len(args) == 2 {
				typ = args[1]
			}
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Explain, error) { return cl.Explain(ctx, args[0], typ) }, explainPage)
		}},
		{Use: "overrides", Short: "Overrides and pins with author, reason and expiry", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Overrides, error) { return cl.Overrides(ctx) }, overridesPage)
		}},
		incidentsCommand(s),
		eventsCommand(s),
		auditCommand(s),
		webhookCommand(s),
	}
}

func sitesPage(t *terminal, a *api.Sites) {
	x := t.table("", "SITE", "GROUP", "STANDING", "SINCE", "WHY")
	for _, s := range a.Sites {
		for _, g := range s.Groups {
			word := g.Word
			if g.Active {
				word += ", active"
			}
			x.row(s.ID, g.Group, word, when(g.Since, a.At), g.Why)
		}
		if len(s.Groups) == 0 {
			x.row(s.ID, "", "in no group", "", "")
		}
	}
	x.end()
	t.printf("\n")
	x = t.table("", "SITE", "ADDRESS", "HEALTH", "OVERRIDE")
	for _, s := range a.Sites {
		for _, ad := range s.Addresses {
			x.row(s.ID, ad.Address, health(ad.Healthy), overrideWord(ad.Override))
		}
		if s.Target != "" {
			x.row(s.ID, s.Target, "", "")
		}
	}
	x.end()
	footer(t, &a.Meta)
}

func health(ok bool) string {
	if ok {
		return "healthy"
	}
	return "unhealthy"
}

func overrideWord(o *api.Override) string {
	if o == nil {
		return ""
	}
	return fmt.Sprintf("forced %s by %s: %s", o.Word, o.Author, o.Reason)
}

func checksPage(t *terminal, a *api.Checks) {
	x := t.table("", "CHECK", "URL", "EVERY", "TIMEOUT", "FAILURES", "SUCCESSES", "WORST DETECTION", " ")
	for _, c := range a.Checks {
		muted := " "
		if c.Muted != nil {
			muted = "MUTED by " + c.Muted.Author + ": " + c.Muted.Reason
		}
		x.row(c.ID, c.URL, fine(c.Interval), fine(c.Timeout), failures(&c), fmt.Sprint(c.Successes), fine(c.Detection), muted)
	}
	x.end()
	t.printf("\n")
	x = t.table("", "ENDPOINT", "COUNTS AS", "MEASURED", "SINCE", "WHY")
	for _, c := range a.Checks {
		for _, e := range c.Endpoints {
			x.row(e.ID, e.Counts, e.Verdict, when(e.Since, a.At), e.Why)
		}
	}
	x.end()
	footer(t, &a.Meta)
}

func failures(c *api.Check) string {
	if c.Window > 0 {
		return fmt.Sprintf("%d of %d", c.Failures, c.Window)
	}
	return fmt.Sprint(c.Failures)
}

func votesPage(t *terminal, a *api.Votes) {
	e := &a.Endpoint
	t.printf("%s counts as %s: %s\n", e.ID, e.Counts, e.Why)
	t.printf("Measured %s since %s. Up needs %d votes, down needs %d, of %d.\n\n", e.Verdict, when(e.Since, a.At), e.Tally.NeededUp, e.Tally.NeededDown, e.Tally.Probers)
	votesTable(t, e.Votes, a.At)
	if a.Latest != nil {
		latestTable(t, a.Latest, a.At)
	}
	footer(t, &a.Meta)
}

func votesTable(t *terminal, votes []api.Vote, now time.Time) {
	x := t.table("", "NODE", "VOTE", "SINCE", "FIRST FAILED", "REASON", "DETAIL")
	for _, v := range votes {
		first := ""
		if v.FirstFailed != nil {
			first = clock(*v.FirstFailed, now)
		}
		detail := v.Detail
		if v.Ignored != "" {
			detail += " (does not count: " + v.Ignored + ")"
		}
		x.row(v.Node, v.Opinion, when(v.At, now), first, v.Reason, detail)
	}
	x.end()
}

func latestTable(t *terminal, l *api.Latest, now time.Time) {
	t.printf("\nLatest results on %s: its vote is %s, %d successes in a row, %d failures counted\n\n", l.Node, l.Vote, l.Successes, l.Failures)
	x := t.table("", "AT", "RESULT", "TOOK", "REASON", "DETAIL")
	for _, r := range l.Results {
		x.row(when(r.At, now), r.Outcome, fine(r.Took), r.Reason, r.Detail)
	}
	x.end()
}

func explainPage(t *terminal, a *api.Explain) {
	t.printf("%s %s: %s, %s\n", a.Name, a.Type, a.RCode, a.Kind)
	for _, r := range a.Records {
		t.printf("  %s\n", spaced(r))
	}
	t.printf("\n")
	for i, step := range a.Steps {
		t.printf("%2d. %s\n", i+1, step)
	}
	footer(t, &a.Meta)
}

func overridesPage(t *terminal, a *api.Overrides) {
	if len(a.Overrides)+len(a.Pins)+len(a.Windows) == 0 {
		t.printf("No overrides and no pins.\n")
	}
	if len(a.Overrides) > 0 {
		overridesTable(t, "", a.Overrides, a.At)
	}
	if len(a.Pins) > 0 {
		x := t.table("", "GROUP", "PINNED TO", "ENDS", "BY", "REASON")
		for _, p := range a.Pins {
			site := p.Site
			switch {
			case p.Forced:
				site += " (forced)"
			case p.Yields:
				site += " (yields: it is down)"
			}
			x.row(p.Group, site, expiry(p.Expires, p.Overdue, a.At), p.Author, p.Reason)
		}
		x.end()
	}
	windowsBlock(t, a.Windows, a.At)
	footer(t, &a.Meta)
}

func overridesTable(t *terminal, indent string, overrides []api.Override, now time.Time) {
	x := t.table(indent, "SCOPE", "TARGET", "WORD", "ENDS", "BY", "REASON")
	for _, o := range overrides {
		word := o.Word
		if o.Forced {
			word += " (forced)"
		}
		x.row(o.Scope, o.Target, word, expiry(o.Expires, o.Overdue, now), o.Author, o.Reason)
	}
	x.end()
}
