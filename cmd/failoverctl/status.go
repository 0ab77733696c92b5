package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func statusCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "One page on everything; exit 1 if unhealthy", Args: cobra.NoArgs,
		Long: "status shows which site each group answers with, since when and why, what each node answers, when caches are clear,\nwhat waits, and the next command. It exits 1 on all sites down, no quorum, drift, differing states, a node that is not\nready, or a state older than 30 s. A failed-over or overridden group is healthy, and exits 0.",
		RunE: func(c *cobra.Command, _ []string) error {
			var seen *api.Status
			err := ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Status, error) {
				var err error
				seen, err = cl.Status(ctx)
				return seen, err
			}, statusPage)
			if err == nil && !seen.Healthy() {
				return errUnhealthy
			}
			return err
		},
	}
}

func statusPage(t *terminal, s *api.Status) {
	banner(t, s)
	for i := range s.Groups {
		groupBlock(t, &s.Groups[i], s.At)
	}
	clusterBlock(t, &s.Cluster)
	overridesBlock(t, s.Overrides, s.At)
	windowsBlock(t, s.Windows, s.At)
	localBlock(t, s)
	if len(s.Drift) > 0 {
		t.printf("\nDrift: these nodes' files differ from what is in force\n")
		offersTable(t, "  ", s.Drift, s.At)
	}
	footer(t, &s.Meta)
}

// banner is the first thing that is read: the problems, else the notes, else that all is well.
func banner(t *terminal, s *api.Status) {
	switch {
	case len(s.Problems) > 0:
		t.printf("%s  %s\n", t.paint(red, "UNHEALTHY"), clock(s.At, time.Time{}))
	case len(s.Notes) > 0:
		t.printf("%s  %s\n", t.paint(yellow, "HEALTHY, with notes"), clock(s.At, time.Time{}))
	default:
		t.printf("%s  %s\n", t.paint(green, "HEALTHY"), clock(s.At, time.Time{}))
	}
	for _, n := range s.Problems {
		notice(t, t.paint(red, "!!"), &n)
	}
	for _, n := range s.Notes {
		notice(t, t.paint(yellow, " *"), &n)
	}
}

func notice(t *terminal, mark string, n *api.Notice) {
	t.printf("%s %s\n", mark, n.Text)
	if n.Next != "" {
		t.printf("     next: %s\n", n.Next)
	}
}

func groupBlock(t *terminal, g *api.Group, now time.Time) {
	colour := green
	switch {
	case g.AllDown:
		colour = red
	case g.FailedOver || g.Pin != nil || g.Emergency != nil:
		colour = yellow
	}
	t.printf("\n%s  answers with %s\n", t.paint(bold, g.Name), t.paint(colour, orDash(g.Active)))
	x := t.table("  ")
	x.row("since", when(g.Since, now))
	x.row("why", g.Why)
	for i, site := range g.Sites {
		x.row(onlyFirst(i, "sites"), siteLine(&site, now))
	}
	for _, c := range g.Cells {
		x.row("answer", fmt.Sprintf("%s, TTL %d s, for %s", cellAnswer(&c), c.TTL, someOf(c.Names, c.More, 4)))
	}
	if g.Clear != nil {
		x.row("caches", caches(*g.Clear, now))
	}
	for i, w := range g.Waits {
		x.row(onlyFirst(i, "waits"), w)
	}
	if g.Next != "" {
		x.row("next", g.Next)
	}
	x.end()
	nodesTable(t, g)
}

func siteLine(s *api.Standing, now time.Time) string {
	measured := map[bool]string{true: "up", false: "down"}[s.Up]
	line := s.Site + " is " + s.Word
	if s.Word != measured && s.Override == nil && !s.Since.IsZero() {
		line += ", " + measured
	}
	if !s.Since.IsZero() {
		line += " since " + when(s.Since, now)
	}
	switch {
	case s.Override != nil:
		line += " " + s.Why // which begins with by whom
	case s.Why != "":
		line += ": " + s.Why
	}
	return line
}

func caches(clear, now time.Time) string {
	if clear.After(now) {
		return "resolvers may hold older answers until " + when(clear, now)
	}
	return "clear since " + when(clear, now)
}

