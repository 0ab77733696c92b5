package main

import (
	"context"
	"errors"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"failoverdns/api"
)

// writeFlags are the flags that writes have in common.
type writeFlags struct {
	author, reason, lasts, id string
	force, glass, plan, wait  bool
}

// flagSet says which of writeFlags a command has.
type flagSet struct{ lasts, force, reason, mayReason, glass bool }

func (f *writeFlags) add(c *cobra.Command, has flagSet) {
	c.Flags().StringVar(&f.author, "author", "", "who asks (default: you, at this machine)")
	c.Flags().StringVar(&f.id, "request-id", "", "repeat an earlier write whose outcome is unknown")
	c.Flags().BoolVar(&f.plan, "plan", false, "change nothing; show what would change, and what blocks it")
	c.Flags().BoolVar(&f.wait, "wait", false, "return when every live node answers so")
	if has.reason {
		c.Flags().StringVar(&f.reason, "reason", "", "why; kept with the change, and required")
	}
	if has.mayReason {
		c.Flags().StringVar(&f.reason, "reason", "", "why; kept with the change")
		_ = c.Flags().SetAnnotation("reason", mayBeEmpty, nil)
	}
	if has.lasts {
		c.Flags().StringVar(&f.lasts, "for", plain(api.DefaultFor), "how long it stands, or never")
	}
	if has.force {
		c.Flags().BoolVar(&f.force, "force", false, "past a refusal; it is recorded")
	}
	if has.glass {
		c.Flags().BoolVar(&f.glass, "break-glass", false, "past safety rules; it is recorded")
	}
}

// mayBeEmpty marks a flag that a write can do without.
const mayBeEmpty = "may-be-empty"

// check says what is missing before a server is asked.
func (f *writeFlags) check(c *cobra.Command) error {
	if l := c.Flags().Lookup("reason"); l != nil && l.Annotations == nil && f.reason == "" {
		return usage(`%s needs --reason TEXT: it is kept with the change, and shown to whoever asks why ("disk replacement, ticket 4711")`, c.CommandPath())
	}
	if l := c.Flags().Lookup("for"); l != nil {
		if err := f.checkFor(l); err != nil {
			return err
		}
	}
	if f.author == "" {
		f.author = whoami()
	}
	return nil
}

// hasEnd marks a flag of a duration that does not take never.
const hasEnd = "has-end"

func (f *writeFlags) checkFor(l *pflag.Flag) error {
	d, err := time.ParseDuration(f.lasts)
	_, ends := l.Annotations[hasEnd]
	switch {
	case !ends && f.lasts == api.Never, err == nil && d >= time.Second:
		return nil
	case ends:
		return usage("--for %q is no duration from 1s on (30m, 24h)", f.lasts)
	}
	return usage("--for %q is neither a duration from 1s on (30m, 24h) nor never", f.lasts)
}

func (f *writeFlags) who() api.Who { return api.Who{Author: f.author, Reason: f.reason} }

func whoami() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil && name == "" {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		return name + "@" + host
	}
	return name
}

// writing is a write: what to call once flags are checked.
type writing func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error)

func (s *session) writeCommand(use, short string, args cobra.PositionalArgs, has flagSet, do writing) *cobra.Command {
	f := new(writeFlags)
	c := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(c *cobra.Command, args []string) error {
		if err := f.check(c); err != nil {
			return err
		}
		return s.write(c.Context(), f, args, do)
	}}
	f.add(c, has)
	return c
}

// write does one write, shows what it did, and waits where that is asked for.
func (s *session) write(ctx context.Context, f *writeFlags, args []string, do writing) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	if f.id == "" {
		f.id = api.NewRequestID()
	}
	a, err := do(api.WithRequestID(ctx, f.id), client, f, args)
	if errors.Is(err, api.ErrUnknownOutcome) {
		return &unknownError{err, f.id}
	}
	if err != nil {
		return err
	}
	if err := show(s, a, writtenPage); err != nil {
		return err
	}
	switch {
	case a.Refusal != nil:
		return errUnhealthy
	case f.wait && a.Done:
		return s.everywhere(ctx, client, a)
	}
	return nil
}

// unknownError is a write that may or may not have taken effect.
type unknownError struct {
	err error
	id  string
}

func (e *unknownError) Error() string {
	return e.err.Error() + ". Repeat the same command with --request-id " + e.id + ": it has no second effect"
}

func (e *unknownError) Unwrap() error { return e.err }

func writtenPage(t *terminal, a *api.Written) {
	switch {
	case a.Refusal != nil:
		t.printf("%s %s (%s)\n", t.paint(red, "It would be refused:"), a.Refusal.Detail, a.Refusal.Code)
	case !a.Done:
		t.printf("%s\n", t.paint(bold, "Plan: nothing was changed."))
	default:
		t.printf("%s at index %d.\n", t.paint(green, "Done"), a.Index)
	}
	for i := range a.Blocks {
		notice(t, t.paint(yellow, " *"), &a.Blocks[i])
	}
	if a.Member != nil {
		memberPlanPage(t, a.Member)
	}
	for _, g := range a.Gone {
		t.printf("  would go: %s: %s\n", goneWord(&g), someOf(g.Names, g.Count-len(g.Names), 8))
	}
	for _, e := range a.Events {
		t.printf("  %s\n", e)
	}
	for _, r := range a.Records {
		t.printf("%s %s: %s\n", r.Name, r.Type, recordWord(&r))
	}
	for _, c := range a.Changes {
		t.printf("%s: %s\n", c.Group, changeWord(&c))
		changePage(t, &c, a.At)
	}
	if len(a.Changes)+len(a.Records) == 0 && a.Refusal == nil {
		t.printf("No steered name changes its answer.\n")
	}
}

