package failover

import (
	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"failoverdns/node"
	"failoverdns/state"
)

var deliveries = promauto.NewCounterVec(prometheus.CounterOpts{
	Namespace: plugin.Namespace, Subsystem: name, Name: "deliveries_total",
	Help: "Tries of this node to deliver an event to a webhook, by webhook and result: success, failure (it is tried again) or dropped (it is not).",
}, []string{"webhook", "result"})

var (
	webhookPending = gauge("webhook_pending", "Events that a webhook of this node's configuration wants and no leader has delivered yet.", "webhook")
	webhookSuccess = gauge("webhook_last_success_timestamp_seconds", "When a leader last delivered an event to a webhook.", "webhook")
	webhookFailing = gauge("webhook_failing", "Whether deliveries to a webhook fail now.", "webhook")
)

func countDelivery(webhook, result string) { deliveries.WithLabelValues(webhook, result).Inc() }

// collectWebhooks tells how far the events are through: every node knows by the replicated state.
func collectWebhooks(hooks []node.Webhook, st *state.State, set setter) {
	for _, h := range hooks {
		set(webhookPending, float64(h.Pending), h.Name)
		mark, ok := st.Deliveries.Get(h.Name)
		set(webhookFailing, bit(ok && mark.Error != ""), h.Name)
		if ok && !mark.Last.IsZero() {
			set(webhookSuccess, float64(mark.Last.Unix()), h.Name)
		}
	}
}
