package api

import "time"

// Webhooks is GET /v1/webhooks: those of the answering node's configuration, and those that only the cluster remembers.
type Webhooks struct {
	Meta
	Webhooks []Webhook `json:"webhooks"`
}

// Webhook is how far the events are through with one webhook. Its URL and its secret are never told.
type Webhook struct {
	Name       string     `json:"name"`
	Configured bool       `json:"configured"`       // on the answering node
	Format     string     `json:"format,omitempty"` // failover or alertmanager
	Events     []string   `json:"events,omitempty"` // patterns; none: all that are not quiet
	Signed     bool       `json:"signed,omitempty"`
	Through    uint64     `json:"through"` // ID of the last event that is done with
	Pending    int        `json:"pending"` // events that wait
	Sent       uint64     `json:"sent"`
	Lost       uint64     `json:"lost"` // given up
	Last       *time.Time `json:"last_success,omitempty"`
	Failing    *time.Time `json:"failing_since,omitempty"`
	Error      string     `json:"error,omitempty"`
}

// WebhookTest is the answer to POST /v1/webhooks/test.
type WebhookTest struct {
	Meta
	Webhook   string  `json:"webhook"`
	Delivered bool    `json:"delivered"`
	Error     string  `json:"error,omitempty"`
	Took      float64 `json:"took_seconds"`
}

// WebhookTestRequest is POST /v1/webhooks/test: the answering node sends a test.
type WebhookTestRequest struct {
	Webhook string `json:"webhook"`
}

// ForgetWebhookRequest is DELETE /v1/webhooks; its fields travel in the query.
type ForgetWebhookRequest struct {
	Who
	Webhook string `json:"webhook"`
}
