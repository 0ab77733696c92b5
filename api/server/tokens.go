package server

import (
	"net/http"
	"net/url"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
)

// tokenRoutes are for whoever may do all, in all zones: a token could be made for more than its maker has.
func tokenRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/v1/tokens", text: "the cluster's tokens, without their hashes", answer: api.Tokens{}, names: readsAll, read: readTokens},
		{method: http.MethodPost, path: "/v1/tokens", text: "bring a token into the cluster, by the hash of its secret", body: api.TokenRequest{}, answer: api.Written{}, write: writeToken},
		{method: http.MethodDelete, path: "/v1/tokens", text: "revoke a token", params: join([]param{{"id", "string", "its ID"}}, whoParams), answer: api.Written{}, write: writeRevoke},
	}
}

func readsAll(*state.State, *http.Request, url.Values) reach { return everywhere }

func readTokens(s *Server, _ *http.Request, _ url.Values) (api.Answer, error) {
	v := s.view()
	out := &api.Tokens{Meta: v.meta(), Tokens: []api.Token{}}
	for _, k := range v.st.Tokens.All() {
		out.Tokens = append(out.Tokens, v.token(k))
	}
	return out, nil
}

func (v *view) token(k *state.Token) api.Token {
	out := api.Token{ID: k.ID, Kind: string(k.Kind), Name: k.Name, Role: k.Role, OneUse: k.OneUse, Author: k.Author, Reason: k.Reason,
		Created: utc(k.Wall), Expires: v.wallOr(k.Expires), Good: k.Good(v.st.Clock), LastUse: at(k.LastWall), UsedBy: k.UsedBy,
		End: string(k.End), Ended: at(k.EndWall), EndedBy: k.EndedBy}
	for _, z := range k.Zones {
		out.Zones = append(out.Zones, z.Bare())
	}
	return out
}

func writeToken(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.TokenRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	d, err := lasting(q.For)
	if err == nil {
		err = text("name", q.Name, q.Kind == api.TokenAPI)
	}
	if err != nil {
		return nil, "", err
	}
	c := &state.TokenCreate{ID: q.ID, Kind: state.TokenKind(q.Kind), Name: q.Name, Hash: q.Hash, Role: q.Role, OneUse: q.Kind == api.TokenJoin, For: d, Reason: q.Reason}
	c.Zones, err = zoneNames(q.Zones)
	if err != nil {
		return nil, "", err
	}
	return c, q.Author, who(q.Who)
}

func zoneNames(zones []string) (out []record.Name, err error) {
	for _, z := range zones {
		name, err := domainName("zones", z)
		if err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, nil
}

func writeRevoke(_ http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	q := r.URL.Query()
	by := api.Who{Author: q.Get("author"), Reason: q.Get("reason")}
	return &state.TokenRevoke{ID: q.Get("id"), Reason: by.Reason}, by.Author, who(by)
}
