package server

import (
	"net/http"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/node"
	"failoverdns/state"
)

// hooked is a world with three webhooks: one is well, one fails, one is in no file any more.
func hooked(t *testing.T) *world {
	w := declared(t)
	w.hooks = []node.Webhook{
		{Name: "pager", Format: "failover", Events: []string{"site-*", "flip"}, Signed: true},
		{Name: "chat", Format: "failover", Pending: 3},
	}
	w.must(&state.Delivered{Webhook: "pager", Through: 20, Sent: 4})
	w.must(&state.Delivered{Webhook: "old", Through: 3, Sent: 1})
	w.pass(time.Minute)
	w.must(&state.Delivered{Webhook: "chat", Through: 17, Sent: 1, Lost: 2, Error: "it answered 403 Forbidden"})
	w.pass(10 * time.Minute)
	return w
}

func TestWebhookTestIsSentByTheNodeThatIsAskedAndItsFailureIsAnAnswer(t *testing.T) {
	h := hooked(t).server().Handler()
	if got := decoded[api.WebhookTest](t, ask(h, "POST", "/v1/webhooks/test", `{"webhook":"pager"}`)); !got.Delivered || got.Error != "" {
		t.Errorf("got %+v", got)
	}
	if got := decoded[api.WebhookTest](t, ask(h, "POST", "/v1/webhooks/test", `{"webhook":"chat"}`)); got.Delivered || got.Error != "it answered 403 Forbidden" {
		t.Errorf("got %+v", got)
	}
	if res := ask(h, "POST", "/v1/webhooks/test", `{"webhook":"nosuch"}`); res.Code != http.StatusNotFound {
		t.Errorf("%d %s", res.Code, res.Body)
	}
}

func TestForgottenWebhookIsNoLongerListed(t *testing.T) {
	w := hooked(t)
	h := w.server().Handler()
	if res := ask(h, "DELETE", "/v1/webhooks?webhook=old&author=ana&reason=gone", ""); res.Code != http.StatusOK {
		t.Fatalf("%d %s", res.Code, res.Body)
	}
	if got := decoded[api.Webhooks](t, get(h, "/v1/webhooks")); len(got.Webhooks) != 2 {
		t.Errorf("got %+v", got.Webhooks)
	}
}
