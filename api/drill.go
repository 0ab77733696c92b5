package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Drills is GET /v1/drills[?id=ID], newest first.
type Drills struct {
	Meta
	Drills    []Drill    `json:"drills"`
	Schedules []Schedule `json:"schedules,omitempty"`
}

// Schedule is a drill that the Corefile asks for again and again.
type Schedule struct {
	Group string     `json:"group"`
	Text  string     `json:"text"`           // as in the Corefile
	Last  *time.Time `json:"last,omitempty"` // the last occurrence of the group's schedules that was taken, or skipped
}

// Drill is a rehearsal of a failover with an automatic way back, and its report.
type Drill struct {
	ID      uint64        `json:"id"`
	Group   string        `json:"group"`
	From    string        `json:"from"`
	To      string        `json:"to"`
	Author  string        `json:"author"`
	Reason  string        `json:"reason"`
	For     float64       `json:"for_seconds"`
	Outcome string        `json:"outcome"` // running, completed or aborted
	Why     string        `json:"why,omitempty"`
	Started time.Time     `json:"started,omitzero"`
	Index   uint64        `json:"index"`
	Ends    *time.Time    `json:"ends,omitempty"` // by itself, while it runs
	Ended   *time.Time    `json:"ended,omitempty"`
	Lasted  float64       `json:"lasted_seconds"`               // until its end, or until now
	Back    string        `json:"back,omitempty"`               // active after its end
	OutAt   time.Time     `json:"caches_moved_at"`              // no resolver holds the answers from before the drill any more
	BackAt  *time.Time    `json:"caches_returned_at,omitempty"` // likewise, those of the drill
	Out     []Swap        `json:"out"`                          // how the start came to each node's answers; empty until it is measured
	Return  []Swap        `json:"return"`
	Health  []DrillHealth `json:"health"` // of To, at the start and at each change
}

// DrillHealth is the standby's health from a moment on.
type DrillHealth struct {
	At      time.Time `json:"at,omitzero"`
	Up      bool      `json:"up"`
	Healthy int       `json:"healthy"` // of its addresses
	Of      int       `json:"of"`
}

// DrillRequest is POST /v1/drills.
type DrillRequest struct {
	Who
	Group string `json:"group"`
	Site  string `json:"site"`
	For   string `json:"for"` // a Go duration
}

// AbortRequest is DELETE /v1/drills; its fields travel in the query.
type AbortRequest struct {
	Who
	ID uint64 `json:"id"`
}

// Drills asks for all kept drills, or with an ID other than 0 for one.
func (c *Client) Drills(ctx context.Context, id uint64) (*Drills, error) {
	var q url.Values
	if id != 0 {
		q = url.Values{"id": {strconv.FormatUint(id, 10)}}
	}
	a := new(Drills)
	return a, c.get(ctx, "/v1/drills", q, a)
}

// StartDrill begins a drill. With plan nothing is written.
func (c *Client) StartDrill(ctx context.Context, r DrillRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPost, "/v1/drills", nil, r, plan)
}

// AbortDrill ends a drill before its time.
func (c *Client) AbortDrill(ctx context.Context, r AbortRequest, plan bool) (*Written, error) {
	q := r.Who.query()
	q.Set("id", strconv.FormatUint(r.ID, 10))
	return c.write(ctx, http.MethodDelete, "/v1/drills", q, nil, plan)
}
