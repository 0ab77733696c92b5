package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func clusterCommand(s *session) *cobra.Command {
	return group("cluster", "The Raft cluster",
		&cobra.Command{Use: "members", Short: "Members with what each of them says", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Members, error) { return cl.Members(ctx) }, membersPage)
		}},
		&cobra.Command{Use: "status", Short: "Leader, quorum and readiness; exit 1 without a quorum", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			var seen *api.Members
			err := ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Members, error) {
				var err error
				seen, err = cl.Members(ctx)
				return seen, err
			}, clusterPage)
			if err == nil && (!seen.Cluster.Quorum || !seen.Cluster.Ready) {
				return errUnhealthy
			}
			return err
		}})
}

func membersPage(t *terminal, a *api.Members) {
	x := t.table("", "NODE", "ADDRESS", "ROLE", "RAFT", "PROBES", "REPLY", "INDEX", "STATE AGE", "HASH", "VERSION")
	for _, m := range a.Cluster.Members {
		row := []string{m.ID, m.Address, m.Role, raftWord(&m), probeWord(&m), "no: " + m.Error, "", "", "", m.Version}
		if m.Reachable {
			row[5], row[6], row[7], row[8] = "yes", fmt.Sprint(m.Index), fine(m.StateAge), m.Hash
		}
		if m.Diverged {
			row[8] += " DIVERGED"
		}
		x.row(row...)
	}
	x.end()
	footer(t, &a.Meta)
}

func raftWord(m *api.Member) string {
	if m.Leader {
		return m.Suffrage + ", leader"
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
	t.printf("  %s is %s in term %d\n", a.Node, orDash(c.RaftState), c.Term)
	footer(t, &a.Meta)
}
