package state

import (
	"testing"
	"time"
)

// TestAssertionBoundsWhatOperatorsSayOfWholeSites: switches and overrides of sites count; what is said of a site's
// addresses does not, with which the last site that is up goes by --force alone.
func TestAssertionBoundsWhatOperatorsSayOfWholeSites(t *testing.T) {
	down := func(scope Scope, target string) *SetOverride {
		return &SetOverride{Scope: scope, Target: target, Word: ForceDown, For: time.Hour, Force: true}
	}
	for _, tc := range []struct {
		claim   string
		last    Body
		refused string
	}{
		{"a switch", &SetSwitches{Changes: []SwitchChange{{"s-gcp", false}}, Force: true}, RefusedRule},
		{"a site", down(ScopeSite, "gcp"), RefusedRule},
		{"its only address", down(ScopeAddress, "gcp@192.0.2.3"), ""},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			s := guarded(t, 0)
			for _, b := range []Body{&SetSwitches{Changes: []SwitchChange{{"gate", true}}}, down(ScopeSite, "azure"), down(ScopeSite, "aws"), tc.last} {
				next, res := s.Apply(s.Index+1, Command{Header: Header{Clock: time.Minute, Author: "ann"}, Body: b})
				got := ""
				if res.Refusal != nil {
					got = res.Refusal.Code
				}
				if want := tc.refused; b == tc.last && got != want || b != tc.last && got != "" {
					t.Errorf("%T: refused %q, want %q", b, got, want)
				}
				s = next
			}
		})
	}
}
