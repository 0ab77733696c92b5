//go:build race

package state

import (
	"flag"
	"strconv"
)

// oneIn says that one in so many of the cases that are drawn or counted through is enough: the race detector looks for
// goroutines that meet, and a state is changed by one alone.
const oneIn = 7

func init() {
	checks := flag.Lookup("rapid.checks")
	if n, err := strconv.Atoi(checks.Value.String()); err == nil {
		_ = checks.Value.Set(strconv.Itoa(n / oneIn))
	}
}
