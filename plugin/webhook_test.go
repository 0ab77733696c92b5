package failover

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"failoverdns/node"
	"failoverdns/state"
	"failoverdns/webhook"
)

func TestWebhooksOfACorefileAreThoseOfTheNode(t *testing.T) {
	_, cfg := goodConfig(t, "webhooks")
	want := []webhook.Target{
		{Name: "pager", URL: "https://pager.example/failover?team=dns", Events: []string{"site-*", "flip", "pin-*", "drift"}, Secret: "secrets/pager",
			Format: webhook.Failover, Timeout: 5 * time.Second, Headers: []webhook.Header{{Name: "Authorization", File: "/etc/failoverdns/pager-token"}}},
		{Name: "alerts.auth.example.com", URL: "http://alerts.auth.example.com:9093/api/v2/alerts", Format: webhook.Alertmanager, Timeout: webhook.DefaultTimeout},
		{Name: "chat", URLFile: "/etc/failoverdns/chat.url", Format: webhook.Failover, Timeout: webhook.DefaultTimeout},
	}
	if !reflect.DeepEqual(cfg.Webhooks, want) {
		t.Errorf("got  %+v\nwant %+v", cfg.Webhooks, want)
	}
}

func TestWebhookMetricsShowWhatWaitsAndWhetherItFails(t *testing.T) {
	st := new(state.State)
	st.Deliveries = st.Deliveries.With("pager", &state.Delivery{Webhook: "pager", Last: time.Unix(1_000_000, 0), Error: "it answered 500"})
	c := snapshot{func(s setter) { collectWebhooks([]node.Webhook{{Name: "pager", Pending: 3}, {Name: "new"}}, st, s) }}
	want := `
# HELP coredns_failover_webhook_failing Whether deliveries to a webhook fail now.
# TYPE coredns_failover_webhook_failing gauge
coredns_failover_webhook_failing{webhook="new"} 0
coredns_failover_webhook_failing{webhook="pager"} 1
# HELP coredns_failover_webhook_last_success_timestamp_seconds When a leader last delivered an event to a webhook.
# TYPE coredns_failover_webhook_last_success_timestamp_seconds gauge
coredns_failover_webhook_last_success_timestamp_seconds{webhook="pager"} 1e+06
# HELP coredns_failover_webhook_pending Events that a webhook of this node's configuration wants and no leader has delivered yet.
# TYPE coredns_failover_webhook_pending gauge
coredns_failover_webhook_pending{webhook="new"} 0
coredns_failover_webhook_pending{webhook="pager"} 3
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "coredns_failover_webhook_failing", "coredns_failover_webhook_last_success_timestamp_seconds", "coredns_failover_webhook_pending"); err != nil {
		t.Error(err)
	}
}
