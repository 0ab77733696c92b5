package failover

import (
	"context"
	"sync"
	"time"

	"failoverdns/record"
	"failoverdns/zone"
)

const (
	// notifyFirst is how long a new instance waits with its first NOTIFY: its sockets open after its plugins have
	// started, and secondaries ask back at once.
	notifyFirst = time.Second
	// notifyAgain is how often it looks whether a zone need no longer wait: no command tells.
	notifyAgain = time.Second
	// notifyAtOnce is how many zones are announced at the same time: a secondary that is gone holds one up for 6 s, its
	// three tries, and must hold up no other.
	notifyAtOnce = 16
)

// swaps is a node, as a notifier needs it.
type swaps interface {
	Zones() *zone.Set
	Changed() <-chan struct{} // closed after the next change of Zones, at the latest
}

// announcer is the plugin transfer of one server block.
type announcer interface {
	Notify(zone string) error // to all secondaries of the block; it waits for them
}

// notifier sends NOTIFY to secondaries after each change of a zone's serial (RFC 1996). It only looks at what the node
// serves, so the node never waits for it. A zone that changes while it is announced is announced once more, with all
// that came meanwhile. One whose transfers are refused, because this node has answers of its own, waits until that is
// over. The goroutine that calls run owns seen.
type notifier struct {
	from map[record.Name][]announcer // by the zone of the server blocks
	seen map[record.Name]uint32      // serials announced, or about to be

	mu      sync.Mutex // guards what follows
	queue   []record.Name
	waiting map[record.Name]bool // those in queue
	sending map[record.Name]bool
}

func newNotifier(from map[record.Name][]announcer) *notifier {
	return &notifier{from: from, seen: map[record.Name]uint32{}, waiting: map[record.Name]bool{}, sending: map[record.Name]bool{}}
}

// run announces all zones once, and then each change until the context ends: a secondary may have missed what came
// while nobody ran.
func (n *notifier) run(ctx context.Context, node swaps) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(notifyFirst):
	}
	for ctx.Err() == nil {
		changed := node.Changed()
		var again <-chan time.Time
		if waiting := n.look(node.Zones()); waiting {
			again = time.After(notifyAgain)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-again:
		}
	}
}

// look announces all zones with new serials, and says whether one has to wait.
func (n *notifier) look(zones *zone.Set) (waiting bool) {
	for image := range zones.All() {
		z := image.Zone()
		switch {
		case n.seen[z] == image.Serial() || len(n.blocks(z)) == 0:
		case image.Mark().Local:
			waiting = true
		default:
			n.seen[z] = image.Serial()
			n.announce(z)
		}
	}
	return waiting
}

// blocks are the plugins of the server blocks that a transfer of the zone would reach: the deepest ones.
func (n *notifier) blocks(z record.Name) []announcer {
	for {
		if all := n.from[z]; len(all) > 0 {
			return all
		}
		parent, ok := z.Parent()
		if !ok {
			return nil
		}
		z = parent
	}
}

// announce queues a zone, unless it waits already.
func (n *notifier) announce(z record.Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting[z] {
		return
	}
	n.waiting[z] = true
	n.queue = append(n.queue, z)
	if len(n.sending) < notifyAtOnce {
		n.next()
	}
}

// next sends for the first zone in the queue that is not being sent for. Callers hold mu.
func (n *notifier) next() {
	for i, z := range n.queue {
		if !n.sending[z] {
			n.queue = append(n.queue[:i:i], n.queue[i+1:]...)
			delete(n.waiting, z)
			n.sending[z] = true
			go n.send(z)
			return
		}
	}
}

func (n *notifier) send(z record.Name) {
	for _, a := range n.blocks(z) {
		if err := a.Notify(z.String()); err != nil {
			log.Warningf("Secondaries of %s did not take a NOTIFY; they find the change when they look by themselves: %v", z.Bare(), err)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sending, z)
	n.next()
}
