package server

import (
	"fmt"

	"failoverdns/api"
	"failoverdns/state"
)

// goneBy is what a restore takes away, past what would refuse it without force: who plans decides by this list.
func (v *view) goneBy(c state.Command, r state.Restore) []api.Gone {
	r.Force = true
	c.Body = &r
	next, res := v.st.Apply(v.st.Index+1, c)
	if res.Refusal != nil {
		return nil
	}
	return gone(v.st, next)
}

// gone is what stands in one state and not in a later one. Both are whole, so nothing is guessed of how it goes.
func gone(before, after *state.State) (out []api.Gone) {
	add := func(kind string, names []string) {
		if n := len(names); n > 0 {
			out = append(out, api.Gone{Kind: kind, Count: n, Names: names[:min(n, api.MaxNames)]})
		}
	}
	add("zones", missing(before.Zones, after.Zones, func(z *state.Zone) string { return z.Name.Bare() }))
	add("record-sets", missingSets(before, after))
	add("groups", missing(before.Groups, after.Groups, func(g *state.Group) string { return g.Name }))
	add("overrides", missing(before.Overrides, after.Overrides, func(o *state.Override) string { return fmt.Sprintf("%s %s", o.Scope, o.Target) }))
	add("switches", missing(before.Switches, after.Switches, func(s *state.Switch) string { return s.Name }))
	add("rules", missing(before.Rules, after.Rules, func(r *state.Rule) string { return r.Name }))
	add("maintenance", missing(before.Windows, after.Windows, func(w *state.Window) string { return fmt.Sprintf("%d %s %s", w.ID, w.Scope, w.Target) }))
	add("tokens", missing(before.Tokens, after.Tokens, func(k *state.Token) string { return k.ID + " " + k.Name }))
	return out
}

func missing[V any](before, after state.Table[V], name func(V) string) (out []string) {
	for key, v := range before.All() {
		if !after.Has(key) {
			out = append(out, name(v))
		}
	}
	return out
}

// missingSets are record sets, declared and dynamic, those of zones that go included.
func missingSets(before, after *state.State) (out []string) {
	for key, z := range before.Zones.All() {
		then, ok := after.Zones.Get(key)
		if !ok {
			then = new(state.Zone)
		}
		kept := func(set string) bool { return then.Sets.Has(set) || then.Dynamic.Has(set) }
		for set, s := range z.Sets.All() {
			if !kept(set) {
				out = append(out, fmt.Sprintf("%s %s", s.Name.Bare(), s.Type))
			}
		}
		for set, d := range z.Dynamic.All() {
			if !kept(set) {
				out = append(out, fmt.Sprintf("%s %s", d.Name.Bare(), d.Type))
			}
		}
	}
	return out
}
