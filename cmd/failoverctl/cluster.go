package main

import (
	"context"
	"fmt"
	"time"

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

func configCommand(s *session) *cobra.Command {
	return group("config", "What nodes' files declare",
		&cobra.Command{Use: "diff", Short: "Which nodes' files differ from what is in force; exit 1 if one does", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			var seen *api.Offers
			err := ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Offers, error) {
				var err error
				seen, err = cl.Offers(ctx)
				return seen, err
			}, offersPage)
			if err == nil && drifts(seen) {
				return errUnhealthy
			}
			return err
		}},
		s.writeCommand("adopt NODE ZONE", "Bring a node's differing file into force for a zone", cobra.ExactArgs(2), flagSet{reason: true},
			func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
				return c.Adopt(ctx, api.AdoptRequest{Who: f.who(), Node: args[0], Zone: args[1]}, f.plan)
			}))
}

func drifts(a *api.Offers) bool {
	for _, o := range a.Offers {
		if o.Drift {
			return true
		}
	}
	return false
}

func offersPage(t *terminal, a *api.Offers) {
	if len(a.Offers) == 0 {
		t.printf("No node has offered anything.\n")
	} else {
		offersTable(t, "", a.Offers, a.At)
	}
	footer(t, &a.Meta)
}

func offersTable(t *terminal, indent string, offers []api.Offer, now time.Time) {
	x := t.table(indent, "NODE", "ZONE", "FROM", "OFFERED", "DIGEST", "STANDS")
	for _, o := range offers {
		word := "superseded"
		switch {
		case o.Drift:
			word = "DRIFT: not in force"
		case o.Matches:
			word = "in force"
		}
		x.row(o.Node, o.Zone, o.Source, when(o.At, now), short(o.Digest), word)
	}
	x.end()
}

// short is enough of a digest to tell two apart by eye.
func short(digest string) string { return digest[:min(len(digest), 12)] }
