package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func switchCommand(s *session) *cobra.Command {
	set := s.writeCommand("set NAME=on|off...", "Turn routing switches, all of them or none", cobra.MinimumNArgs(1), flagSet{force: true, reason: true, glass: true},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			positions, err := switchPositions(args)
			if err != nil {
				return nil, err
			}
			return c.SetSwitches(ctx, api.SwitchRequest{Who: f.who(), Set: positions, Force: f.force, BreakGlass: f.glass}, f.plan)
		})
	set.Long = "set turns routing switches in one step: every one of them, or none. While a switch is off, its sites are out in every group.\nSafety rules may refuse the change; --break-glass goes past them, and is recorded."
	return group("switch", "Routing switches",
		&cobra.Command{Use: "list", Short: "Switches with their positions", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Switches, error) { return cl.Switches(ctx) }, switchesPage)
		}}, set)
}

func ruleCommand(s *session) *cobra.Command {
	return group("rule", "Safety rules over routing switches",
		&cobra.Command{Use: "list", Short: "Safety rules, and whether they are kept", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Switches, error) { return cl.Switches(ctx) }, rulesPage)
		}})
}

func switchPositions(args []string) (out []api.SwitchPosition, err error) {
	for _, a := range args {
		name, word, _ := strings.Cut(a, "=")
		if name == "" || word != "on" && word != "off" {
			return nil, usage("%q is neither NAME=on nor NAME=off", a)
		}
		out = append(out, api.SwitchPosition{Name: name, On: word == "on"})
	}
	return out, nil
}

func switchesPage(t *terminal, a *api.Switches) {
	if len(a.Switches) == 0 {
		t.printf("No switches are declared.\n")
	} else {
		x := t.table("", "SWITCH", "POSITION", "SINCE", "TAKES OUT", "BY", "REASON")
		for _, sw := range a.Switches {
			word := onOff(sw.On)
			if len(sw.Out) > 0 {
				word += " (rules count it as off: " + strings.Join(sw.Out, ", ") + " forced down)"
			}
			if sw.BrokeGlass {
				word += " (broke glass)"
			}
			x.row(sw.Name, word, when(sw.Since, a.At), strings.Join(sw.Sites, ", "), sw.Author, sw.Reason)
		}
		x.end()
	}
	footer(t, &a.Meta)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func rulesPage(t *terminal, a *api.Switches) {
	if len(a.Rules) == 0 {
		t.printf("No safety rules are declared.\n")
	} else {
		x := t.table("", "RULE", "KIND", "SWITCHES", "DEMANDS", "NOW", "WAIT")
		for _, r := range a.Rules {
			wait := fine(r.Wait)
			if r.Waits != nil {
				wait += ", until " + when(*r.Waits, a.At)
			}
			x.row(r.Name, r.Kind, strings.Join(r.Switches, ", "), r.Demands, ruleNow(&r), wait)
		}
		x.end()
	}
	footer(t, &a.Meta)
}

func ruleNow(r *api.Rule) string {
	words := map[string][2]string{"assertion": {"NOT KEPT", "kept"}, "gating": {"shut", "open"}}[r.Kind]
	word := words[0]
	if r.Kept {
		word = words[1]
	}
	return fmt.Sprintf("%s (%d on)", word, r.On)
}

// switchTurns completes each switch with the position that it does not have.
func switchTurns(ctx context.Context, c *api.Client) ([]string, error) {
	a, err := c.Switches(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, sw := range a.Switches {
		out = append(out, sw.Name+"="+onOff(!sw.On)+"\tis "+onOff(sw.On))
	}
	return out, nil
}
