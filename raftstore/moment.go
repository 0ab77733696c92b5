package raftstore

import "time"

// Moment says when an entry came to be applied here, for measuring.
type Moment struct {
	// Logged is when the leader put the entry into its log, by the leader's clock; zero for an entry that came in a
	// snapshot.
	Logged time.Time
	// Began is when this node took the committed entry up to apply it. A time until Began is monotonic where Own is
	// set, and else compares the wall clocks of two machines.
	Began time.Time
	// Own says that this node is the leader whose clock Logged is.
	Own bool
}
