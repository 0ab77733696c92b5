package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
)

// completionTimeout bounds asking a server while somebody waits at a prompt.
const completionTimeout = 2 * time.Second

// candidates asks a server what an argument may be: the words, each with a description behind a tab where there is one.
type candidates func(ctx context.Context, c *api.Client) ([]string, error)

// completions says what the arguments of commands are, by the commands' words. A command without an entry completes
// file names.
var completions = map[string][]candidates{
	"cluster promote":  {nodeIDs},
	"cluster demote":   {nodeIDs},
	"cluster remove":   {nodeIDs},
	"cluster transfer": {nodeIDs},

	"votes":           {endpointIDs},
	"explain":         {steeredNames, types},
	"incidents":       {incidentIDs},
	"failover":        {groupsOrAll},
	"unpin":           {pinnedOrAll},
	"failback":        {groupsOrAll},
	"site down":       {siteIDs},
	"site up":         {siteIDs},
	"site clear":      {overridden("site")},
	"site extend":     {overridden("site")},
	"address down":    {addressIDs},
	"address up":      {addressIDs},
	"address clear":   {overridden("address")},
	"address extend":  {overridden("address")},
	"endpoint down":   {endpointIDs},
	"endpoint up":     {endpointIDs},
	"endpoint clear":  {overridden("endpoint")},
	"endpoint extend": {overridden("endpoint")},
	"check mute":      {checkIDs},
	"check unmute":    {overridden("check")},
	"check extend":    {overridden("check")},
	"node mute":       {nodeIDs},
	"node unmute":     {overridden("node")},
	"node extend":     {overridden("node")},
	"drill show":      {drillIDs(false)},
	"drill abort":     {drillIDs(true)},
	"drill":           {groups},
	"switch set":      {switchTurns},

	"maintenance add":    {scopes, targets},
	"maintenance cancel": {windowIDs},

	"config adopt":   {driftingNodes, driftingZones},
	"token revoke":   {tokenIDs},
	"webhook test":   {webhooks(true)},
	"webhook forget": {webhooks(false)},
	"zone show":      {zoneNames},
	"zone export":    {zoneNames},
	"zone delete":    {zoneNames},
	"record list":    {zoneNames},
	"record set":     {zoneNames},
	"record add":     {zoneNames},
	"record remove":  {zoneNames, dynamicNames},
	"record delete":  {zoneNames, dynamicNames},
}

// addCompletion gives the commands below root their completions.
func addCompletion(s *session, root *cobra.Command) {
	for words, args := range completions {
		c, _, err := root.Find(strings.Fields(words))
		if err != nil || c == root {
			panic("failoverctl: a completion for no command: " + words) // a wrong word in the table above
		}
		c.ValidArgsFunction = func(c *cobra.Command, before []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(before) >= len(args) {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return s.candidates(c.Context(), args[len(before)], typed)
		}
	}
	for _, flag := range []struct {
		words, flag string
		of          candidates
	}{{"failover", "to", siteIDs}, {"drill", "to", siteIDs}} {
		c, _, _ := root.Find(strings.Fields(flag.words))
		_ = c.RegisterFlagCompletionFunc(flag.flag, func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return s.candidates(c.Context(), flag.of, typed)
		})
	}
	fixed := cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)
	_ = root.RegisterFlagCompletionFunc("output", fixed)
}

