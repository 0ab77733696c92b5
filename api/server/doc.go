// Package server is the admin API: HTTP and JSON over one node's replicated state. It has no rule of its own: a read
// is a view of the state, a write becomes one command.
//
// What it promises: every answer is of one state (one index), is complete or a problem document (RFC 9457), and a
// write's answer comes after this node has applied it, or says that the outcome is unknown. Bodies, headers, times and
// event streams are bounded; unknown fields and parameters are refused.
//
// Without tokens it listens on loopback addresses only, and refuses requests that a browser sends on behalf of
// another site: those with a foreign Host (DNS rebinding) or Origin.
//
// The caller gives a Node and calls Start and Stop once each, in that order. Each request runs in a goroutine of
// net/http's and holds no lock; Server's mutex guards its listener only.
package server
