//go:build race

package node

// Whether a schedule passes is luck in part, and many runs are for that. The race detector looks at accesses, and one run has
// them.
func init() { replays = 1 }
