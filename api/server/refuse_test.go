package server

import (
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRequestsThatOthersSendAreCountedByReason(t *testing.T) {
	s := NewService(slog.New(slog.DiscardHandler))
	h := s.make(declared(t)).Handler()
	send := func(target, header, value string) {
		r := httptest.NewRequest(http.MethodPost, target, nil)
		r.Header.Set(header, value)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	send("http://evil.example/v1/failback", "Accept", "*/*")
	send("http://127.0.0.1:8053/v1/failback", "Origin", "https://evil.example")
	send("http://127.0.0.1:8053/v1/failback", "Origin", "https://evil.example")
	want := map[string]uint64{refusedHost: 1, refusedOrigin: 2}
	got := s.Refused()
	maps.DeleteFunc(got, func(_ string, n uint64) bool { return n == 0 })
	if !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
