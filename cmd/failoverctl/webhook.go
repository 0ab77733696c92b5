package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func webhookCommand(s *session) *cobra.Command {
	test := &cobra.Command{Use: "test NAME", Short: "Have the node that answers send a test; exit 1 if it fails", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		delivered := false
		err := ask(s, c, func(ctx context.Context, cl *api.Client) (*api.WebhookTest, error) {
			a, err := cl.TestWebhook(ctx, args[0])
			delivered = err == nil && a.Delivered
			return a, err
		}, webhookTestPage)
		if err == nil && !delivered {
			return errUnhealthy
		}
		return err
	}}
	return group("webhook", "Whom events are delivered to, and how far",
		&cobra.Command{Use: "list", Short: "Webhooks with what waits, and whether they fail", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Webhooks, error) { return cl.Webhooks(ctx) }, webhooksPage)
		}},
		test,
		s.writeCommand("forget NAME", "Forget a webhook that is in no file any more", cobra.ExactArgs(1), flagSet{reason: true},
			func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
				return c.ForgetWebhook(ctx, api.ForgetWebhookRequest{Who: f.who(), Webhook: args[0]}, f.plan)
			}),
	)
}

func webhooksPage(t *terminal, a *api.Webhooks) {
	if len(a.Webhooks) == 0 {
		t.printf("No webhooks. The property webhook of a failover block adds one; docs/webhooks.md tells more.\n")
	} else {
		x := t.table("", "NAME", "EVENTS", "FORMAT", "WAITING", "SENT", "GIVEN UP", "LAST SUCCESS", " ")
		for _, h := range a.Webhooks {
			x.row(h.Name, cmp.Or(strings.Join(h.Events, " "), "all but quiet"), orDash(h.Format), fmt.Sprint(h.Pending), fmt.Sprint(h.Sent), fmt.Sprint(h.Lost), optional(h.Last, a.At), webhookWord(t, &h, a))
		}
		x.end()
	}
	footer(t, &a.Meta)
}

func webhookWord(t *terminal, h *api.Webhook, a *api.Webhooks) string {
	switch {
	case !h.Configured:
		return t.paint(yellow, "not in the file of "+a.Node)
	case h.Failing != nil:
		return t.paint(red, "FAILS since "+when(*h.Failing, a.At)+": "+h.Error)
	case !h.Signed:
		return "not signed"
	}
	return " "
}

func webhookTestPage(t *terminal, a *api.WebhookTest) {
	if a.Delivered {
		t.printf("%s took the test that %s sent, within %s.\n", a.Webhook, a.Node, exact(a.Took))
	} else {
		t.printf("%s did not take the test that %s sent: %s\n", a.Webhook, a.Node, a.Error)
	}
}

// webhooks are the names of those that the answering node's file has, or has not.
func webhooks(configured bool) candidates {
	return func(ctx context.Context, c *api.Client) (out []string, err error) {
		a, err := c.Webhooks(ctx)
		if err != nil {
			return nil, err
		}
		for _, h := range a.Webhooks {
			if h.Configured == configured {
				out = append(out, h.Name+"\t"+fmt.Sprint(h.Pending, " waiting"))
			}
		}
		return out, nil
	}
}
