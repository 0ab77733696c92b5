package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

// session is one run of the program: its global flags, and the client made from them.
type session struct {
	t          *terminal
	servers    []string
	tokenFile  string
	ca         string
	cert, key  string
	output     string
	consistent bool
	timeout    time.Duration
}

// run runs the command line and gives the exit status.
func run(ctx context.Context, t *terminal, args []string) int {
	root := newRoot(t)
	root.SetArgs(args)
	at, err := root.ExecuteContextC(ctx)
	report(t, at, err)
	return exitStatus(err)
}

func newRoot(t *terminal) *cobra.Command {
	s := &session{t: t}
	root := &cobra.Command{
		Use:           "failoverctl",
		Short:         "Look at and operate a failoverdns cluster",
		Long:          "failoverctl looks at and operates a failoverdns cluster.\n\nExit status: 0 done or healthy, 1 refused or unhealthy, 2 usage, 3 nobody answers, 4 outcome unknown (safe to repeat).",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if s.output != "table" && s.output != "json" {
				return usage("--output %q is neither table nor json", s.output)
			}
			return nil
		},
	}
	f := root.PersistentFlags()
	f.StringArrayVar(&s.servers, "server", nil, "URL of an admin API; may repeat, the first that answers is used (env FAILOVER_SERVER, comma-separated; default "+api.DefaultServer+")")
	f.StringVar(&s.tokenFile, "token-file", "", "file that holds an API token (env FAILOVER_TOKEN_FILE)")
	f.StringVar(&s.ca, "ca", "", "PEM file of the CA of https servers; default the system's (env FAILOVER_CA)")
	f.StringVar(&s.cert, "cert", "", "PEM file of a client certificate, with --key instead of a token (env FAILOVER_CERT)")
	f.StringVar(&s.key, "key", "", "PEM file of its key (env FAILOVER_KEY)")
	f.StringVarP(&s.output, "output", "o", "table", "table or json")
	f.BoolVar(&s.consistent, "consistent", false, "ask the leader first, so that every acknowledged write shows")
	f.DurationVar(&s.timeout, "timeout", api.DefaultTimeout, "for one call, all its servers together")
	root.AddCommand(snapshotCommand(s), recoverCommand(s))
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(lookCommands(s)...)
	root.AddCommand(operateCommands(s)...)
	root.AddCommand(drillCommand(s), maintenanceCommand(s), ruleCommand(s), switchCommand(s), clusterCommand(s), localCommand(s), configCommand(s), zoneCommand(s), recordCommand(s), certCommand(s), tokenCommand(s), versionCommand(s))
	strict(root)
	plainDefaults(root)
	addCompletion(s, root)
	return root
}

// strict makes wrong arguments usage errors, and groups of commands refuse unknown words.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			switch {
			case err != nil && c.HasSubCommands():
				return &usageError{err}
			case err != nil && check(c, nil) == nil && check(c, args[:1]) != nil:
				return usage("%s takes no arguments, and %q is one", c.CommandPath(), args[0])
			case err != nil:
				return usage("%w; it goes: %s", err, c.UseLine())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	c.SuggestionsMinimumDistance = 2 // cobra's own default, which it sets only where it makes the suggestion itself
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

// group is a command that has only others below it.
func group(use, short string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: unknownCommand, RunE: func(c *cobra.Command, _ []string) error {
		_ = c.Help()
		return usage("%s needs one of its commands", c.CommandPath())
	}}
	c.AddCommand(sub...)
	return c
}

// client makes the client that the flags ask for.
func (s *session) client() (*api.Client, error) {
	servers := s.servers
	if env := s.t.env("FAILOVER_SERVER"); len(servers) == 0 && env != "" {
		servers = strings.Split(env, ",")
	}
	token, err := s.token()
	if err != nil {
		return nil, err
	}
	secure, err := s.tls()
	if err != nil {
		return nil, err
	}
	c, err := api.NewClient(api.Options{Servers: servers, Token: token, TLS: secure, Consistent: s.consistent, Timeout: s.timeout, UserAgent: "failoverctl/" + version})
	if err != nil {
		return nil, &usageError{err}
	}
	return c, nil
}

// show writes an answer as JSON, or with text for people.
func show[A api.Answer](s *session, a A, text func(*terminal, A)) error {
	if s.output == "json" {
		return s.t.json(a)
	}
	text(s.t, a)
	return nil
}

// ask is a command that asks one thing and shows it.
func ask[A api.Answer](s *session, c *cobra.Command, call func(context.Context, *api.Client) (A, error), text func(*terminal, A)) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	a, err := call(c.Context(), client)
	if err != nil {
		return err
	}
	return show(s, a, text)
}

// footer says whose view this was, and how old.
func footer(t *terminal, m *api.Meta) {
	t.printf("\nSeen by %s at index %d, state %s old.\n", m.Node, m.Index, fine(m.StateAge))
}

func versionCommand(s *session) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "The version of this program", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		if s.output == "json" {
			return s.t.json(map[string]string{"version": version})
		}
		s.t.printf("failoverctl %s\n", version)
		return nil
	}}
}
