package server

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"failoverdns/api"
)

func TestRecoveryWantsItsWordsTyped(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	ask := func(query, body string) (int, string) {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "http://localhost/v1/recover"+query, strings.NewReader(body))
		r.Header.Set("Content-Type", api.JSON)
		h.ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
	const by = `"author":"ann","reason":"two sites burnt"`
	if code, text := ask("", `{`+by+`}`); code != http.StatusConflict || !strings.Contains(text, "it has a leader; nothing was changed") {
		t.Errorf("with a leader: %d %s", code, text)
	}
	w.noRaft = errors.New("no leader")
	if code, text := ask("?plan", `{`+by+`}`); code != http.StatusOK || !strings.Contains(text, `"confirm": "lose ns2 ns3"`) || !strings.Contains(text, `"done": false`) {
		t.Errorf("planned: %d %s", code, text)
	}
	for _, confirm := range []string{"", "yes", "lose ns2"} {
		if code, text := ask("", `{`+by+`,"confirm":"`+confirm+`"}`); code != http.StatusBadRequest || !strings.Contains(text, "lose ns2 ns3") {
			t.Errorf("confirmed with %q: %d %s", confirm, code, text)
		}
	}
	if w.recovered != nil {
		t.Fatalf("it was done: %q", w.recovered)
	}
	if code, text := ask("", `{`+by+`,"confirm":"lose ns2 ns3"}`); code != http.StatusOK || !strings.Contains(text, `"done": true`) {
		t.Errorf("confirmed: %d %s", code, text)
	}
	if want := []string{"ann: two sites burnt: lose ns2 ns3"}; !slices.Equal(w.recovered, want) {
		t.Errorf("done: %q, want %q", w.recovered, want)
	}
}
