package server

import (
	"net/url"
	"path"
	"strings"

	"failoverdns/state"
)

// eventFilter is which events a reader wants; the zero value is all.
type eventFilter struct {
	types             []string // patterns as path.Match takes them; any of them
	group, site, node string
}

var filterParams = []param{
	{"type", "string", "of these types only, with commas between; * stands for any letters"},
	{"group", "string", "of this group only"},
	{"site", "string", "of this site only"},
	{"node", "string", "of this node only"},
}

func filterOf(q url.Values) (f eventFilter, err error) {
	f = eventFilter{group: q.Get("group"), site: q.Get("site"), node: q.Get("node")}
	if q.Get("type") == "" {
		return f, nil
	}
	f.types = strings.Split(q.Get("type"), ",")
	for _, pattern := range f.types {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return f, invalid("type", "type %q is no pattern; write site-down,flip or site-*", q.Get("type"))
		}
	}
	return f, nil
}

func (f *eventFilter) wants(e *state.Event) bool {
	if f.group != "" && f.group != e.Group || f.site != "" && f.site != e.Site || f.node != "" && f.node != e.Node {
		return false
	}
	for _, pattern := range f.types {
		if ok, _ := path.Match(pattern, e.Type); ok {
			return true
		}
	}
	return f.types == nil
}

// of keeps the events that are wanted, the latest limit of them (0: all).
func (f *eventFilter) of(events []*state.Event, limit int) (out []*state.Event) {
	for _, e := range events {
		if f.wants(e) {
			out = append(out, e)
		}
	}
	if limit > 0 && len(out) > limit {
		out = out[len(out)-limit:]
	}
	return out
}