// goneWord counts what would go: "1 record set", "2 tokens".
func goneWord(g *api.Gone) string {
	kind := strings.ReplaceAll(g.Kind, "-", " ")
	switch {
	case g.Count == 1 && kind == "switches":
		kind = "switch"
	case g.Count == 1:
		kind = strings.TrimSuffix(kind, "s")
	}
	return strconv.Itoa(g.Count) + " " + kind
}

// changePage is what the names of a group answer, before and after, and until when caches differ.
func changePage(t *terminal, c *api.Change, now time.Time) {
	for i := range c.After {
		cell, before := &c.After[i], ""
		if len(c.Before) == len(c.After) {
			before = ", before " + cellAnswer(&c.Before[i])
		}
		t.printf("  %s answers %s%s, TTL %d s\n", someOf(cell.Names, cell.More, 4), cellAnswer(cell), before, cell.TTL)
	}
	t.printf("  why: %s\n", c.Why)
	switch {
	case c.Clear != nil:
		t.printf("  caches: %s\n", caches(*c.Clear, now))
	case c.TTL > 0:
		t.printf("  caches: clear %d s after it is done\n", c.TTL)
	}
}

func changeWord(c *api.Change) string {
	if c.From == c.To {
		return "still answers with " + c.To + ", with other addresses"
	}
	return "answers with " + c.To + ", no longer with " + orDash(c.From)
}

func operateCommands(s *session) []*cobra.Command {
	return []*cobra.Command{
		failoverCommand(s),
		s.writeCommand("unpin GROUP|all", "End the pin of a group, or of all", cobra.ExactArgs(1), flagSet{reason: true},
			func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
				return c.Unpin(ctx, api.UnpinRequest{Who: f.who(), Group: args[0]}, f.plan)
			}),
		s.writeCommand("failback GROUP|all", "End the hold of the preferred site", cobra.ExactArgs(1), flagSet{reason: true},
			func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
				return c.Failback(ctx, api.FailbackRequest{Who: f.who(), Group: args[0]}, f.plan)
			}),
		forceGroup(s, "site", "SITE"),
		forceGroup(s, "address", "SITE@ADDRESS"),
		forceGroup(s, "endpoint", "SITE/CHECK@ADDRESS"),
		muteGroup(s, "check", "SITE/CHECK"),
		muteGroup(s, "node", "NODE"),
	}
}

func failoverCommand(s *session) *cobra.Command {
	var to string
	c := s.writeCommand("failover GROUP|all --to SITE", "Pin a group, or all that have the site, to a site", cobra.ExactArgs(1), flagSet{lasts: true, force: true, reason: true, glass: true},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			if to == "" {
				return nil, usage("failover needs --to SITE; failoverctl sites lists them")
			}
			return c.Pin(ctx, api.PinRequest{Who: f.who(), Group: args[0], Site: to, For: f.lasts, Force: f.force, BreakGlass: f.glass}, f.plan)
		})
	c.Flags().StringVar(&to, "to", "", "the site that the group answers with")
	c.Long = "failover pins a group to a site. Without --force the pin yields while its site is down; with --force it stands whatever\nis measured. Undo it with unpin, or with failover to the old site."
	return c
}

// forceGroup are the overrides of what can be forced up and down.
func forceGroup(s *session, scope, id string) *cobra.Command {
	force := func(word string) writing {
		return func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			return c.SetOverride(ctx, api.OverrideRequest{Who: f.who(), Scope: scope, Target: args[0], Word: word, For: f.lasts, Force: f.force, BreakGlass: f.glass}, f.plan)
		}
	}
	return group(scope, "Force "+article(scope)+" up or down",
		s.writeCommand("down "+id, "Take it out, whatever is measured", cobra.ExactArgs(1), flagSet{lasts: true, force: true, reason: true, glass: scope == "site"}, force("down")),
		s.writeCommand("up "+id, "Count it as up, whatever is measured", cobra.ExactArgs(1), flagSet{lasts: true, force: true, reason: true, glass: scope == "site"}, force("up")),
		s.clearCommand("clear", scope, id),
		s.extendCommand(scope, id))
}

// muteGroup are the overrides of what can be muted.
func muteGroup(s *session, scope, id string) *cobra.Command {
	effect := "Count the endpoints of a check as up"
	if scope == "node" {
		effect = "Count the votes of a node as none"
	}
	return group(scope, "Mute "+article(scope),
		s.writeCommand("mute "+id, effect, cobra.ExactArgs(1), flagSet{lasts: true, force: true, reason: true},
			func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
				return c.SetOverride(ctx, api.OverrideRequest{Who: f.who(), Scope: scope, Target: args[0], Word: "mute", For: f.lasts, Force: f.force}, f.plan)
			}),
		s.clearCommand("unmute", scope, id),
		s.extendCommand(scope, id))
}

func (s *session) clearCommand(verb, scope, id string) *cobra.Command {
	return s.writeCommand(verb+" "+id, "End the override", cobra.ExactArgs(1), flagSet{force: true, reason: true, glass: scope == "site"},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			return c.ClearOverride(ctx, api.ClearRequest{Who: f.who(), Scope: scope, Target: args[0], Force: f.force, BreakGlass: f.glass}, f.plan)
		})
}

func (s *session) extendCommand(scope, id string) *cobra.Command {
	return s.writeCommand("extend "+id, "Let the override stand for so long from now on", cobra.ExactArgs(1), flagSet{lasts: true},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			return c.Extend(ctx, api.ExtendRequest{Author: f.author, Scope: scope, Target: args[0], For: f.lasts}, f.plan)
		})
}

func article(noun string) string {
	if noun == "address" || noun == "endpoint" {
		return "an " + noun
	}
	return "a " + noun
}
