package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
	"failoverdns/token"
)

// memberCommand is one change of the membership; its verb is what the API calls it.
func (s *session) memberCommand(use, short string, args cobra.PositionalArgs) *cobra.Command {
	verb, _, _ := strings.Cut(use, " ")
	confirm := ""
	var cmd *cobra.Command
	cmd = s.writeCommand(use, short, args, flagSet{reason: true, force: verb != api.MemberTransfer},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			node := strings.Join(args, "")
			if f.force && !f.plan {
				if err := s.confirm(cmd.InOrStdin(), confirm, node, verb); err != nil {
					return nil, err
				}
			}
			return c.ChangeMember(ctx, verb, api.MemberRequest{Who: f.who(), Node: node, Force: f.force}, f.plan)
		})
	if verb != api.MemberTransfer {
		cmd.Flags().StringVar(&confirm, "confirm", "", "with --force: the node's ID, in place of typing it at the terminal")
		cmd.Long = short + ".\n\nIt is refused where too few voters would answer to decide anything; a node that is dead may always go. --force goes\npast that, asks for the node's ID once more, and is recorded: it can leave the cluster without a majority."
	}
	return cmd
}

// confirm wants the node's ID once more, from the command line or a person: a shell's history must not be enough.
func (s *session) confirm(in io.Reader, given, node, verb string) error {
	if given == "" {
		fmt.Fprintf(s.t.err, "%s %s past what guards the quorum: if too few voters are left, nothing flips any more until failoverctl recover.\nType the node's ID to go on: ", verb, node)
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil {
			return usage("--force needs the node's ID once more: type it at a terminal, or give --confirm %s", node)
		}
		given = strings.TrimSpace(line)
	}
	if given != node {
		return usage("%q is not %q: nothing was done", given, node)
	}
	return nil
}

// memberPlanPage says who would be changed, and what the cluster's majority is before and after.
func memberPlanPage(t *terminal, m *api.MemberPlan) {
	t.printf("%s %s: %s at %s, %s%s, %s\n", m.Change, m.ID, m.Role, orDash(m.Address), m.Suffrage, leads(m), replies(m.Reachable))
	switch {
	case m.Change == api.MemberRemove && m.Role == witness:
		t.printf("  Stop it afterwards, or wipe it and join it again.\n")
	case m.Change == api.MemberRemove:
		t.printf("  It would go on answering with the state that it has: stop it afterwards, or wipe it and join it again.\n")
	case m.Change == api.MemberDemote && m.Role != witness:
		t.printf("  It would keep the log, and answer as before.\n")
	}
	if m.Leader && (m.Change == api.MemberRemove || m.Change == api.MemberDemote) {
		t.printf("  It leads: it would hand the lead over first.\n")
	}
	x := t.table("  ", " ", "VOTERS", "ANSWER", "QUORUM", "MORE MAY BE LOST", "PROBING NODES")
	for _, side := range []struct {
		word string
		m    api.Majority
	}{{"before", m.Before}, {"after", m.After}} {
		x.row(side.word, fmt.Sprint(side.m.Voters), fmt.Sprint(side.m.Live), quorumWord(&side.m), fmt.Sprint(side.m.Tolerates), fmt.Sprint(side.m.Probers))
	}
	x.end()
}

func leads(m *api.MemberPlan) string {
	if m.Leader {
		return ", leader"
	}
	return ""
}

func replies(reachable bool) string {
	if reachable {
		return "answers"
	}
	return "does not answer"
}

// quorumWord is how many voters decide, and whether so many answer.
func quorumWord(m *api.Majority) string {
	if m.Quorum {
		return fmt.Sprintf("%d needed", m.Needed)
	}
	return fmt.Sprintf("NONE, %d needed", m.Needed)
}

func clusterJoin(s *session) *cobra.Command {
	file := ""
	c := &cobra.Command{Use: "join HOST:PORT", Short: "Have the asked node join the cluster at an address", Args: cobra.ExactArgs(1),
		Long: "join is asked of the node that is to join: one that waits for a cluster, whose disk was wiped, or that was removed. Its\nCorefile has id, listen and tls, and a certificate of the cluster's CA (failoverctl cert issue). A node whose Corefile\nhas the line join does this by itself when it starts.",
		RunE: func(c *cobra.Command, args []string) error {
			if file == "" {
				return usage("join needs --token FILE, as failoverctl token create --join wrote it")
			}
			b, err := os.ReadFile(file)
			if err != nil {
				return usage("join needs --token FILE, as failoverctl token create --join wrote it: %w", err)
			}
			words := strings.TrimSpace(string(b))
			if _, err := token.ParseJoin(words); err != nil {
				return usage("%q: %w", file, err)
			}
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Joined, error) {
				return cl.JoinCluster(ctx, api.JoinRequest{Address: args[0], Token: words})
			}, func(t *terminal, a *api.Joined) {
				t.printf("%s: %s is let in and takes the log. failoverctl cluster status shows how far it is.\n", t.paint(green, "Done"), a.Node)
			})
		}}
	c.Flags().StringVar(&file, "token", "", "file with a join token")
	return c
}
