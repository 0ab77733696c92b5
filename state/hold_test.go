package state

import (
	"testing"
	"time"

	"failoverdns/health"
)

// TestHoldIsThatOfTheSlowestCheck: successes × interval is taken from each check as a whole, and the greatest counts.
func TestHoldIsThatOfTheSlowestCheck(t *testing.T) {
	check := func(interval time.Duration, successes int) CheckDecl {
		return CheckDecl{Check: health.Check{Interval: interval, Successes: successes}}
	}
	for _, c := range []struct {
		checks []CheckDecl
		want   time.Duration
	}{
		{nil, 0},
		{[]CheckDecl{check(10*time.Second, 3)}, 30 * time.Second},
		{[]CheckDecl{check(30*time.Second, 5), check(time.Minute, 2), check(time.Second, 64)}, 150 * time.Second},
	} {
		s := New()
		s.Sites = s.Sites.With("azure", &Site{SiteDecl: SiteDecl{Name: "azure", Checks: c.checks}})
		if got := s.begin(1, Header{}).holdBase("azure"); got != c.want {
			t.Errorf("%v: %s, want %s", c.checks, got, c.want)
		}
	}
}
