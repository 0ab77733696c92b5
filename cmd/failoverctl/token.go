package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
	"failoverdns/token"
)

// How long tokens are good unless told otherwise: an API token for a quarter, a join token for the hour in which the
// node is set up.
const (
	tokenFor = "2160h"
	joinFor  = "1h"
)

func tokenCommand(s *session) *cobra.Command {
	return group("token", "Tokens of the admin API, and those that let nodes join", tokenCreate(s), tokenList(s), tokenRevoke(s), tokenHash(s))
}

// tokenFlags say what a new token is to be.
type tokenFlags struct {
	writeFlags
	join      bool
	role, out string
	zones     []string
	joinExtra
}

func tokenCreate(s *session) *cobra.Command {
	f := new(tokenFlags)
	c := &cobra.Command{Use: "create NAME", Short: "Make a token, and bring its hash into the cluster", Args: cobra.ExactArgs(1),
		Long: "create makes a token, writes it into a file that only you can read, and brings its hash into the cluster. The secret never\nleaves this machine by itself. NAME is who will hold it: the author of all that is done with it.\n\nWith --join the token lets one node into the cluster, once.",
		RunE: func(c *cobra.Command, args []string) error {
			if f.lasts == "" {
				f.lasts = tokenFor
				if f.join {
					f.lasts = joinFor
				}
			}
			if err := f.check(c); err != nil {
				return err
			}
			return s.createToken(c.Context(), f, args[0])
		}}
	f.add(c, flagSet{reason: true})
	c.Flags().StringVar(&f.lasts, "for", "", "how long it is good, or never (default "+tokenFor+", of a join token "+joinFor+")")
	c.Flags().StringVar(&f.role, "role", "", "read, operate or admin; with --join voter, replica or witness")
	c.Flags().StringArrayVar(&f.zones, "zone", nil, "a zone that it is good for; may repeat (default all)")
	c.Flags().StringVar(&f.out, "out", "", "file for the token; it must not be there yet (default NAME.token)")
	c.Flags().BoolVar(&f.join, "join", false, "for a node to join the cluster")
	f.addJoin(c)
	return c
}

// createToken writes the token's file first: a token that the cluster knows and nobody has is of no use.
func (s *session) createToken(ctx context.Context, f *tokenFlags, name string) error {
	kind, roles := api.TokenAPI, token.Roles
	if f.join {
		kind, roles = api.TokenJoin, []string{"voter", "replica", "witness"}
	}
	if !slices.Contains(roles, f.role) {
		return usage("--role %q is none of: %s", f.role, strings.Join(roles, ", "))
	}
	file := cmp.Or(f.out, name+".token")
	k, err := f.make(s, file)
	if err != nil {
		return err
	}
	q := api.TokenRequest{Who: f.who(), ID: k.ID, Kind: kind, Name: name, Hash: k.Hash(), Role: f.role, Zones: f.zones, For: f.lasts}
	keep := false
	err = s.write(ctx, &f.writeFlags, nil, func(ctx context.Context, c *api.Client, f *writeFlags, _ []string) (*api.Written, error) {
		a, err := c.CreateToken(ctx, q, f.plan)
		keep = err == nil && a.Done || errors.Is(err, api.ErrUnknownOutcome)
		return a, err
	})
	if !keep {
		return errors.Join(err, os.Remove(file))
	}
	if s.output != "json" {
		s.t.printf("The token is in %s, which only you can read; nothing else has it.\n", file)
	}
	return err
}

// make makes a token in a file. A repeated request takes the one that is there.
func (f *tokenFlags) make(s *session, file string) (*token.Token, error) {
	if f.id != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, usage("a repeated request needs the token that it was made for: %w", err)
		}
		return f.parse(strings.TrimSpace(string(b)))
	}
	k := token.New()
	words, err := f.text(s, k)
	if err != nil {
		return nil, err
	}
	return k, writeSecret(file, words)
}

// writeSecret makes a file that only its owner can read; one that is there stays.
func writeSecret(file, secret string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("%q is there already; name another with --out", file)
	}
	if err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	_, err = f.WriteString(secret + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the token: %w", err), os.Remove(file))
	}
	return nil
}

