package api

import (
	"context"
	"net/http"
	"time"
)

// The kinds of tokens.
const (
	TokenAPI  = "api"
	TokenJoin = "join"
)

// TokenRequest is POST /v1/tokens. Whoever asks has made ID and secret, and sends the secret's hash only: it never
// travels. In Go, package token makes them; elsewhere, 8 to 32 lower-case letters and digits, and 32 random bytes in
// lower-case base32 without padding, whose text is hashed.
type TokenRequest struct {
	Who
	ID    string   `json:"id"`
	Kind  string   `json:"kind"`            // TokenAPI or TokenJoin
	Name  string   `json:"name,omitempty"`  // of whoever holds it; required of kind api
	Hash  string   `json:"hash"`            // SHA-256 in lower-case hex
	Role  string   `json:"role"`            // api: read, operate, admin; join: voter, replica, witness
	Zones []string `json:"zones,omitempty"` // api: only these; none: all
	For   string   `json:"for,omitempty"`   // a Go duration, or "never"; 24h if empty
}

// RevokeRequest is DELETE /v1/tokens; its fields travel in the query.
type RevokeRequest struct {
	Who
	ID string `json:"id"`
}

// Tokens is GET /v1/tokens: the cluster's tokens, and for some days those that have ended. A node's own are in its file.
type Tokens struct {
	Meta
	Tokens []Token `json:"tokens"`
}

// Token is what people may know of a token.
type Token struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind"`
	Name    string     `json:"name,omitempty"`
	Role    string     `json:"role"`
	Zones   []string   `json:"zones,omitempty"` // none: all
	OneUse  bool       `json:"one_use,omitempty"`
	Author  string     `json:"author"`
	Reason  string     `json:"reason,omitempty"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"` // absent: never
	Good    bool       `json:"good"`
	LastUse *time.Time `json:"last_use,omitempty"` // of kind api: to the hour
	UsedBy  string     `json:"used_by,omitempty"`  // api: the node that was asked; join: the node that came
	End     string     `json:"end,omitempty"`      // why it is no longer good: revoked, expired, used
	Ended   *time.Time `json:"ended,omitempty"`
	EndedBy string     `json:"ended_by,omitempty"`
}

// Tokens lists the cluster's tokens.
func (c *Client) Tokens(ctx context.Context) (*Tokens, error) {
	a := new(Tokens)
	return a, c.get(ctx, "/v1/tokens", nil, a)
}

// CreateToken brings a token into the cluster.
func (c *Client) CreateToken(ctx context.Context, r TokenRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPost, "/v1/tokens", nil, r, plan)
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, r RevokeRequest, plan bool) (*Written, error) {
	q := r.Who.query()
	q.Set("id", r.ID)
	return c.write(ctx, http.MethodDelete, "/v1/tokens", q, nil, plan)
}
