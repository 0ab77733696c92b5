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

// everywhere returns when every live node answers from an index or a later one. Nodes that do not reply are named, not
// waited for: nobody can say what they answer.
func (s *session) everywhere(ctx context.Context, client *api.Client, index uint64) error {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	for {
		a, err := client.Members(ctx)
		if err == nil {
			behind, silent := lagging(a.Cluster.Members, index)
			if len(behind) == 0 {
				s.saidEverywhere(len(a.Cluster.Members)-len(silent), silent)
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