func tokenList(s *session) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "The cluster's tokens, and those that ended of late", Args: cobra.NoArgs,
		Long: "list shows the cluster's tokens. Those of a node's own are in the file that its Corefile names.",
		RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Tokens, error) { return cl.Tokens(ctx) }, tokensPage)
		}}
}

func tokensPage(t *terminal, a *api.Tokens) {
	if len(a.Tokens) == 0 {
		t.printf("No tokens.\n")
		footer(t, &a.Meta)
		return
	}
	x := t.table("", "ID", "NAME", "KIND", "ROLE", "ZONES", "MADE BY", "ENDS", "LAST USE", "STANDING")
	for _, k := range a.Tokens {
		zones := "all"
		if k.Kind == api.TokenJoin {
			zones = "-"
		} else if len(k.Zones) > 0 {
			zones = strings.Join(k.Zones, ", ")
		}
		ends, used, standing := "never", "-", t.paint(green, "good")
		if k.Expires != nil {
			ends = when(*k.Expires, a.At)
		}
		if k.LastUse != nil {
			used = when(*k.LastUse, a.At) + after(" at ", k.UsedBy)
		}
		switch {
		case k.End != "":
			standing = t.paint(yellow, k.End) + after(" by ", k.EndedBy)
		case !k.Good:
			standing = t.paint(yellow, "expired")
		}
		x.row(k.ID, orDash(k.Name), k.Kind, k.Role, zones, k.Author, ends, used, standing)
	}
	x.end()
	footer(t, &a.Meta)
}

func tokenRevoke(s *session) *cobra.Command {
	return s.writeCommand("revoke ID", "End a token at once", cobra.ExactArgs(1), flagSet{reason: true},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			return c.RevokeToken(ctx, api.RevokeRequest{Who: f.who(), ID: args[0]}, f.plan)
		})
}

func tokenHash(s *session) *cobra.Command {
	var out string
	var lasts time.Duration
	e := new(token.Entry)
	c := &cobra.Command{Use: "hash NAME", Short: "Make a token of one node's own; asks no server", Args: cobra.ExactArgs(1),
		Long: "hash prints the line of a token for the file that a Corefile names (admin HOST:PORT { tokens FILE }). The token itself is\nmade and written to --out, or taken from there where the file exists. With such a token the cluster's first one is made.",
		RunE: func(_ *cobra.Command, args []string) error {
			e.Name = args[0]
			if lasts > 0 {
				e.Until = s.t.now().Add(lasts)
			}
			return s.hashToken(e, cmp.Or(out, e.Name+".token"))
		}}
	c.Flags().StringVar(&e.Role, "role", "", "read, operate or admin")
	c.Flags().StringArrayVar(&e.Zones, "zone", nil, "a zone that it is good for; may repeat (default all)")
	c.Flags().DurationVar(&lasts, "for", 0, "how long it is good, by the clock of the node's machine (default for ever)")
	c.Flags().StringVar(&out, "out", "", "file of the token (default NAME.token)")
	return c
}

func (s *session) hashToken(e *token.Entry, file string) error {
	k := token.New()
	b, err := os.ReadFile(file)
	switch {
	case err == nil:
		if k, err = token.Parse(strings.TrimSpace(string(b))); err != nil {
			return usage("%q: %w", file, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the token: %w", err)
	}
	e.ID, e.Hash = k.ID, k.Hash()
	if !slices.Contains(token.Roles, e.Role) {
		return usage("--role %q is none of: %s", e.Role, strings.Join(token.Roles, ", "))
	}
	if _, err := token.ParseFile([]byte(e.Line())); err != nil {
		return usage("%s: %w", e.Name, err)
	}
	if b == nil {
		if err := writeSecret(file, k.Text()); err != nil {
			return err
		}
	}
	if s.output == "json" {
		return s.t.json(map[string]string{"line": e.Line(), "id": e.ID, "file": file})
	}
	s.t.printf("%s\n", e.Line())
	fmt.Fprintf(s.t.err, "The token is in %s, which only you can read; the line has its hash alone.\n", printable(file))
	return nil
}

// tokenIDs are those that can be revoked.
func tokenIDs(ctx context.Context, c *api.Client) (out []string, err error) {
	a, err := c.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range a.Tokens {
		if k.Good {
			out = append(out, k.ID+"\t"+k.Kind+" "+k.Name+", "+k.Role)
		}
	}
	return out, nil
}
