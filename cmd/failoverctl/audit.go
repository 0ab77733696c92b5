package main

import (
	"context"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func auditCommand(s *session) *cobra.Command {
	var author string
	var last int
	c := &cobra.Command{
		Use: "audit", Short: "Who wrote what, from where and why; refused writes too", Args: cobra.NoArgs,
		Long: "audit lists the latest writes to the cluster, each with its author, where it came from, its reason and what came of it. The\ntrail is replicated, and bounded: it says how far back it goes. Of a write, -o json has request ID and log index, too.",
		RunE: func(c *cobra.Command, _ []string) error {
			if last < 1 {
				return usage("--last %d is not above 0", last)
			}
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Audits, error) { return cl.Audits(ctx, author, last) }, auditPage)
		},
	}
	c.Flags().StringVar(&author, "author", "", "of this author only")
	c.Flags().IntVarP(&last, "last", "n", eventsShown, "so many of the latest")
	return c
}

func auditPage(t *terminal, a *api.Audits) {
	x := t.table("", "AT", "AUTHOR", "FROM", "DID", "REASON", "OUTCOME")
	for _, e := range a.Entries {
		did := e.Action + after(" ", e.Target)
		if e.Force {
			did += " --force"
		}
		outcome := e.Outcome
		if outcome != "done" {
			outcome = t.paint(yellow, "REFUSED: "+e.Text)
		}
		x.row(moment(e.At), e.Author, cameFrom(&e), did, orDash(e.Reason), outcome)
	}
	x.end()
	switch {
	case a.Since == nil:
		t.printf("No writes yet.\n")
	case a.Whole:
		t.printf("\nThe trail goes back to %s, the first write of all.\n", moment(*a.Since))
	default:
		t.printf("\nThe trail goes back to %s; older writes are no longer kept.\n", moment(*a.Since))
	}
	footer(t, &a.Meta)
}

// cameFrom is the address behind a write, and the node that took it.
func cameFrom(e *api.Audit) string {
	if e.Source == "" {
		return orDash(e.Node)
	}
	return e.Source + " at " + orDash(e.Node)
}
