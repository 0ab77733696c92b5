package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Status asks for the one page on everything.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	a := new(Status)
	return a, c.get(ctx, "/v1/status", nil, a)
}

// StatusWithNames asks for the one page on everything, with all names of each group.
func (c *Client) StatusWithNames(ctx context.Context) (*Status, error) {
	a := new(Status)
	return a, c.get(ctx, "/v1/status", url.Values{"names": {""}}, a)
}

// Sites asks for all sites.
func (c *Client) Sites(ctx context.Context) (*Sites, error) {
	a := new(Sites)
	return a, c.get(ctx, "/v1/sites", nil, a)
}

// Role asks whether a site is the active one, of one group or, with "", of all groups that have it.
func (c *Client) Role(ctx context.Context, site, group string) (*Role, error) {
	q := url.Values{}
	if group != "" {
		q.Set("group", group)
	}
	a := new(Role)
	return a, c.get(ctx, "/v1/sites/"+url.PathEscape(site)+"/role", q, a)
}

// Checks asks for all checks.
func (c *Client) Checks(ctx context.Context) (*Checks, error) {
	a := new(Checks)
	return a, c.get(ctx, "/v1/checks", nil, a)
}

// Votes asks for an endpoint's votes, and the answering node's latest results.
func (c *Client) Votes(ctx context.Context, endpoint string) (*Votes, error) {
	a := new(Votes)
	return a, c.get(ctx, "/v1/votes", url.Values{"endpoint": {endpoint}}, a)
}

// Explain asks why a name has the answer that it has; an empty type is A.
func (c *Client) Explain(ctx context.Context, name, typ string) (*Explain, error) {
	q := url.Values{"name": {name}}
	if typ != "" {
		q.Set("type", typ)
	}
	a := new(Explain)
	return a, c.get(ctx, "/v1/explain", q, a)
}

// Overrides asks for all overrides and pins.
func (c *Client) Overrides(ctx context.Context) (*Overrides, error) {
	a := new(Overrides)
	return a, c.get(ctx, "/v1/overrides", nil, a)
}

// Events asks for kept events with IDs above since, the latest limit of them (0: the server's own limit).
func (c *Client) Events(ctx context.Context, since uint64, limit int) (*Events, error) {
	return c.EventsOf(ctx, EventFilter{}, since, limit)
}

// EventsOf is Events, of those that a filter wants.
func (c *Client) EventsOf(ctx context.Context, f EventFilter, since uint64, limit int) (*Events, error) {
	q := f.query()
	q.Set("since", strconv.FormatUint(since, 10))
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	a := new(Events)
	return a, c.get(ctx, "/v1/events", q, a)
}

// Audits asks for the latest so many kept writes (0: all), of one author or of all.
func (c *Client) Audits(ctx context.Context, author string, limit int) (*Audits, error) {
	q := url.Values{}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	if author != "" {
		q.Set("author", author)
	}
	a := new(Audits)
	return a, c.get(ctx, "/v1/audit", q, a)
}

// Incidents asks for all kept incidents, or with an ID other than 0 for one.
func (c *Client) Incidents(ctx context.Context, id uint64) (*Incidents, error) {
	var q url.Values
	if id != 0 {
		q = url.Values{"id": {strconv.FormatUint(id, 10)}}
	}
	a := new(Incidents)
	return a, c.get(ctx, "/v1/incidents", q, a)
}

// Members asks for the cluster and its members.
func (c *Client) Members(ctx context.Context) (*Members, error) {
	a := new(Members)
	return a, c.get(ctx, "/v1/members", nil, a)
}

// Offers asks what each node last offered for each zone.
func (c *Client) Offers(ctx context.Context) (*Offers, error) {
	a := new(Offers)
	return a, c.get(ctx, "/v1/config", nil, a)
}

// Settings is Offers with all that is in force, and of drift what would be.
func (c *Client) Settings(ctx context.Context) (*Offers, error) {
	a := new(Offers)
	return a, c.get(ctx, "/v1/config", url.Values{"settings": {""}}, a)
}

// SetOverride puts an override in place of one with the same scope and target. With plan nothing is written.
func (c *Client) SetOverride(ctx context.Context, r OverrideRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPut, "/v1/overrides", nil, r, plan)
}

// ClearOverride removes an override.
func (c *Client) ClearOverride(ctx context.Context, r ClearRequest, plan bool) (*Written, error) {
	q := r.Who.query()
	q.Set("scope", r.Scope)
	q.Set("target", r.Target)
	setForce(q, r.Force)
	if r.BreakGlass {
		q.Set("break_glass", "true")
	}
	return c.write(ctx, http.MethodDelete, "/v1/overrides", q, nil, plan)
}

// Extend lets an override or a pin stand for so long from now on.
func (c *Client) Extend(ctx context.Context, r ExtendRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPost, "/v1/extend", nil, r, plan)
}

// Pin pins a group, or all that have the site, to a site.
func (c *Client) Pin(ctx context.Context, r PinRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPut, "/v1/pins", nil, r, plan)
}

// Unpin removes the pin of a group, or all pins.
func (c *Client) Unpin(ctx context.Context, r UnpinRequest, plan bool) (*Written, error) {
	q := r.Who.query()
	q.Set("group", r.Group)
	return c.write(ctx, http.MethodDelete, "/v1/pins", q, nil, plan)
}

// Failback ends the holds of a group.
func (c *Client) Failback(ctx context.Context, r FailbackRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPost, "/v1/failback", nil, r, plan)
}

// Adopt brings a node's drifting offer into force.
func (c *Client) Adopt(ctx context.Context, r AdoptRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPost, "/v1/config/adopt", nil, r, plan)
}

func (w Who) query() url.Values {
	return url.Values{"author": {w.Author}, "reason": {w.Reason}}
}

func setForce(q url.Values, force bool) {
	if force {
		q.Set("force", "true")
	}
}
