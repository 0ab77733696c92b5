// Package api holds the admin API's types and its client. It imports nothing else of this module, so a program that
// talks to the servers needs this package only.
//
// What it promises:
//
//   - Every answer carries Meta: which node answered, from which log index, and how old that node's state was.
//   - Times are RFC 3339, in UTC, and are wall times for display; what expires or waits is decided by the cluster
//     clock, and its times here are estimates by the clock of the node that answered (Meta.At).
//   - Durations in answers are seconds, as numbers, in fields that end in _seconds. The one duration in requests,
//     "for", is text as in the Corefile: a Go duration or "never".
//   - IDs of sites, endpoints and groups contain slashes, colons and @, so they travel in queries and bodies.
//   - Errors are problem documents (RFC 9457), decoded into *Problem.
//   - Each write carries a request ID; the cluster remembers it, so that a write may be repeated after a lost answer.
//
// A Client may be used by any number of goroutines. It starts none of its own.
package api
