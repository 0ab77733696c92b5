//go:build !race

package state

// oneIn says that one in so many of the cases that are counted through is tried: all.
const oneIn = 1
