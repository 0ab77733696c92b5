package health

import (
	"fmt"
	"strconv"
	"time"
)

// Verdict is the cluster's opinion of an endpoint.
type Verdict string

// The verdicts; VerdictUnknown counts as up.
const (
	VerdictUnknown Verdict = "unknown"
	VerdictUp      Verdict = "up"
	VerdictDown    Verdict = "down"
)

// Agree is how many votes down make the verdict down: "majority" (the zero value), "all", or a number.
type Agree string

// The named rules of Agree.
const (
	AgreeMajority Agree = "majority"
	AgreeAll      Agree = "all"
)

// ParseAgree reads a rule as a Corefile writes it.
func ParseAgree(s string) (Agree, error) {
	if a := Agree(s); a == AgreeMajority || a == AgreeAll {
		return a, nil
	}
	if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= 99 {
		return Agree(strconv.Itoa(n)), nil
	}
	return "", fmt.Errorf("agree %q is none of: majority, all, a number from 1 to 99", s)
}

// Needed gives the votes that a verdict needs among n configured probing nodes: up by a majority always; down by the
// rule, and by no more than all of them.
func (a Agree) Needed(n int) (up, down int) {
	up = n/2 + 1
	if a == AgreeAll {
		return up, n
	}
	if down, err := strconv.Atoi(string(a)); err == nil && down >= 1 {
		return up, min(down, n)
	}
	return up, up // also for a rule that nobody can read: it must not make everything down
}

// Decide is the verdict after votes, among n configured probing nodes: down when enough are down; up when a majority
// is up and not enough are down; else as it was.
func Decide(was Verdict, a Agree, n, ups, downs int) Verdict {
	needUp, needDown := a.Needed(n)
	switch {
	case n == 0:
		return was
	case downs >= needDown:
		return VerdictDown
	case ups >= needUp:
		return VerdictUp
	}
	return was
}

// FailbackMode is when traffic returns to a more preferred site.
type FailbackMode string

// The modes; auto is the default.
const (
	FailbackAuto   FailbackMode = "auto"
	FailbackAfter  FailbackMode = "after"
	FailbackManual FailbackMode = "manual"
)

// Failback is a group's policy; After is used by FailbackAfter alone.
type Failback struct {
	Mode  FailbackMode  `json:"mode"`
	After time.Duration `json:"after,omitempty"`
}

func (f Failback) String() string {
	if f.Mode == FailbackAfter {
		return "after " + f.After.String()
	}
	return string(f.Mode)
}

// FlapWindow: a site that goes down within this time of its return flaps; one that was active for so long does not.
const FlapWindow = 10 * time.Minute

// maxHold bounds the damping, unless the policy itself asks for more.
const maxHold = time.Hour

// Hold is how long a returning site is held after n flaps; base is successes × interval, the greatest of its checks.
// manual: until an operator ends it.
func (f Failback) Hold(n int, base time.Duration) (d time.Duration, manual bool) {
	switch f.Mode {
	case FailbackManual:
		return 0, true
	case FailbackAfter:
		return double(f.After, n, max(f.After, maxHold)), false
	}
	if n == 0 {
		return 0, false
	}
	return double(base, n, maxHold), false
}

// double is d × 2ⁿ, at most limit, without overflow.
func double(d time.Duration, n int, limit time.Duration) time.Duration {
	for ; n > 0 && d < limit; n-- {
		d *= 2
	}
	return min(d, limit)
}
