package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
)

func TestRecoverAsksForItsWordsToBeTyped(t *testing.T) {
	server := &canned{reply: func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", api.JSON)
		_ = json.NewEncoder(w).Encode(api.Recovery{Meta: api.Meta{Node: "ns1", StateAge: 260, Index: 4711}, Done: !r.URL.Query().Has("plan"), Keep: []string{"ns1", "ns2"}, Lose: []string{"ns3", "ns4", "ns5"},
			Unknown: []string{"ns2"}, Applied: 4711, LastIndex: 4713, LastTerm: 7, Next: 1_000_004_713, Confirm: "lose ns3 ns4 ns5"})
		return true
	}}
	url := serve(t, server)
	typing := func(words string, args ...string) (out, errs string, status int) {
		var o, e bytes.Buffer
		env := map[string]string{"FAILOVER_SERVER": url}
		term := &terminal{out: &o, err: &e, in: strings.NewReader(words), env: func(k string) string { return env[k] }, now: func() time.Time { return time.Unix(0, 0) }}
		args = append([]string{"recover", "--keep", "ns2", "--reason", "fire", "--author", "ana@ops"}, args...)
		status = run(t.Context(), term, args)
		saw.ran(args, o.String())
		return o.String(), e.String(), status
	}

	out, _, status := typing("", "--plan")
	golden(t, "recover-plan.golden", out)
	if status != exitDone || len(server.asked) != 1 {
		t.Errorf("planned: exit status %d after %d requests", status, len(server.asked))
	}
	asDocumented(t, server, exitDone, "recover", "--keep", "ns2", "--reason", "fire", "--plan", "-o", "json")
	for _, words := range []string{"", "yes\n", "lose ns3\n"} {
		asked := len(server.asked)
		if _, errs, status := typing(words); status != exitRefused || !strings.Contains(errs, "nothing was changed") || len(server.asked) != asked+1 {
			t.Errorf("typed %q: exit status %d after %d requests: %s", words, status, len(server.asked)-asked, errs)
		}
	}
	out, _, status = typing("lose ns3 ns4 ns5\n")
	golden(t, "recover.golden", out)
	last := server.body[len(server.body)-1]
	if want := `{"author":"ana@ops","reason":"fire","keep":["ns2"],"confirm":"lose ns3 ns4 ns5"}`; status != exitDone || last != want {
		t.Errorf("exit status %d, it asked %s\nwant %s", status, last, want)
	}
}
