package main

import (
	"fmt"
	"strings"
	"time"
)

// when is a time in both ways: by the clock, in UTC, and from now.
func when(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return clock(t, now) + " (" + relative(t, now) + ")"
}

// clock leaves the date out where it is today's.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05 UTC")
	}
	return t.Format("2006-01-02 15:04:05 UTC")
}

func relative(t, now time.Time) string {
	d := t.Sub(now)
	switch {
	case d > -time.Second && d < time.Second:
		return "now"
	case d < 0:
		return span(-d) + " ago"
	}
	return "in " + span(d)
}

// span is a duration in its two greatest units.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		out := fmt.Sprintf("%d%s", d/u.size, u.name)
		if i+1 < len(units) && d%u.size >= units[i+1].size {
			out += fmt.Sprintf(" %d%s", d%u.size/units[i+1].size, units[i+1].name)
		}
		return out
	}
	return "0s"
}

// fine is a duration of seconds that may be below one.
func fine(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d >= 10*time.Second {
		return span(d)
	}
	return d.Round(time.Millisecond).String()
}

// exact is a short duration of seconds to 10 µs; empty for none.
func exact(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f ms", seconds*1e3)
}

// expiry says when something ends by itself.
func expiry(t *time.Time, overdue bool, now time.Time) string {
	switch {
	case t == nil:
		return "never"
	case overdue:
		return when(*t, now) + ", OVERDUE: nothing expires without a leader"
	}
	return when(*t, now)
}

// plain is a duration as people type it: 24h, not 24h0m0s.
func plain(d time.Duration) string {
	s := d.String()
	if rest, ok := strings.CutSuffix(s, "m0s"); ok {
		s = rest + "m"
	}
	if rest, ok := strings.CutSuffix(s, "h0m"); ok {
		s = rest + "h"
	}
	return s
}
