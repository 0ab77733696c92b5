package node

import (
	"bytes"
	"context"
	"testing"
	"time"

	"failoverdns/state"
)

// TestOfferIsMadeAgainAfterARestoreTookTheZone: what a node keeps of its declarations is enough to offer them again, whole.
func TestOfferIsMadeAgainAfterARestoreTookTheZone(t *testing.T) {
	inWorld(t, three, func(w *world) {
		n := w.nodes[w.leader(three...)]
		key := state.ZoneKey(declaration().Zone)
		before, _ := n.State().Zones.Get(key)
		r, err := n.Propose(context.Background(), state.Command{Header: state.Header{Author: "ana"}, Body: restoreOfNothing(t)})
		if err != nil || r.Refusal != nil {
			t.Fatal(err, r.Refusal)
		}
		w.eventually(time.Minute, "every node answers the zone again as it was declared, by every node's offer", func() bool {
			return w.all(func(n *Node) bool {
				z, ok := n.State().Zones.Get(key)
				if !ok || z.Since <= r.Index || z.Digest != before.Digest || z.Sets.Len() != before.Sets.Len() {
					return false
				}
				for _, id := range three {
					if o, ok := n.State().Offer(id, z.Name); !ok || o.Digest != before.Digest {
						return false
					}
				}
				return true
			})
		})
		w.eventually(2*time.Minute, "every verdict is up", w.verdictsUp)
	})
}

// restoreOfNothing puts the state of a cluster in force that never had a zone.
func restoreOfNothing(t *testing.T) *state.Restore {
	t.Helper()
	var b bytes.Buffer
	if err := state.New().Encode(&b); err != nil {
		t.Fatal(err)
	}
	packed, err := state.Pack(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return &state.Restore{State: packed, Source: "an archive without zones", Reason: "a test", Force: true}
}
