package probes

import (
	"hash/fnv"
	"math/bits"
	"time"
)

// clock gives the times at which an endpoint's probes start: one interval apart, at a phase. The wall clock chooses
// the first one only, so that nodes interleave as their phases say; from there the monotonic clock counts.
type clock struct {
	first    time.Time
	interval time.Duration
}

func newClock(now time.Time, interval, phase time.Duration) clock {
	into := time.Duration(now.UnixNano() % int64(interval))
	return clock{first: now.Add((phase - into + interval) % interval), interval: interval}
}

// next is the first start that is after one time and not before another.
func (c clock) next(after, notBefore time.Time) time.Time {
	start := c.first
	if d := notBefore.Sub(c.first); d > 0 {
		start = c.first.Add((d + c.interval - 1) / c.interval * c.interval)
	}
	if d := after.Sub(start); d >= 0 {
		start = start.Add((d/c.interval + 1) * c.interval)
	}
	return start
}

// phases is how many there are in an interval. Endpoints that share one share the process's wake-ups, which with 10,000
// checks on one core cost as much as the probes.
const phases = 1000

// phaseOf spreads endpoints over their interval, and the nodes that probe one endpoint.
func phaseOf(node, endpoint string, interval time.Duration) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(node))
	h.Write([]byte{0})
	h.Write([]byte(endpoint))
	nth, _ := bits.Mul64(mix(h.Sum64()), phases)
	return time.Duration(nth) * interval / phases
}

// mix is SplitMix64's finalizer: FNV alone leaves names that differ in their last letter close together.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
