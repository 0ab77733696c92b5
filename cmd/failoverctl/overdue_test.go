package main

import (
	"strings"
	"testing"
	"time"
)

func TestOverdueExpirySaysWhyItStands(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	at := now.Add(-time.Hour)
	if got := expiry(&at, true, now); !strings.Contains(got, "OVERDUE: nothing expires without a leader") || !strings.Contains(got, "1h") {
		t.Errorf("got %q", got)
	}
	later := now.Add(time.Hour)
	if got := expiry(&later, false, now); strings.Contains(got, "OVERDUE") {
		t.Errorf("got %q", got)
	}
	if got := expiry(nil, false, now); got != "never" {
		t.Errorf("got %q", got)
	}
}
