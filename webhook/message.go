package webhook

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"failoverdns/state"
)

// ID names an event for receivers: the same for every try, from every node, and unlike that of another cluster's event.
func ID(e *state.Event) string {
	return fmt.Sprintf("evt_%d_%d", e.ID, max(0, e.Wall.UnixMilli()))
}

// message is the body of the format failover.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	ID       uint64 `json:"id"`
	Index    uint64 `json:"index"`
	Zone     string `json:"zone,omitempty"`
	Group    string `json:"group,omitempty"`
	Site     string `json:"site,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
	Node     string `json:"node,omitempty"`
	Author   string `json:"author,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Text     string `json:"text"`
}

// body is an event in a target's format.
func body(f Format, e *state.Event) ([]byte, error) {
	if f == Alertmanager {
		return json.Marshal([]alert{alertOf(e)})
	}
	return json.Marshal(message{"failover." + e.Type, e.Wall.UTC(), data{
		ID: e.ID, Index: e.Index, Zone: e.Zone, Group: e.Group, Site: e.Site, Endpoint: e.Endpoint, Node: e.Node, Author: e.Author, Reason: e.Reason, Text: e.Text,
	}})
}

// alert is an element of what Alertmanager's POST /api/v2/alerts takes.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// The pair of events that raise one alert and resolve it.
const (
	raises   = "site-down"
	resolves = "site-up"
)

const (
	// standsFor is how long the alert of a site that is down stands where nothing resolves it.
	standsFor = 24 * time.Hour
	// toldFor is how long an alert stands that only tells of an event.
	toldFor = time.Hour
)

// alertOf makes an alert of an event. A site that goes down raises one that its return resolves; all else is told for an
// hour. Alertmanager knows alerts by their labels, so nothing that differs between the two may be a label.
func alertOf(e *state.Event) alert {
	a := alert{
		Labels:      map[string]string{"alertname": alertName(e.Type), "severity": severity(e.Type)},
		Annotations: map[string]string{"summary": e.Text, "event_id": ID(e), "event_type": e.Type},
		StartsAt:    e.Wall.UTC(), EndsAt: e.Wall.UTC().Add(toldFor),
	}
	switch e.Type {
	case raises:
		a.EndsAt = e.Wall.UTC().Add(standsFor)
	case resolves:
		a.EndsAt = a.StartsAt
	}
	for label, value := range map[string]string{"zone": e.Zone, "group": e.Group, "site": e.Site, "endpoint": e.Endpoint, "node": e.Node} {
		if value != "" {
			a.Labels[label] = value
		}
	}
	for annotation, value := range map[string]string{"author": e.Author, "reason": e.Reason} {
		if value != "" {
			a.Annotations[annotation] = value
		}
	}
	return a
}

func alertName(typ string) string {
	if typ == resolves {
		typ = raises
	}
	name := "FailoverEvent"
	for _, word := range strings.Split(typ, "-") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

func severity(typ string) string {
	switch typ {
	case raises, resolves, "flip", "drift":
		return "warning"
	}
	return "info"
}
