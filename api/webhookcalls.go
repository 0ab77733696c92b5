package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Webhooks asks how far the events are through with each webhook.
func (c *Client) Webhooks(ctx context.Context) (*Webhooks, error) {
	a := new(Webhooks)
	return a, c.get(ctx, "/v1/webhooks", nil, a)
}

// ForgetWebhook drops what the cluster remembers of a webhook that is no longer wanted.
func (c *Client) ForgetWebhook(ctx context.Context, r ForgetWebhookRequest, plan bool) (*Written, error) {
	q := r.Who.query()
	q.Set("webhook", r.Webhook)
	return c.write(ctx, http.MethodDelete, "/v1/webhooks", q, nil, plan)
}

// TestWebhook has the node that answers send a test to a webhook of its configuration.
func (c *Client) TestWebhook(ctx context.Context, name string) (*WebhookTest, error) {
	body, err := json.Marshal(WebhookTestRequest{Webhook: name})
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	a := new(WebhookTest)
	return a, c.do(ctx, &call{method: http.MethodPost, path: "/v1/webhooks/test", body: body}, a)
}
