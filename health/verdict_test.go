package health

import (
	"fmt"
	"testing"
	"time"
)

// plainVerdict is the contract's sentence, word for word.
func plainVerdict(was Verdict, rule string, n, ups, downs int) Verdict {
	u := n/2 + 1
	var d int
	switch rule {
	case "majority":
		d = u
	case "all":
		d = n
	default:
		fmt.Sscan(rule, &d)
		if d > n { // no more than there are can be asked for
			d = n
		}
	}
	if downs >= d {
		return VerdictDown
	}
	if ups >= u && downs < d {
		return VerdictUp
	}
	return was
}

func TestVerdictIsTheContractsForAllSmallClusters(t *testing.T) {
	for n := 1; n <= 9; n++ {
		for _, rule := range []string{"majority", "all", "1", "2", "3", "5", "9", "50"} {
			for ups := 0; ups <= n; ups++ {
				for downs := 0; ups+downs <= n; downs++ {
					for _, was := range []Verdict{VerdictUnknown, VerdictUp, VerdictDown} {
						got, want := Decide(was, Agree(rule), n, ups, downs), plainVerdict(was, rule, n, ups, downs)
						if got != want {
							t.Errorf("was %s, agree %s, %d of %d up, %d down: %s, want %s", was, rule, ups, n, downs, got, want)
						}
					}
				}
			}
		}
	}
}

func TestNoVoteChangesNoVerdict(t *testing.T) {
	for n := range 10 {
		for _, rule := range []Agree{"", AgreeMajority, AgreeAll, "1", "nonsense", "0", "-1"} {
			for _, was := range []Verdict{VerdictUnknown, VerdictUp, VerdictDown} {
				if got := Decide(was, rule, n, 0, 0); got != was {
					t.Errorf("agree %q among %d: %s became %s", rule, n, was, got)
				}
			}
		}
	}
}

func TestAgreeIsReadOrRefused(t *testing.T) {
	for in, want := range map[string]Agree{"majority": AgreeMajority, "all": AgreeAll, "1": "1", "02": "2", "99": "99"} {
		if got, err := ParseAgree(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "100", "-1", "most", "1.5"} {
		want := fmt.Sprintf("agree %q is none of: majority, all, a number from 1 to 99", in)
		if _, err := ParseAgree(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestHoldDoublesWithEachFlap(t *testing.T) {
	const base = 30 * time.Second
	tests := []struct {
		policy Failback
		n      int
		base   time.Duration
		want   time.Duration
		manual bool
	}{
		{Failback{Mode: FailbackAuto}, 0, base, 0, false},
		{Failback{}, 0, base, 0, false},
		{Failback{Mode: FailbackAuto}, 1, base, time.Minute, false},
		{Failback{Mode: FailbackAuto}, 3, base, 4 * time.Minute, false},
		{Failback{Mode: FailbackAuto}, 6, base, 32 * time.Minute, false},
		{Failback{Mode: FailbackAuto}, 7, base, time.Hour, false},
		{Failback{Mode: FailbackAuto}, 1_000_000, base, time.Hour, false},
		{Failback{Mode: FailbackAuto}, 1, 2 * time.Hour, time.Hour, false},
		{Failback{Mode: FailbackAuto}, 1_000_000, 0, 0, false},
		{Failback{Mode: FailbackAfter, After: 10 * time.Minute}, 0, base, 10 * time.Minute, false},
		{Failback{Mode: FailbackAfter, After: 10 * time.Minute}, 2, base, 40 * time.Minute, false},
		{Failback{Mode: FailbackAfter, After: 10 * time.Minute}, 3, base, time.Hour, false},
		{Failback{Mode: FailbackAfter, After: 3 * time.Hour}, 0, base, 3 * time.Hour, false},
		{Failback{Mode: FailbackAfter, After: 3 * time.Hour}, 5, base, 3 * time.Hour, false},
		{Failback{Mode: FailbackAfter, After: 1<<63 - 1}, 5, base, 1<<63 - 1, false},
		{Failback{Mode: FailbackManual}, 4, base, 0, true},
	}
	for _, test := range tests {
		d, manual := test.policy.Hold(test.n, test.base)
		if d != test.want || manual != test.manual {
			t.Errorf("%s after %d flaps, base %s: %s, %v; want %s, %v", test.policy, test.n, test.base, d, manual, test.want, test.manual)
		}
	}
}
