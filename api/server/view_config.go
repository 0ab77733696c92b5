package server

import (
	"failoverdns/api"
	"failoverdns/node"
	"failoverdns/state"
)

// settings adds what is in force, and what drifting offers would bring into force, in words.
func (v *view) settings(out *api.Offers) {
	for _, z := range v.st.Zones.All() {
		if d, ok := v.st.InForce(z.Name); ok {
			s := node.Settings(d)
			out.InForce = append(out.InForce, api.ZoneSettings{Zone: s.Zone, Source: s.Source, Digest: z.Digest, Settings: inWords(s.Settings)})
		}
	}
	for i := range out.Offers {
		o := &out.Offers[i]
		if d := v.drifting(o); d != nil {
			o.Settings = inWords(node.Settings(d).Settings)
		}
	}
}

// drifting is the declaration behind an offer that is drift, else nil.
func (v *view) drifting(o *api.Offer) *state.Declaration {
	for _, x := range v.st.Offers.All() {
		if x.Drift && x.Node == o.Node && x.Zone.String() == o.Zone {
			return x.Declaration
		}
	}
	return nil
}

func inWords(list []node.Setting) []api.Setting {
	out := []api.Setting{}
	for _, s := range list {
		out = append(out, api.Setting(s))
	}
	return out
}