// candidates asks quickly, and says nothing where nobody answers: the shell shows what it gets.
func (s *session) candidates(ctx context.Context, ask candidates, typed string) ([]string, cobra.ShellCompDirective) {
	if ctx == nil {
		ctx = context.Background()
	}
	s.timeout = completionTimeout
	client, err := s.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	words, err := ask(ctx, client)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	out := slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, typed) })
	for i, w := range out {
		word, about, _ := strings.Cut(w, "\t")
		out[i] = cobra.CompletionWithDesc(printable(word), strings.ReplaceAll(printable(about), "\n", " "))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func groupsOrAll(ctx context.Context, c *api.Client) ([]string, error) {
	a, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	out := []string{api.AllGroups + "\tevery group"}
	for _, g := range a.Groups {
		out = append(out, g.Name+"\tanswers with "+g.Active)
	}
	return out, nil
}

func pinnedOrAll(ctx context.Context, c *api.Client) ([]string, error) {
	a, err := c.Overrides(ctx)
	if err != nil || len(a.Pins) == 0 {
		return nil, err
	}
	out := []string{api.AllGroups + "\tevery group that is pinned"}
	for _, p := range a.Pins {
		out = append(out, p.Group+"\tpinned to "+p.Site+" by "+p.Author)
	}
	return out, nil
}

// ofSites makes candidates from each site.
func ofSites(words func(*api.Site) []string) candidates {
	return func(ctx context.Context, c *api.Client) (out []string, err error) {
		a, err := c.Sites(ctx)
		if err != nil {
			return nil, err
		}
		for i := range a.Sites {
			out = append(out, words(&a.Sites[i])...)
		}
		return out, nil
	}
}

var siteIDs = ofSites(func(s *api.Site) []string {
	var where []string
	for _, g := range s.Groups {
		where = append(where, g.Word+" in "+g.Group)
	}
	return []string{s.ID + "\t" + strings.Join(where, ", ")}
})

var addressIDs = ofSites(func(s *api.Site) (out []string) {
	for _, a := range s.Addresses {
		out = append(out, s.ID+"@"+a.Address+"\t"+health(a.Healthy))
	}
	return out
})

var endpointIDs = ofSites(func(s *api.Site) (out []string) {
	for _, e := range s.Endpoints {
		out = append(out, e.ID+"\tcounts as "+e.Counts)
	}
	return out
})

func checkIDs(ctx context.Context, c *api.Client) (out []string, err error) {
	a, err := c.Checks(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range a.Checks {
		out = append(out, k.ID+"\t"+k.URL)
	}
	return out, nil
}

func nodeIDs(ctx context.Context, c *api.Client) (out []string, err error) {
	a, err := c.Members(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range a.Cluster.Members {
		out = append(out, m.ID+"\t"+m.Role)
	}
	return out, nil
}

func steeredNames(ctx context.Context, c *api.Client) (out []string, err error) {
	a, err := c.StatusWithNames(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range a.Groups {
		for _, cell := range g.Cells {
			out = append(out, cell.Names...)
		}
	}
	return out, nil
}

func types(context.Context, *api.Client) ([]string, error) {
	return strings.Fields("A AAAA CNAME NS SOA MX TXT SRV CAA HTTPS SVCB DS PTR"), nil
}

func incidentIDs(ctx context.Context, c *api.Client) (out []string, err error) {
	a, err := c.Incidents(ctx, 0)
	if err != nil {
		return nil, err
	}
	for _, in := range a.Incidents {
		out = append(out, fmt.Sprintf("%d\t%s of %s, %s", in.ID, in.Site, in.Group, when(in.Decided, a.At)))
	}
	return out, nil
}

// overridden are the targets that have an override of a scope: what clear and extend can speak of.
func overridden(scope string) candidates {
	return func(ctx context.Context, c *api.Client) (out []string, err error) {
		a, err := c.Overrides(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range a.Overrides {
			if o.Scope == scope {
				out = append(out, o.Target+"\t"+o.Word+" by "+o.Author+": "+o.Reason)
			}
		}
		return out, nil
	}
}

// ofDrift makes candidates from each offer that is drift.
func ofDrift(word func(*api.Offer) string) candidates {
	return func(ctx context.Context, c *api.Client) (out []string, err error) {
		a, err := c.Offers(ctx)
		if err != nil {
			return nil, err
		}
		for i := range a.Offers {
			if o := &a.Offers[i]; o.Drift && !slices.Contains(out, word(o)) {
				out = append(out, word(o))
			}
		}
		return out, nil
	}
}

var driftingNodes = ofDrift(func(o *api.Offer) string { return o.Node })

func driftingZones(ctx context.Context, c *api.Client) ([]string, error) {
	out, err := ofDrift(func(o *api.Offer) string { return o.Zone })(ctx, c)
	return append(out, api.AllZones+"\tevery zone that differs"), err
}
