package node

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/record"
	"failoverdns/state"
)

// cloud is a resolver that every node of a world uses; it counts who asks.
type cloud struct {
	mu        sync.Mutex
	addresses []netip.Addr
	asked     map[string]int // by node
}

type cloudSeen struct {
	*cloud
	node string
}

func (c cloudSeen) LookupNetIP(_ context.Context, network, _ string) (out []netip.Addr, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[c.node]++
	if c.addresses == nil {
		return nil, errors.New("server misbehaving")
	}
	for _, a := range c.addresses {
		if a.Is4() == (network == "ip4") {
			out = append(out, a)
		}
	}
	return out, nil
}

func (c *cloud) set(addresses ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addresses = nil
	for _, a := range addresses {
		c.addresses = append(c.addresses, netip.MustParseAddr(a))
	}
}

func (c *cloud) askers() (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.asked {
		ids = append(ids, id)
	}
	clear(c.asked)
	return ids
}

// TestFlattenedTargetIsAnsweredAlikeByAllNodes, at the apex too, whoever leads; a resolver that fails changes nothing,
// and when the target's endpoint is down the next site is answered.
func TestFlattenedTargetIsAnsweredAlikeByAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		defer w.stopAll()
		c := &cloud{asked: map[string]int{}}
		c.set("203.0.113.9", "2001:db8::9")
		w.resolver = c
		w.declares = flattenedDeclaration
		for _, id := range three {
			w.start(id)
		}
		has := func(want string) func() bool {
			return func() bool { return w.all(func(n *Node) bool { return apexAnswer(n) == want }) }
		}
		w.eventually(2*time.Minute, "all nodes answer with the target's addresses", has("203.0.113.9 2001:db8::9"))
		w.eventually(2*time.Minute, "every verdict is up", w.verdictsUp)
		leader := w.leader(three...)
		c.set("203.0.113.7")
		w.eventually(70*time.Second, "all nodes answer with the changed address", has("203.0.113.7"))
		if ids := c.askers(); !slices.Equal(ids, []string{leader}) {
			t.Errorf("%v looked it up; %s leads", ids, leader)
		}
		c.set()
		w.stop(leader)
		w.holds(5*time.Minute, "the others go on with the last result", has("203.0.113.7"))
		if len(c.askers()) != 1 {
			t.Error("the new leader does not look it up")
		}
		c.set("203.0.113.5")
		w.eventually(70*time.Second, "the new leader's result is answered", has("203.0.113.5"))
		w.breakSite("*", "azure")
		w.eventually(time.Minute, "the next site is answered", has(aws))
		w.start(leader)
		w.eventually(time.Minute, "the restarted node answers so too", has(aws))
		w.sameState()
	})
}

// flattenedDeclaration is the smallest declaration with a target at its apex.
func flattenedDeclaration() *state.Declaration {
	d := declaration()
	for i := range d.Sites {
		if d.Sites[i].Name == "azure" {
			d.Sites[i].Addresses, d.Sites[i].Target, d.Sites[i].Flatten = nil, record.MustParseName("lb.cloud.example"), true
		}
	}
	return d
}

func apexAnswer(n *Node) string {
	var words []string
	for _, typ := range []record.Type{record.A, record.AAAA} {
		for _, rr := range n.Lookup(record.MustParseName("auth.example.com"), typ).Answer {
			words = append(words, rr[strings.LastIndexAny(rr, " \t")+1:])
		}
	}
	return strings.Join(words, " ")
}
