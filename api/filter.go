package api

import (
	"net/url"
	"strings"
)

// EventFilter is which events are wanted; the zero value is all.
type EventFilter struct {
	Types             []string // any of these; * stands for any letters
	Group, Site, Node string
}

func (f *EventFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"type": strings.Join(f.Types, ","), "group": f.Group, "site": f.Site, "node": f.Node} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}
