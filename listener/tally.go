package listener

import "math/bits"

// Types are the question types that are counted by themselves, as CoreDNS's metrics count them; all others are one
// more, the last.
var Types = []uint16{
	1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 46, 47, 48, 50, 64, 65, 251, 252, 255,
}

// kinds is the places of Types by type, for those below 256.
var kinds = func() (out [256]uint8) {
	for i := range out {
		out[i] = uint8(len(Types))
	}
	for i, t := range Types {
		out[t] = uint8(i)
	}
	return out
}()

func kindOf(t uint16) uint8 {
	if t < 256 {
		return kinds[t]
	}
	return uint8(len(Types))
}

// Sizes is how many message lengths are counted, the last for all above.
const Sizes = bufferSize + 1

// Tally is what was answered for one server block since the address is served.
type Tally struct {
	Requests [2][20]uint64 // by family, IPv4 first, and place in Types
	DO       uint64
	Rcodes   [16]uint64
	In, Out  [Sizes]uint64 // messages by length in octets
	Took     Durations

	batch int // answers in the batch at hand
}

// count counts one answer.
func (t *Tally) count(q *query, m made, in int, ipv6 bool) {
	family := 0
	if ipv6 {
		family = 1
	}
	t.Requests[family][kindOf(q.qtype)]++
	if q.signatures() {
		t.DO++
	}
	t.Rcodes[m.rcode&15]++
	t.In[min(in, Sizes-1)]++
	t.Out[min(m.bare, Sizes-1)]++
}

// add adds another tally's counts.
func (t *Tally) add(o *Tally) {
	for f := range t.Requests {
		for k := range t.Requests[f] {
			t.Requests[f][k] += o.Requests[f][k]
		}
	}
	t.DO += o.DO
	for i := range t.Rcodes {
		t.Rcodes[i] += o.Rcodes[i]
	}
	for i := range t.In {
		t.In[i] += o.In[i]
		t.Out[i] += o.Out[i]
	}
	for i := range t.Took.Counts {
		t.Took.Counts[i] += o.Took.Counts[i]
	}
}

// Durations counts durations in steps of a sixteenth of a power of two.
type Durations struct {
	Counts [61 * 16]uint64
}

// count counts n durations of so many nanoseconds.
func (d *Durations) count(ns uint64, n int) {
	d.Counts[step(ns)] += uint64(n)
}

// step is the place of a duration: below 16 ns its own, above it four bits behind the highest.
func step(ns uint64) int {
	if ns < 16 {
		return int(ns)
	}
	high := bits.Len64(ns) - 5
	return min(high*16+int(ns>>high), len(Durations{}.Counts)-1)
}

// Amount is how often a value was counted.
type Amount struct {
	Value float64
	Count uint64
}

// Amounts are the durations counted, in seconds: the middle of each step. Their sum is off by less than one part in
// thirty.
func (d *Durations) Amounts() (all []Amount) {
	for place, count := range d.Counts {
		if count > 0 {
			all = append(all, Amount{(from(place) + from(place+1)) / 2 / 1e9, count})
		}
	}
	return all
}

// from is the least duration of a place, in nanoseconds.
func from(place int) float64 {
	if place < 32 {
		return float64(place)
	}
	high := place/16 - 1
	return float64(uint64(place-high*16) << high)
}

// Packets is what became of an address's packets that were not answered here.
type Packets struct {
	Passed    uint64 // CoreDNS's
	Malformed uint64 // too short, or answers: nobody answers these
	Overflow  uint64 // there was no room with CoreDNS
	Limited   uint64 // answers held back by the rate limit, or sent cut
	Shed      uint64 // errors that were not sent, since more came than could be answered
	Lost      uint64 // dropped by the kernel, since the sockets' queues were full
}