func cellAnswer(c *api.Cell) string {
	if c.Target != "" {
		return "CNAME " + c.Target
	}
	all := append(append([]string{}, c.A...), c.AAAA...)
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, " ")
}

// someOf names the first n of a list, and how many more there are: the list itself has been cut by so many.
func someOf(list []string, more, n int) string {
	n = min(n, len(list))
	if more += len(list) - n; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), more)
	}
	return strings.Join(list, ", ")
}

func onlyFirst(i int, s string) string {
	if i == 0 {
		return s
	}
	return " "
}

func nodesTable(t *terminal, g *api.Group) {
	x := t.table("  ", "NODE", "ANSWERS WITH", "STATE AGE", " ")
	for _, n := range g.Nodes {
		switch {
		case !n.Reachable:
			x.row(n.Node, "no reply", "", n.Error)
		case n.Active != g.Active:
			x.row(n.Node, n.Active, fine(n.StateAge), "DIFFERS"+after(": ", n.Rule))
		case n.Rule != "":
			x.row(n.Node, n.Active, fine(n.StateAge), n.Rule)
		default:
			x.row(n.Node, n.Active, fine(n.StateAge), " ")
		}
	}
	x.end()
}

func clusterBlock(t *terminal, c *api.Cluster) {
	if c.Removed != nil {
		t.printf("\nCluster: this node was %s from it; it had %d voters when this node last heard of it\n", t.paint(red, "REMOVED"), c.Voters)
		return
	}
	quorum := t.paint(green, "quorum")
	if !c.Quorum {
		quorum = t.paint(red, "NO QUORUM")
	}
	leader := "no leader"
	if c.Leader != "" {
		leader = "leader " + c.Leader
	}
	t.printf("\nCluster: %s, %s, %d of %d voters answer%s\n", quorum, leader, c.Live, c.Voters, spare(c))
	repeated := !c.Ready && c.Detail != "" && strings.Contains(c.NotReady, c.Detail)
	if c.Phase != "" && c.Phase != "running" && !repeated {
		t.printf("  this node: %s%s\n", c.Phase, after(": ", c.Detail))
	}
	if !c.Ready {
		t.printf("  not ready: %s\n", c.NotReady)
	}
	for _, w := range c.Waiting {
		t.printf("  waiting: %s\n", w)
	}
}

// spare says how many more voters may be lost.
func spare(c *api.Cluster) string {
	switch {
	case !c.Quorum:
		return ""
	case c.Tolerates == 0:
		return ", none may be lost"
	}
	return fmt.Sprintf(", %d more may be lost", c.Tolerates)
}

func overridesBlock(t *terminal, overrides []api.Override, now time.Time) {
	if len(overrides) == 0 {
		return
	}
	t.printf("\nOverrides\n")
	overridesTable(t, "  ", overrides, now)
}

// localBlock is the words that stand on the answering node alone.
func localBlock(t *terminal, s *api.Status) {
	if len(s.Emergency) > 0 {
		t.printf("\nEmergency file of %s, above everything else there\n", s.Node)
		x := t.table("  ", "LINE", "GROUP", "SITE", "ENDS", "REASON")
		for _, e := range s.Emergency {
			reason := e.Reason
			if e.NoEffect != "" {
				reason += " (NO EFFECT: " + e.NoEffect + ")"
			}
			x.row(fmt.Sprint(e.Line), e.Group, e.Site, when(e.Expires, s.At), reason)
		}
		x.end()
	}
	if len(s.NoQuorum) > 0 {
		t.printf("\nWithout a leader, on %s\n", s.Node)
		x := t.table("  ", "ZONE", "RULE", "SINCE", "OWN COUNTS")
		for _, z := range s.NoQuorum {
			x.row(z.Zone, z.Rule+" after "+fine(z.After), when(z.Since, s.At), ownCounts(z.Own))
		}
		x.end()
	}
}

// ownCounts writes one node's opinions in the order of endpoints.
func ownCounts(own map[string]string) string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(own)) {
		out = append(out, id+" "+own[id])
	}
	return strings.Join(out, ", ")
}

// after puts a separator before a text that is there.
func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
