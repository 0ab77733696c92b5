package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func recoverCommand(s *session) *cobra.Command {
	var r api.RecoverRequest
	plan := false
	c := &cobra.Command{Use: "recover", Short: "After losing the majority for good: make a cluster of the nodes that are left", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		if strings.TrimSpace(r.Reason) == "" {
			return usage("recover needs --reason TEXT: it is kept, and shown to whoever asks why")
		}
		if r.Author == "" {
			r.Author = whoami()
		}
		return s.recover(c.Context(), &r, plan)
	}}
	c.Long = `recover makes a cluster of the node that is asked, and of those that --keep names, without the others. It is for the day
on which more than half of the voters are lost for good: until then nothing is decided, and every node that is left goes
on answering what was last agreed.

Ask one survivor: the one whose log goes furthest (recover says if another one's goes further). The other survivors are
named with --keep; they need no command of their own, and take the state of the one that was asked. Only Raft stops for
it: the node answers all the while.

All of that node's log counts from then on, entries too that were never acknowledged; what others alone had acknowledged
is lost. Members that are given up must never run again with their data: more than half of them together would go on as
the old cluster. One that comes back alone is refused, and says that it was removed.

It shows what it would do and asks for a confirmation to be typed, or given with --confirm. A node that is not running is
recovered from its directory: failoverdns -conf COREFILE -recover NODE,...`
	f := c.Flags()
	f.StringSliceVar(&r.Keep, "keep", nil, "the other survivors, as NODE,...")
	f.StringVar(&r.Author, "author", "", "who asks (default: you, at this machine)")
	f.StringVar(&r.Reason, "reason", "", "why; kept, and required")
	f.StringVar(&r.Confirm, "confirm", "", "the confirmation, instead of typing it")
	f.BoolVar(&r.Force, "force", false, "even if members that are given up answer, or another's log goes further")
	f.BoolVar(&plan, "plan", false, "change nothing; show what it would do")
	return c
}

func (s *session) recover(ctx context.Context, r *api.RecoverRequest, plan bool) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	if plan || r.Confirm == "" {
		a, err := client.Recover(ctx, *r, true)
		if err != nil {
			return err
		}
		if plan {
			return show(s, a, recoveryPage)
		}
		recoveryPage(&terminal{out: s.t.err, err: s.t.err, now: s.t.now, env: s.t.env}, a)
		if r.Confirm, err = s.typed(a.Confirm); err != nil {
			return err
		}
	}
	a, err := client.Recover(ctx, *r, false)
	if err != nil {
		return err
	}
	return show(s, a, recoveryPage)
}

// typed asks a person to type some words.
func (s *session) typed(words string) (string, error) {
	fmt.Fprintf(s.t.err, "\nType %q to do it: ", words)
	if s.t.in == nil {
		return "", errors.New("nothing can be typed here; give --confirm")
	}
	line, err := bufio.NewReader(s.t.in).ReadString('\n')
	line = strings.TrimSpace(line)
	switch {
	case line == words:
		return line, nil
	case line == "" && err != nil:
		return "", fmt.Errorf("nothing was typed, and nothing was changed: %w", err)
	}
	return "", fmt.Errorf("%q was typed, not %q; nothing was changed", line, words)
}

func recoveryPage(t *terminal, a *api.Recovery) {
	if a.Done {
		t.printf("Recovered: %s.\n", strings.Join(a.Keep, ", "))
	} else {
		t.printf("This makes a cluster of %s.\n", strings.Join(a.Keep, ", "))
	}
	x := t.table("  ")
	x.row("given up for good", strings.Join(a.Lose, ", ")+": they must never run again with their data")
	x.row("counts from now on", fmt.Sprintf("the log of %s to entry %d of term %d; %d of its entries may never have been acknowledged", a.Node, a.LastIndex, a.LastTerm, a.LastIndex-min(a.Applied, a.LastIndex)))
	x.row("state", fmt.Sprintf("%s old, goes on at index %d", fine(a.StateAge), a.Next))
	if len(a.Unknown) > 0 {
		x.row("do not answer", strings.Join(a.Unknown, ", ")+": if their logs go further, what only they have is lost")
	}
	x.end()
	if a.Done {
		t.printf("Next: failoverctl cluster status, on each that is left; then join new nodes.\n")
	}
}
