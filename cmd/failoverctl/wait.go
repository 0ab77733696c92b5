package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"failoverdns/api"
)

// The pace of --wait, and its end. A commit reaches live nodes in well under a second.
const (
	waitEvery = 200 * time.Millisecond
	waitLimit = 30 * time.Second
)

// everywhere returns when every live node answers from the index of a write or a later one, and shows each step as it is
// seen, by the clock of the server that is asked. Nodes that do not reply are named, not waited for: nobody can say what they answer.
func (s *session) everywhere(ctx context.Context, client *api.Client, w *api.Written) error {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	s.step(w.At, fmt.Sprintf("committed at index %d", w.Index))
	seen := map[string]bool{}
	for {
		a, err := client.Members(ctx)
		if err == nil {
			s.arrivals(a, w.Index, seen)
			behind, silent := lagging(a.Cluster.Members, w.Index)
			if len(behind) == 0 {
				s.saidEverywhere(len(a.Cluster.Members)-len(silent), silent)
				s.saidClear(w)
				return nil
			}
			err = fmt.Errorf("%s not there yet", strings.Join(behind, ", "))
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fmt.Errorf("it is done, but not seen on every live node within %s: %w", waitLimit, err)
		case <-time.After(waitEvery):
		}
	}
}

// arrivals shows the nodes that have applied an index and were not shown before.
func (s *session) arrivals(a *api.Members, index uint64, seen map[string]bool) {
	for _, m := range a.Cluster.Members {
		if m.Reachable && m.Index >= index && !seen[m.ID] {
			seen[m.ID] = true
			word := m.ID + " answers so"
			if m.Role == witness {
				word = m.ID + " has it"
			}
			s.step(a.At, word)
		}
	}
}

// witness is the role of a node that answers nothing.
const witness = "witness"

func (s *session) step(at time.Time, text string) {
	if s.output != "json" {
		s.t.printf("%s  %s\n", at.UTC().Format("15:04:05.000 UTC"), text)
	}
}

// saidClear tells when the last resolver has let go of what the write changed.
func (s *session) saidClear(w *api.Written) {
	var last *time.Time
	for i := range w.Changes {
		if at := w.Changes[i].Clear; at != nil && (last == nil || at.After(*last)) {
			last = at
		}
	}
	if last != nil {
		s.step(*last, "caches are clear, in "+span(max(0, last.Sub(w.At)))+" from the commit")
	}
}

func lagging(members []api.Member, index uint64) (behind, silent []string) {
	for _, m := range members {
		switch {
		case !m.Reachable:
			silent = append(silent, m.ID)
		case m.Index < index:
			behind = append(behind, fmt.Sprintf("%s at index %d", m.ID, m.Index))
		}
	}
	return behind, silent
}

func (s *session) saidEverywhere(live int, silent []string) {
	if s.output == "json" {
		return
	}
	text := fmt.Sprintf("Every live node (%d) answers so.", live)
	if len(silent) > 0 {
		text += " No reply from " + strings.Join(silent, ", ") + "."
	}
	s.t.printf("%s\n", text)
}
