package failover

import (
	"fmt"
	"io"

	"github.com/coredns/caddy"
)

// Check reads a Corefile as the server would, starts nothing, and prints what it understood, with warnings. The error
// names file, line and reason.
func Check(in caddy.Input, w io.Writer) error {
	if err := caddy.ValidateAndExecuteDirectives(in, nil, true); err != nil {
		return err
	}
	c, err := readCorefile(in)
	if err != nil {
		return err
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if len(c.blocks) == 0 {
		_, err := fmt.Fprintln(w, "the Corefile is good and has no failover block: nothing fails over")
		return err
	}
	if err := describe(w, &cfg); err != nil {
		return err
	}
	for i, warning := range warnings(&cfg) {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "warning:", warning)
	}
	return nil
}
