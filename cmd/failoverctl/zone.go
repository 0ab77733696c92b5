package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

func zoneCommand(s *session) *cobra.Command {
	return group("zone", "Zones: look, export, and those that no file declares",
		&cobra.Command{Use: "list", Short: "All zones", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Zones, error) { return cl.Zones(ctx, "") }, zonesPage)
		}},
		&cobra.Command{Use: "show ZONE", Short: "Where a zone comes from, and what is in it", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.Zones, error) { return cl.Zones(ctx, args[0]) }, zonePage)
		}},
		&cobra.Command{Use: "export ZONE", Short: "A zone as a zone file, with the answers as they are now", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return ask(s, c, func(ctx context.Context, cl *api.Client) (*api.ZoneText, error) { return cl.ExportZone(ctx, args[0]) },
				func(t *terminal, a *api.ZoneText) { t.printf("%s", a.Text) })
		}},
		zoneCreate(s),
		s.writeCommand("delete ZONE", "Delete a zone that no node's file declares any more", cobra.ExactArgs(1), flagSet{force: true, reason: true},
			func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
				return c.DeleteZone(ctx, api.ZoneDeleteRequest{Who: f.who(), Zone: args[0], Force: f.force}, f.plan)
			}))
}

func zoneCreate(s *session) *cobra.Command {
	var servers []string
	q := api.ZoneRequest{}
	c := s.writeCommand("create ZONE --ns NAME[=ADDRESS,...]", "Make a zone that no file declares", cobra.ExactArgs(1), flagSet{reason: true},
		func(ctx context.Context, c *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			if len(servers) == 0 {
				return nil, usage("zone create needs --ns NAME, once for each name server; one within the zone as NAME=ADDRESS,ADDRESS")
			}
			q.Who, q.Zone, q.NameServers = f.who(), args[0], nil
			for _, ns := range servers {
				name, addresses, has := strings.Cut(ns, "=")
				n := api.NameServer{Name: name}
				if has {
					n.Addresses = strings.Split(addresses, ",")
				}
				q.NameServers = append(q.NameServers, n)
			}
			return c.PutZone(ctx, q, f.plan)
		})
	c.Flags().StringArrayVar(&servers, "ns", nil, "a name server, with its addresses where it stands within the zone; may repeat")
	c.Flags().Uint32Var(&q.TTL, "ttl", 60, "of negative answers, in seconds")
	c.Flags().BoolVar(&q.Replace, "replace", false, "give a zone that was made so other name servers; its dynamic record sets stay")
	c.Long = "create makes a zone with an SOA and the name servers given; all else in it comes by failoverctl record. A server block of\nevery node must cover its name (a block of a parent name does)."
	return c
}

func zonesPage(t *terminal, a *api.Zones) {
	x := t.table("", "ZONE", "SERIAL", "STEERED", "DECLARED", "DYNAMIC", "FROM")
	for _, z := range a.Zones {
		x.row(z.Zone, fmt.Sprint(z.Serial), fmt.Sprint(z.Steered), fmt.Sprint(z.Declared), fmt.Sprint(z.Dynamic), z.Source)
	}
	x.end()
	footer(t, &a.Meta)
}

func zonePage(t *terminal, a *api.Zones) {
	for _, z := range a.Zones {
		t.printf("%s at serial %d, from %s\n", z.Zone, z.Serial, z.Source)
		switch {
		case len(z.DeclaredBy) > 0:
			t.printf("  in the files of %s\n", strings.Join(z.DeclaredBy, ", "))
		case z.Author != "":
			t.printf("  made by command of %s\n", z.Author)
		default:
			t.printf("  in no node's files any more; failoverctl zone delete %s deletes it\n", z.Zone)
		}
		t.printf("  steered names: %d, in the groups %s\n", z.Steered, orDash(strings.Join(z.Groups, ", ")))
		t.printf("  record sets: %d declared, %d dynamic\n", z.Declared, z.Dynamic)
	}
	footer(t, &a.Meta)
}

func zoneNames(ctx context.Context, c *api.Client) (out []string, err error) {
	a, err := c.Zones(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, z := range a.Zones {
		out = append(out, strings.TrimSuffix(z.Zone, "."))
	}
	return out, nil
}
