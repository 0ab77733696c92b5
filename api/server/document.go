package server

import (
	_ "embed"
	"net/http"
)

// document describes the API (OpenAPI 3.1). It is kept as a file so that a change of the API shows in a review; a
// test holds it against routes and the api package's types.
//
//go:embed openapi.json
var document []byte

func (s *Server) serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(document)
}
