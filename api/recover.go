package api

import (
	"context"
	"net/http"
	"net/url"
)

// RecoverRequest is POST /v1/recover: this node and those that it names go on as a cluster, without the others.
type RecoverRequest struct {
	Who
	Keep    []string `json:"keep,omitempty"` // beside the node that is asked
	Confirm string   `json:"confirm,omitempty"`
	Force   bool     `json:"force,omitempty"` // whatever other members say
}

// Recovery says what recovering a node means, or meant.
type Recovery struct {
	Meta
	Done      bool     `json:"done"`
	Keep      []string `json:"keep"`
	Lose      []string `json:"lose"`
	Unknown   []string `json:"unknown,omitempty"` // of keep, those that do not say how far their logs go
	Applied   uint64   `json:"applied"`
	LastIndex uint64   `json:"last_index"` // of the log; what lies above applied may never have been acknowledged, and counts
	LastTerm  uint64   `json:"last_term"`
	Next      uint64   `json:"next_index"` // where the state goes on
	Confirm   string   `json:"confirm"`    // what a person types
}

// Recover makes a cluster of the node that is asked and those that are kept. With plan it only says what that means.
func (c *Client) Recover(ctx context.Context, r RecoverRequest, plan bool) (*Recovery, error) {
	q := url.Values{}
	if plan {
		q.Set("plan", "")
	}
	a := new(Recovery)
	return a, c.doJSON(ctx, &call{method: http.MethodPost, path: "/v1/recover", query: q}, r, a)
}
