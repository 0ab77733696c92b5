package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func clusterCommand(s *session) *cobra.Command {
	return group("cluster", "The Raft cluster",
		&cobra.Command{Use: "members", Short: "Members with what each of them says", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Members, error) { return cl.Members(ctx) }, membersPage)
		}},
		&cobra.Command{Use: "status", Short: "Leader, quorum, failure tolerance and each node's standing; exit 1 without a quorum, or where states differ", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			var seen *api.Members
			err := ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Members, error) {
				var err error
				seen, err = cl.Members(ctx)
				return seen, err
			}, clusterPage)
			if err == nil && !sound(&seen.Cluster) {
				return errUnhealthy
			}
			return err
		}},
		s.memberCommand("promote NODE", "Give a member a vote, once it has caught up", cobra.ExactArgs(1)),
		s.memberCommand("demote NODE", "Take a member's vote; it keeps the log, and answers", cobra.ExactArgs(1)),
		s.memberCommand("remove NODE", "Take a member out of the cluster; it keeps answering with what it has", cobra.ExactArgs(1)),
		s.memberCommand("transfer [NODE]", "Hand the lead over, to a voter or to whichever takes it", cobra.MaximumNArgs(1)),
		clusterJoin(s))
}

// sound says whether a cluster is as it should be, as one node sees it.
func sound(c *api.Cluster) bool {
	return c.Quorum && (c.Ready || c.Witness) && !slices.ContainsFunc(c.Members, func(m api.Member) bool { return m.Diverged })
}

func membersPage(t *terminal, a *api.Members) {
	membersTable(t, "", a.Cluster.Members)
	footer(t, &a.Meta)
}

func membersTable(t *terminal, indent string, members []api.Member) {
	x := t.table(indent, "NODE", "ADDRESS", "ROLE", "RAFT", "PROBES", "REPLY", "INDEX", "STATE AGE", "HASH", "VERSION")
	for _, m := range members {
		row := []string{m.ID, m.Address, m.Role, raftWord(&m), probeWord(&m), "no: " + m.Error, "", "", "", m.Version}
		if m.Reachable {
			row[5], row[6], row[7], row[8] = "yes", fmt.Sprint(m.Index), fine(m.StateAge), hashWord(&m)
		}
		x.row(row...)
	}
	x.end()
}

func hashWord(m *api.Member) string {
	if m.Diverged {
		return m.Hash + " DIVERGED"
	}
	return m.Hash
}

func raftWord(m *api.Member) string {
	switch {
	case m.Leader:
		return m.Suffrage + ", leader"
	case m.Joining:
		return m.Suffrage + ", joining"
	}
	return m.Suffrage
}

func probeWord(m *api.Member) string {
	switch {
	case m.Muted:
		return "muted"
	case m.Probes:
		return "yes"
	}
	return "no"
}

func clusterPage(t *terminal, a *api.Members) {
	c := &a.Cluster
	clusterBlock(t, c)
	if r := c.Removed; r != nil {
		notice(t, t.paint(red, "!!"), &api.Notice{Text: r.Text, Next: r.Next})
		t.printf("\nMembers as %s last knew them\n", a.Node)
		membersTable(t, "  ", c.Members)
		footer(t, &a.Meta)
		return
	}
	t.printf("  %s is %s in term %d; feature level %d\n\n", a.Node, orDash(c.RaftState), c.Term, c.Level)
	standings(t, c.Members)
	for _, m := range c.Members {
		if m.Diverged {
			t.printf("%s the state of %s differs from the others' at the same index: its answers may be wrong. Remove it, then join it with an empty data directory\n", t.paint(red, "!!"), m.ID)
		}
	}
	footer(t, &a.Meta)
}

// standings is how far each member is, and since when it was last in contact with the leader.
func standings(t *terminal, members []api.Member) {
	x := t.table("  ", "NODE", "ROLE", "SUFFRAGE", "ADDRESS", "CONTACT", "APPLIED", "LAG", "VERSION", "LEVEL", "HASH")
	for _, m := range members {
		row := []string{m.ID, m.Role, raftWord(&m), m.Address, fine(m.LastContact) + " ago", "", "", m.Version, "", ""}
		if m.Leader {
			row[4] = "leads"
		}
		if m.Reachable {
			row[5], row[6], row[8], row[9] = fmt.Sprint(m.Index), fmt.Sprint(m.Lag), fmt.Sprint(m.Level), hashWord(&m)
		} else {
			row[4] += ": " + m.Error
		}
		x.row(row...)
	}
	x.end()
}
