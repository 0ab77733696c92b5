package failover

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/coredns/caddy"

	"failoverdns/node"
)

// Recover makes a cluster of the stopped node that a Corefile describes and of those that it keeps, once a person has
// typed what that gives up.
func Recover(in caddy.Input, keep []string, typed io.Reader, w io.Writer) error {
	_, cfg, err := understand(in)
	if err != nil {
		return err
	}
	keep = slices.DeleteFunc(slices.Clone(keep), func(id string) bool { return id == cfg.ID })
	err = node.RecoverStopped(context.Background(), cfg, keep, func(r *node.Recovery) error {
		fmt.Fprintf(w, "This makes a cluster of %s, from the data directory %s, which no server has open.\n", strings.Join(r.Keep, ", "), cfg.DataDir)
		fmt.Fprintf(w, "  given up for good:   %s: they must never run again with their data\n", strings.Join(r.Lose, ", "))
		fmt.Fprintf(w, "  counts from now on:  its log, to entry %d of term %d; the last entry known to be acknowledged is at least %d\n", r.LastIndex, r.LastTerm, r.Applied)
		fmt.Fprintf(w, "  its state is         %s old, and goes on at index %d\n", r.Age.Round(time.Second), r.Next)
		fmt.Fprintf(w, "Other survivors were not asked: this must be the one whose log goes furthest. They need no command of their own.\n\nType %q to do it: ", r.Confirmation())
		line, _ := bufio.NewReader(typed).ReadString('\n') // what was typed before the end counts
		if line = strings.TrimSpace(line); line != r.Confirmation() {
			return fmt.Errorf("%q was typed, not %q; nothing was changed", line, r.Confirmation())
		}
		return nil
	})
	if err == nil {
		fmt.Fprintln(w, "Recovered. Start this server, then the others that are left.")
	}
	return err
}
