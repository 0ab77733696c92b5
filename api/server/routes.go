package server

import (
	"net/http"

	"failoverdns/api"
)

// param is one query parameter.
type param struct {
	name string
	typ  string // of JSON schema
	text string
}

// route is one operation: the handlers, the document that describes them and its test are made from this table.
type route struct {
	method  string
	path    string
	text    string
	params  []param
	body    any    // a value of the request's type, nil for none
	answer  any    // likewise, of the answer
	read    reader // one of the three
	write   writer
	special func(*Server, http.ResponseWriter, *http.Request)
}

var readParams = []param{
	{"wait", "integer", "answer once this node has applied this log index, or 503"},
	{"consistent", "boolean", "answer once this node has applied all that the leader had acknowledged"},
}

var writeParams = []param{
	{"plan", "boolean", "write nothing; say what would change, and what blocks it"},
}

var whoParams = []param{
	{"author", "string", "who asks"},
	{"reason", "string", "why"},
}

// all gives the parameters of a route with those of its kind.
func (r *route) all() []param {
	switch {
	case r.read != nil:
		return append(readParams[:len(readParams):len(readParams)], r.params...)
	case r.write != nil:
		return append(writeParams[:len(writeParams):len(writeParams)], r.params...)
	}
	return r.params
}

func routes() []route {
	return append(reads(), writes()...)
}

func reads() []route {
	return []route{
		{method: http.MethodGet, path: "/v1/status", text: "one page on everything", answer: api.Status{}, read: readStatus},
		{method: http.MethodGet, path: "/v1/sites", text: "all sites", answer: api.Sites{}, read: readSites},
		{method: http.MethodGet, path: "/v1/sites/{site}/role", text: "whether a site is the one that is answered with; no fence, since caches outlive it",
			params: []param{{"group", "string", "of this group; else of all that have the site"}}, answer: api.Role{}, read: readRole},
		{method: http.MethodGet, path: "/v1/checks", text: "all checks with their endpoints", answer: api.Checks{}, read: readChecks},
		{method: http.MethodGet, path: "/v1/votes", text: "an endpoint's votes, and this node's latest results",
			params: []param{{"endpoint", "string", "SITE/CHECK@ADDRESS"}}, answer: api.Votes{}, read: readVotes},
		{method: http.MethodGet, path: "/v1/explain", text: "why a name has the answer that it has",
			params: []param{{"name", "string", "domain name"}, {"type", "string", "record type; A if absent"}}, answer: api.Explain{}, read: readExplain},
		{method: http.MethodGet, path: "/v1/overrides", text: "all overrides and pins", answer: api.Overrides{}, read: readOverrides},
		{method: http.MethodGet, path: "/v1/events", text: "kept events, oldest first; with Accept: text/event-stream, and Last-Event-ID, as they happen",
			params: []param{{"since", "integer", "with IDs above this one"}, {"limit", "integer", "the latest so many"}}, answer: api.Events{}, read: readEvents},
		{method: http.MethodGet, path: "/v1/incidents", text: "incidents, newest first",
			params: []param{{"id", "integer", "this one only"}}, answer: api.Incidents{}, read: readIncidents},
		{method: http.MethodGet, path: "/v1/members", text: "the cluster and its members", answer: api.Members{}, read: readMembers},
		{method: http.MethodGet, path: "/v1/config", text: "what each node last offered for each zone",
			params: []param{{"drift", "boolean", "only offers that differ from what is in force"}, {"settings", "boolean", "with all that is in force, setting by setting, and of drift what would be"}}, answer: api.Offers{}, read: readConfig},
		{method: http.MethodGet, path: "/v1/openapi.json", text: "this document", special: (*Server).serveDocument},
	}
}

func writes() []route {
	scope := []param{{"scope", "string", "site, address, endpoint, check or node"}, {"target", "string", "its ID"}}
	force := []param{{"force", "boolean", "even if it takes from a group its last site that is up"}}
	return []route{
		{method: http.MethodPut, path: "/v1/overrides", text: "set an override", body: api.OverrideRequest{}, answer: api.Written{}, write: writeOverride},
		{method: http.MethodDelete, path: "/v1/overrides", text: "end an override", params: join(scope, whoParams, force), answer: api.Written{}, write: writeClear},
		{method: http.MethodPost, path: "/v1/extend", text: "let an override stand from now on for so long", body: api.ExtendRequest{}, answer: api.Written{}, write: writeExtend},
		{method: http.MethodPut, path: "/v1/pins", text: "pin a group, or all, to a site", body: api.PinRequest{}, answer: api.Written{}, write: writePin},
		{method: http.MethodDelete, path: "/v1/pins", text: "end the pin of a group, or of all",
			params: join([]param{{"group", "string", "or all"}}, whoParams), answer: api.Written{}, write: writeUnpin},
		{method: http.MethodPost, path: "/v1/failback", text: "end the holds of a group, or of all", body: api.FailbackRequest{}, answer: api.Written{}, write: writeFailback},
		{method: http.MethodPost, path: "/v1/config/adopt", text: "bring a node's differing offer into force", body: api.AdoptRequest{}, answer: api.Written{}, write: writeAdopt},
	}
}

func join(lists ...[]param) (out []param) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}
