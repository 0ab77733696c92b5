package node

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/record"
	"failoverdns/state"
)

// bigDeclaration is the smallest declaration with a zone file of so many record sets behind it.
func bigDeclaration(sets int) *state.Declaration {
	d := declaration()
	for i := range sets {
		name := record.MustParseName(fmt.Sprintf("host-%d.auth.example.com", i))
		d.Sets = append(d.Sets, record.Set{Name: name, Type: record.TXT, TTL: 300, Data: [][]byte{[]byte("\x0ea text of a host")[:15]}})
	}
	return d
}

// TestLargeZoneComesIntoForceThroughALeaderChange: 20,000 record sets are more than ten entries of the log; the node
// that offers them follows, and the leader is gone in the middle.
func TestLargeZoneComesIntoForceThroughALeaderChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		defer w.stopAll()
		for _, id := range three {
			w.start(id)
		}
		w.eventually(2*time.Minute, "every verdict is up", w.verdictsUp)
		leader := w.leader(three...)
		var rest []string
		for _, id := range three {
			if id != leader {
				rest = append(rest, id)
			}
		}
		follower := w.nodes[rest[0]]
		cfg := w.config(rest[0])
		cfg.Declarations = []*state.Declaration{bigDeclaration(20_000)}
		follower.Reload(cfg)
		w.eventually(time.Minute, "the upload is half through", func() bool {
			for _, u := range follower.State().Uploads.All() {
				return u.Chunks.Len() >= 5
			}
			return false
		})
		w.kill(leader)
		w.eventually(2*time.Minute, "both others answer from the whole zone", func() bool { return hasHost(w.nodes[rest[0]]) && hasHost(w.nodes[rest[1]]) })
		if n := follower.State().Uploads.Len(); n != 0 {
			t.Errorf("%d uploads are left", n)
		}
		w.net.Rejoin(leader, rest...)
		w.eventually(2*time.Minute, "the old leader has it too", func() bool { return hasHost(w.nodes[leader]) })
		w.sameState()
	})
}

func hasHost(n *Node) bool {
	return len(n.Lookup(record.MustParseName("host-19999.auth.example.com"), record.TXT).Answer) == 1
}
