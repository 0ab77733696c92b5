// Package probes asks endpoints whether they are well: one file for each probe type, and the scheduler that runs them
// on a fixed clock.
//
// What it promises:
//
//  1. A probe never outlasts its check's timeout, which covers look-up, connect, TLS and response together, by more
//     than the one second that a test of the canary addresses may take after a failure.
//  2. Each probe opens a new connection, obeys no proxy setting, sends a check's secrets to the check's own host only,
//     and reads no more than 16 KiB of response header and, only to look for a match, 5,120 bytes of body.
//  3. Only what the endpoint did is a failure. What this node could not do (no route for the address family, out of
//     sockets, resolver broken, header file unreadable, target denied, no canary answers) is an abstention.
//  4. The address that is dialled is the one that was judged: names are looked up first, and each address, those of
//     redirects included, is held against the denied targets just before it is dialled.
//  5. The scheduler starts the probes of an endpoint start to start at its phase, never two at once, and delivers
//     results one at a time.
//
// The caller completes checks (health.Check.Complete) before they become targets, and keeps a sink fast: all results
// of a node pass through it one by one.
//
// Ownership: each endpoint has one goroutine, which owns its clock and runs its probes one after another. The
// Scheduler's mutex guards which runs exist and is held while the sink is called, so the sink must not call Update or
// Stop. An Env is read-only once in use; to change a setting build a new one and hand the scheduler's probe function
// over to it.
package probes
