package server

import (
	"net/http"
	"net/url"
	"slices"

	"failoverdns/api"
	"failoverdns/state"
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
	least   access // the least role that may do it; one that says nothing is for admin
	text    string
	params  []param
	body    any                                                 // a value of the request's type, nil for none
	answer  any                                                 // likewise, of the answer
	names   func(*state.State, *http.Request, url.Values) reach // of a read that names something: the zones that it is about
	read    reader                                              // one of the three
	write   writer
	special func(*Server, http.ResponseWriter, *http.Request)
	media   string // of an answer of special, or of a write's body, that is no JSON
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

var glassParams = []param{
	{"break_glass", "boolean", "even if it goes against a safety rule"},
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
	return slices.Concat(reads(), writes(), memberRoutes(), drillRoutes(), maintenanceRoutes(), switchRoutes(), zoneRoutes(), tokenRoutes(), backupRoutes())
}

func reads() []route {
	return []route{
		{method: http.MethodGet, path: "/v1/status", least: accessRead, text: "one page on everything",
			params: []param{{"names", "boolean", "with all names of each group, not the first 20 of each answer only"}}, answer: api.Status{}, read: readStatus},
		{method: http.MethodGet, path: "/v1/sites", least: accessRead, text: "all sites", answer: api.Sites{}, read: readSites},
		{method: http.MethodGet, path: "/v1/sites/{site}/role", least: accessRead, text: "whether a site is the one that is answered with; no fence, since caches outlive it",
			params: []param{{"group", "string", "of this group; else of all that have the site"}}, answer: api.Role{}, names: readsSite, read: readRole},
		{method: http.MethodGet, path: "/v1/checks", least: accessRead, text: "all checks with their endpoints", answer: api.Checks{}, read: readChecks},
		{method: http.MethodGet, path: "/v1/votes", least: accessRead, text: "an endpoint's votes, and this node's latest results",
			params: []param{{"endpoint", "string", "SITE/CHECK@ADDRESS"}}, answer: api.Votes{}, names: readsEndpoint, read: readVotes},
		{method: http.MethodGet, path: "/v1/explain", least: accessRead, text: "why a name has the answer that it has",
			params: []param{{"name", "string", "domain name"}, {"type", "string", "record type; A if absent"}}, answer: api.Explain{}, names: readsName, read: readExplain},
		{method: http.MethodGet, path: "/v1/overrides", least: accessRead, text: "all overrides and pins", answer: api.Overrides{}, read: readOverrides},
		{method: http.MethodGet, path: "/v1/events", least: accessRead, text: "kept events, oldest first; with Accept: text/event-stream, and Last-Event-ID, as they happen",
			params: join([]param{{"since", "integer", "with IDs above this one"}, {"limit", "integer", "the latest so many"}}, filterParams), answer: api.Events{}, read: readEvents},
		{method: http.MethodGet, path: "/v1/audit", least: accessRead, text: "kept writes, refused ones too, oldest first",
			params: []param{{"author", "string", "of this author only"}, {"limit", "integer", "the latest so many"}}, answer: api.Audits{}, read: readAudit},
		{method: http.MethodGet, path: "/v1/incidents", least: accessRead, text: "incidents, newest first",
			params: []param{{"id", "integer", "this one only"}}, answer: api.Incidents{}, read: readIncidents},
		{method: http.MethodGet, path: "/v1/members", least: accessRead, text: "the cluster and its members", answer: api.Members{}, read: readMembers},
		{method: http.MethodGet, path: "/v1/config", least: accessRead, text: "what each node last offered for each zone",
			params: []param{{"drift", "boolean", "only offers that differ from what is in force"}, {"settings", "boolean", "with all that is in force, setting by setting, and of drift what would be"}}, answer: api.Offers{}, read: readConfig},
		{method: http.MethodGet, path: "/v1/webhooks", least: accessRead, text: "how far the events are through with each webhook", answer: api.Webhooks{}, read: readWebhooks},
		{method: http.MethodGet, path: "/v1/openapi.json", least: accessRead, text: "this document", special: (*Server).serveDocument},
	}
}

func writes() []route {
	scope := []param{{"scope", "string", "site, address, endpoint, check or node"}, {"target", "string", "its ID"}}
	force := []param{{"force", "boolean", "even if it takes from a group its last site that is up"}}
	return []route{
		{method: http.MethodPut, path: "/v1/overrides", least: accessOperate, text: "set an override", body: api.OverrideRequest{}, answer: api.Written{}, write: writeOverride},
		{method: http.MethodDelete, path: "/v1/overrides", least: accessOperate, text: "end an override", params: join(scope, whoParams, force, glassParams), answer: api.Written{}, write: writeClear},
		{method: http.MethodPost, path: "/v1/extend", least: accessOperate, text: "let an override stand from now on for so long", body: api.ExtendRequest{}, answer: api.Written{}, write: writeExtend},
		{method: http.MethodPut, path: "/v1/pins", least: accessOperate, text: "pin a group, or all, to a site", body: api.PinRequest{}, answer: api.Written{}, write: writePin},
		{method: http.MethodDelete, path: "/v1/pins", least: accessOperate, text: "end the pin of a group, or of all",
			params: join([]param{{"group", "string", "or all"}}, whoParams), answer: api.Written{}, write: writeUnpin},
		{method: http.MethodPost, path: "/v1/failback", least: accessOperate, text: "end the holds of a group, or of all", body: api.FailbackRequest{}, answer: api.Written{}, write: writeFailback},
		{method: http.MethodPost, path: "/v1/config/adopt", text: "bring a node's differing offer into force", body: api.AdoptRequest{}, answer: api.Written{}, write: writeAdopt},
		{method: http.MethodPost, path: "/v1/webhooks/test", least: accessOperate, text: "have this node send a test to a webhook", body: api.WebhookTestRequest{}, answer: api.WebhookTest{}, special: (*Server).serveWebhookTest},
		{method: http.MethodDelete, path: "/v1/webhooks", text: "forget what was delivered to a webhook that is no longer wanted",
			params: join([]param{{"webhook", "string", "its name"}}, whoParams), answer: api.Written{}, write: writeForgetWebhook},
	}
}

func join(lists ...[]param) (out []param) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}
