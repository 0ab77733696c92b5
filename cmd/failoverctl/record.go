package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

// autoZone is the zone argument that means the deepest zone here that the name is in.
const autoZone = "auto"

const recordHelp = `

ZONE is the zone's name, or auto: the deepest zone here that NAME is in. NAME without a final dot stands below ZONE, unless it
is written out; @ is the zone itself. Values are in presentation form, as in a zone file; TXT that does not begin with a
quote is one text as it stands, blanks and quotes in it included.
Before a VALUE that may begin with a dash write --, as in: record add auto NAME TXT -- VALUE.`

func recordCommand(s *session) *cobra.Command {
	return group("record", "Dynamic record sets beside the declared ones",
		recordList(s),
		recordWrite(s, "set", "set ZONE NAME TYPE VALUE...", "Make a record set these records, whatever it was", cobra.MinimumNArgs(4)),
		recordWrite(s, "add", "add ZONE NAME TYPE VALUE...", "Put records into a set, beside those that are there", cobra.MinimumNArgs(4)),
		recordWrite(s, "remove", "remove ZONE NAME TYPE VALUE...", "Take records out of a set; the last one takes the set with it", cobra.MinimumNArgs(4)),
		recordWrite(s, "delete", "delete ZONE NAME TYPE", "Delete a record set", cobra.ExactArgs(3)))
}

func recordList(s *session) *cobra.Command {
	var dynamic bool
	c := &cobra.Command{Use: "list ZONE [NAME [TYPE]]", Short: "The record sets of a zone", Args: cobra.RangeArgs(1, 3), RunE: func(c *cobra.Command, args []string) error {
		args = append(args, "", "")[:3]
		return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Records, error) {
			zone, err := zoneFor(ctx, cl, args[0], args[1])
			if err != nil {
				return nil, err
			}
			return cl.Records(ctx, api.RecordsQuery{Zone: zone, Name: args[1], Type: args[2], Dynamic: dynamic})
		}, recordsPage)
	}}
	c.Flags().BoolVar(&dynamic, "dynamic", false, "only dynamic ones")
	return c
}

// recordWrite is a command that changes one record set.
func recordWrite(s *session, verb, use, short string, args cobra.PositionalArgs) *cobra.Command {
	var ttl uint32
	var version uint64
	var c *cobra.Command
	c = s.writeCommand(use, short, args, flagSet{mayReason: true},
		func(ctx context.Context, cl *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			zone, err := zoneFor(ctx, cl, args[0], args[1])
			if err != nil {
				return nil, err
			}
			x := api.RecordChange{Verb: verb, Name: args[1], Type: args[2], Data: args[3:]}
			if c.Flags().Changed("ttl") {
				x.TTL = &ttl
			}
			if c.Flags().Changed("if-version") {
				x.Version = &version
			}
			return cl.ChangeRecords(ctx, api.RecordsRequest{Who: f.who(), Zone: zone, Changes: []api.RecordChange{x}}, f.plan)
		})
	if verb == api.RecordsSet || verb == api.RecordsAdd {
		c.Flags().Uint32Var(&ttl, "ttl", 300, "in seconds (default that of the set, or 300)")
		c.Flags().Lookup("ttl").DefValue = "0" // the default is in the text: it depends
	}
	c.Flags().Uint64Var(&version, "if-version", 0, "only if the set is at this version; 0: only if there is none")
	c.Long = short + "." + recordHelp
	return c
}

// zoneFor finds the zone that an argument means.
func zoneFor(ctx context.Context, c *api.Client, zone, name string) (string, error) {
	if zone != autoZone {
		return zone, nil
	}
	a, err := c.Zones(ctx, "")
	if err != nil {
		return "", err
	}
	full, best := "."+strings.ToLower(strings.TrimSuffix(name, "."))+".", ""
	for _, z := range a.Zones {
		if strings.HasSuffix(full, "."+strings.TrimPrefix(z.Zone, ".")) && len(z.Zone) > len(best) {
			best = z.Zone
		}
	}
	if best == "" {
		return "", usage("no zone here holds %q; failoverctl zone list names them", name)
	}
	return best, nil
}

func recordsPage(t *terminal, a *api.Records) {
	if len(a.Records) == 0 {
		t.printf("No such record sets.\n")
		footer(t, &a.Meta)
		return
	}
	x := t.table("", "NAME", "TYPE", "TTL", "DATA", "KIND", "VERSION", "BY")
	for _, r := range a.Records {
		version, by := "", r.Source
		if r.Kind == api.SetDynamic {
			version, by = fmt.Sprint(r.Version), r.Author
		}
		for i, d := range r.Data {
			if i > 0 {
				x.row("", "", "", spaced(d), "", "", "")
				continue
			}
			x.row(r.Name, r.Type, fmt.Sprint(r.TTL), spaced(d), r.Kind, version, by)
		}
	}
	x.end()
	if a.More {
		t.printf("There are more: name one, or use failoverctl zone export %s.\n", a.Zone)
	}
	footer(t, &a.Meta)
}

// recordWord says what a record set is after a write.
func recordWord(r *api.RecordSet) string {
	if len(r.Data) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s, TTL %d s, version %d", spaced(strings.Join(r.Data, " | ")), r.TTL, r.Version)
}

func dynamicNames(ctx context.Context, c *api.Client) (out []string, err error) {
	zones, err := c.Zones(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, z := range zones.Zones {
		if z.Dynamic == 0 {
			continue
		}
		a, err := c.Records(ctx, api.RecordsQuery{Zone: z.Zone, Dynamic: true})
		if err != nil {
			return nil, err
		}
		for _, r := range a.Records {
			out = append(out, r.Name)
		}
	}
	return slices.Compact(out), nil
}
