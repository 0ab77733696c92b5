package node

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var incidents = flag.Int("incidents", 1, "how many incidents of each kind TestIncidentsByKind measures")

// kind is a kind of incident: the primary fails, and what else goes wrong. It gives the nodes that are lost by it.
type kind struct {
	what    string
	nodes   []string
	more    time.Duration // than an undisturbed flip may take
	happens func(w *world) (lost []string)
}

var kinds = []kind{
	{"nothing else", three, 0, func(w *world) []string {
		w.breakSite("*", "azure")
		return nil
	}},
	{"one node goes on reaching the primary", three, 0, func(w *world) []string {
		w.breakSite("ns2", "azure")
		w.breakSite("ns3", "azure")
		return nil
	}},
	{"a follower is lost with it", three, 0, func(w *world) []string {
		w.breakSite("*", "azure")
		return w.lose(w.followers()[0])
	}},
	{"the leader is lost with it", three, election, func(w *world) []string {
		w.breakSite("*", "azure")
		return w.lose(w.leader(w.ids...))
	}},
	{"the leader is lost while failures are counted", three, election, func(w *world) []string {
		w.breakSite("*", "azure")
		time.Sleep(rand.N(2 * interval)) // before its own third failed probe
		return w.lose(w.leader(w.ids...))
	}},
	{"the leader is lost as votes come, 20 s to 30 s after it", three, election, func(w *world) []string {
		w.breakSite("*", "azure")
		time.Sleep(2*interval + rand.N(interval))
		return w.lose(w.leader(w.ids...))
	}},
	{"the leader hears nobody any more", three, election, func(w *world) []string {
		w.breakSite("*", "azure")
		leader := w.leader(w.ids...)
		for _, id := range w.followers() {
			w.net.Cut(id, leader)
		}
		return []string{leader}
	}},
	{"nobody hears the leader any more", three, election, func(w *world) []string {
		w.breakSite("*", "azure")
		leader := w.leader(w.ids...)
		for _, id := range w.followers() {
			w.net.Cut(leader, id)
		}
		return []string{leader}
	}},
	{"packets take 200 ms each way from then on", three, time.Second, func(w *world) []string {
		w.breakSite("*", "azure")
		for _, a := range w.ids {
			for _, b := range w.ids {
				w.net.Delay(a, b, 200*time.Millisecond)
			}
		}
		return nil
	}},
	{"two of five nodes are lost with it, one the leader", five, election, func(w *world) []string {
		w.breakSite("*", "azure")
		return w.lose(w.leader(w.ids...), w.followers()[0])
	}},
}

func (w *world) followers() []string {
	leader := w.leader(w.ids...)
	return slices.DeleteFunc(slices.Clone(w.ids), func(id string) bool { return id == leader })
}

func (w *world) lose(ids ...string) []string {
	for _, id := range ids {
		w.kill(id)
	}
	return ids
}

// spans are what the incidents of a kind took.
type spans []time.Duration

func (s spans) at(percent int) string {
	slices.Sort(s)
	return fmt.Sprintf("%.2f s", s[(len(s)-1)*percent/100].Seconds())
}

// TestIncidentsByKind measures from the primary's failure to the last living node's right answer, in virtual time, in which
// computing and disks take none. What the probes alone take is known for each incident: the moment at which so many
// nodes as the rule demands had counted enough failures, each while it was not lost. With -incidents 300 it prints the table in
// docs/reliability.md.
func TestIncidentsByKind(t *testing.T) {
	rows := make([]string, len(kinds))
	t.Run("kinds", func(t *testing.T) {
		for i, k := range kinds {
			t.Run(k.what, func(t *testing.T) {
				t.Parallel()
				var all, above spans
				for range *incidents {
					took, least := k.measure(t)
					all, above = append(all, took), append(above, took-least)
				}
				rows[i] = fmt.Sprintf("| %s | %d | %s | %s | %s | %s | %s | %s |", k.what, len(all), all.at(50), all.at(99), all.at(100), above.at(50), above.at(99), above.at(100))
			})
		}
	})
	t.Logf("from the primary's failure, and of that above what the probes take\n"+
		"| beside the primary's failure | incidents | median | p99 | slowest | above: median | p99 | slowest |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n%s",
		strings.Join(rows, "\n"))
}

// measure has one incident happen to a new cluster at a random moment.
func (k kind) measure(t *testing.T) (took, least time.Duration) {
	inWorld(t, k.nodes, func(w *world) {
		time.Sleep(rand.N(interval))
		failed := time.Now()
		lost, at := k.happens(w), time.Now()
		living := slices.DeleteFunc(slices.Clone(w.ids), func(id string) bool { return slices.Contains(lost, id) })
		for answered := w.answer(aws, living...); !answered(); time.Sleep(5 * time.Millisecond) {
			if time.Since(failed) > detect+k.more {
				t.Fatalf("%s: after %s not all living nodes answer with aws\n%s", k.what, time.Since(failed), w.describe())
			}
		}
		took, least = time.Since(failed), w.counted(lost, at).Sub(failed)
	})
	return took, least
}

// counted is when a majority of all nodes had counted enough failures; those that were lost, until then.
func (w *world) counted(lost []string, at time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	var enough []time.Time
	for id, all := range w.refused {
		if len(all) >= failures && (all[failures-1].Before(at) || !slices.Contains(lost, id)) {
			enough = append(enough, all[failures-1])
		}
	}
	slices.SortFunc(enough, time.Time.Compare)
	return enough[len(w.ids)/2]
}
