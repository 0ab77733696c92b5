package failover

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/coredns/caddy"

	"failoverdns/node"
)

// Declared reads a Corefile as Check does, and writes what it declares, setting by setting, as JSON: failoverctl config
// diff compares that with what is in force.
func Declared(in caddy.Input, w io.Writer) error {
	_, cfg, err := understand(in)
	if err != nil {
		return err
	}
	zones := []node.ZoneSettings{}
	for _, d := range cfg.Declarations {
		zones = append(zones, node.Settings(d))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"zones": zones})
}

func understand(in caddy.Input) (*corefile, node.Config, error) {
	if err := caddy.ValidateAndExecuteDirectives(in, nil, true); err != nil {
		return nil, node.Config{}, err
	}
	c, err := readCorefile(in)
	if err != nil {
		return nil, node.Config{}, err
	}
	cfg, err := c.config()
	return c, cfg, err
}

// Check reads a Corefile as the server would, starts nothing, and prints what it understood, with warnings. The error
// names file, line and reason.
func Check(in caddy.Input, w io.Writer) error {
	c, cfg, err := understand(in)
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
	for i, warning := range append(warnings(&cfg), warnFiles(&cfg)...) {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "warning:", warning)
	}
	return nil
}
