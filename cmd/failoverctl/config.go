package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func configCommand(s *session) *cobra.Command {
	return group("config", "What nodes' files declare", configDiff(s),
		s.writeCommand("adopt NODE ZONE|all", "Bring a node's differing file into force for a zone, or for all that differ", cobra.ExactArgs(2), flagSet{reason: true},
			func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
				return c.Adopt(ctx, api.AdoptRequest{Who: f.who(), Node: args[0], Zone: args[1]}, f.plan)
			}))
}

func configDiff(s *session) *cobra.Command {
	server := ""
	c := &cobra.Command{Use: "diff [COREFILE|-]", Short: "What a file would change, or which nodes' files differ from what is in force; exit 1 if one does", Args: cobra.MaximumNArgs(1),
		Long: "diff without a file shows what each node last offered, and where that differs from what is in force.\n\nWith a Corefile it shows what that file would change, setting by setting, and changes nothing. The file is read by\nfailoverdns on this machine (failoverdns -conf COREFILE -check -json), so paths in it must exist here. With - that\nprogram's output is read from standard input: ssh ns1 failoverdns -check -json | failoverctl config diff -",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return fileDiff(s, c, server, args[0])
			}
			var seen *api.Offers
			err := ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Offers, error) {
				var err error
				seen, err = cl.Settings(ctx)
				return seen, err
			}, offersPage)
			if err == nil && drifts(seen) {
				return errUnhealthy
			}
			return err
		}}
	c.Flags().StringVar(&server, "failoverdns", "", "the program that reads the Corefile (default: the one beside this program, or in PATH)")
	return c
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
		for _, o := range a.Offers {
			if o.Drift {
				t.printf("\n")
				differencePage(t, fmt.Sprintf("%s (%s)", o.Node, o.Source), difference(api.ZoneSettings{Zone: o.Zone, Digest: o.Digest, Settings: o.Settings}, a.InForce))
				t.printf("  next: failoverctl config adopt %s %s --plan --reason TEXT\n", o.Node, o.Zone)
			}
		}
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
