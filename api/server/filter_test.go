package server

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

func TestEventsAreFilteredByTypeGroupSiteAndNode(t *testing.T) {
	h := failedOver(t).server().Handler()
	all := decoded[api.Events](t, get(h, "/v1/events")).Events
	for query, want := range map[string]func(e api.Event) bool{
		"type=flip,site-*":             func(e api.Event) bool { return e.Type == "flip" || strings.HasPrefix(e.Type, "site-") },
		"group=auth.example.com":       func(e api.Event) bool { return e.Group == "auth.example.com" },
		"site=azure&type=vote":         func(e api.Event) bool { return e.Site == "azure" && e.Type == "vote" },
		"node=ns2":                     func(e api.Event) bool { return e.Node == "ns2" },
		"node=ns2&type=nosuch":         func(api.Event) bool { return false },
		"type=vote&site=azure&limit=1": nil,
	} {
		got := decoded[api.Events](t, get(h, "/v1/events?"+query)).Events
		if want == nil {
			if len(got) != 1 {
				t.Errorf("%s: %d events", query, len(got))
			}
			continue
		}
		n := 0
		for _, e := range all {
			if want(e) {
				n++
			}
		}
		if len(got) != n {
			t.Errorf("%s: %d events, want %d", query, len(got), n)
		}
		for _, e := range got {
			if !want(e) {
				t.Errorf("%s: got %+v", query, e)
			}
		}
	}
	if res := get(h, "/v1/events?type=["); res.Code != http.StatusBadRequest {
		t.Errorf("a bad pattern: %d", res.Code)
	}
}

// TestFilteredStreamGoesOnAfterWhatItLeavesOut: what is not wanted is neither sent nor taken for lost.
func TestFilteredStreamGoesOnAfterWhatItLeavesOut(t *testing.T) {
	w := declared(t)
	s := httptest.NewServer(w.server().Handler())
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/v1/events?since=0&type=override-*", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", api.EventStream)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	w.fail(azure)
	w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceUp, Reason: "test"})
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if !strings.Contains(data, `"type":"override-set"`) {
				t.Errorf("got %s", data)
			}
			return
		}
	}
	t.Fatalf("nothing came: %v", lines.Err())
}
