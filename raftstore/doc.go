// Package raftstore is this node's part of the cluster: the replicated log, its place on disk, the one port that
// nodes speak on, and the way of a command to the leader and back. It alone knows hashicorp/raft.
//
// It promises:
//
//  1. State answers from Open on, before Raft is up, with what this node had last recorded as applied, and never
//     steps back. No call of State, Age or Status waits for a disk, a lock of Raft or the network.
//  2. An acknowledged command is on the disks of a majority. One whose outcome is not known says so
//     (ErrUnknownOutcome); every other error means that it had no effect and will have none.
//  3. Entries are applied once each, in log order, by one goroutine at a time; OnApply is called there, after State
//     has moved on, with when the entry was logged. WaitIndex and Propose return after OnApply has.
//  4. No disk fault ends the process: a write that fails or misses its deadline costs this node its part in Raft
//     until the log was opened anew, and nothing else.
//  5. Only members speak Raft: the certificate's node ID counts, never an address. A node without state neither votes
//     nor takes entries until the first-start protocol (genesis.go) has shown that it is no wiped member.
//
// The caller opens one Store for a directory, calls Start once and Stop once, watches its trust.Files, and gives an
// OnApply that returns soon and never calls Propose or WaitIndex.
//
// Goroutines: run (run.go) owns the life of Raft; Raft's FSM goroutine owns the state; each instance of Raft has one
// that follows leadership (lead.go); recorder owns the file of the applied index; the port has one that accepts and
// one for each connection.
package raftstore
