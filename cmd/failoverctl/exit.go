package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

// Exit statuses.
const (
	exitDone        = 0
	exitRefused     = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitUnknown     = 4
)

// errUnhealthy ends a command that has said all there is to say, with status 1.
var errUnhealthy = errors.New("unhealthy")

// usageError is a command line that is not understood.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exitStatus is what an error means to a script.
func exitStatus(err error) int {
	var u *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &u):
		return exitUsage
	case errors.Is(err, api.ErrUnknownOutcome):
		return exitUnknown
	case errors.Is(err, api.ErrUnreachable):
		return exitUnreachable
	}
	return exitRefused
}

// report tells a person about an error of a command, on standard error.
func report(t *terminal, at *cobra.Command, err error) {
	switch {
	case err == nil, errors.Is(err, errUnhealthy):
		return
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(t.err, "interrupted")
		return
	}
	fmt.Fprintf(t.err, "failoverctl: %s\n", printable(err.Error()))
	var p *api.Problem
	var u *usageError
	switch {
	case errors.As(err, &u):
		fmt.Fprintf(t.err, "Try: %s --help\n", at.CommandPath())
	case errors.As(err, &p) && p.Code == api.CodeNeedsForce && strings.Contains(p.Detail, "--force"):
		fmt.Fprintln(t.err, "Nothing was changed. --plan shows what it would do.")
	case errors.As(err, &p) && p.Code == api.CodeNeedsForce:
		fmt.Fprintln(t.err, "Nothing was changed. --plan shows what it would do, --force does it all the same.")
	case errors.As(err, &p) && p.Code == api.CodeSafetyRule:
		fmt.Fprintln(t.err, "Nothing was changed. failoverctl rule list shows the rules, --plan what a change would do.")
	case errors.Is(err, api.ErrUnreachable):
		fmt.Fprintln(t.err, "Is a node running there? Name others with --server URL or FAILOVER_SERVER. DNS answers do not depend on this.")
	}
}
