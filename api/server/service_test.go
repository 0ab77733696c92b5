package server

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"failoverdns/node"
)

func answers(address string) bool {
	res, err := http.Get("http://" + address + "/v1/overrides")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func TestServiceMovesOnReloadAndKeepsWhatWorks(t *testing.T) {
	w := declared(t)
	s := NewService(slog.New(slog.DiscardHandler))
	const first, second = "127.0.0.1:24041", "127.0.0.1:24042"
	if err := s.start(w, node.AdminConfig{Address: first}); err != nil {
		t.Fatal(err)
	}
	defer s.Stop(t.Context())
	if err := s.reload(w, node.AdminConfig{Address: first}); err != nil || !answers(first) {
		t.Fatalf("a reload that changes nothing: %v", err)
	}
	if err := s.reload(w, node.AdminConfig{Address: "192.0.2.1:24043"}); err == nil || !answers(first) {
		t.Fatalf("a reload with an address that cannot be: %v", err)
	}
	if err := s.reload(w, node.AdminConfig{Address: second}); err != nil || !answers(second) || answers(first) {
		t.Fatalf("a move: %v", err)
	}
	if err := s.Stop(t.Context()); err != nil || answers(second) {
		t.Errorf("stop: %v", err)
	}
}

func TestServiceRefusesWhatItCannotKeep(t *testing.T) {
	s := NewService(slog.New(slog.DiscardHandler))
	for says, c := range map[string]node.AdminConfig{
		"read a certificate": {Address: "127.0.0.1:24044", TLS: &node.TLSFiles{}},
		"read the tokens":    {Address: "127.0.0.1:24044", Tokens: "nowhere"},
		"loopback":           {Address: "0.0.0.0:24044"},
		"loopback addresses": {Address: "0.0.0.0:24044", Tokens: "nowhere"},
		"without TLS and":    {Address: "0.0.0.0:24044", TLS: &node.TLSFiles{Cert: "c", Key: "k"}},
	} {
		if err := s.start(declared(t), c); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), c.Address) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
