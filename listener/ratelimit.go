package listener

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// RateLimit says how many answers go to one network: who sends queries in others' names is to gain nothing by this
// server. The form is that of the response rate limiting of BIND, NSD and Knot, with one bucket for each network and
// kind of answer, rather than for each name too: random names cannot get around it.
type RateLimit struct {
	Answers    int // for each second and network
	Errors     int // those that say nothing is there, or that refuse
	Slip       int // one in so many of the answers held back is sent cut, so that a real client comes by TCP; 0: none
	IPv4, IPv6 int // prefix lengths of a network
	Exempt     []netip.Prefix
}

// The places where networks are counted. Memory is fixed: 16 octets each. A flood from more networks than there are
// places lets some of them share a bucket, which then holds back too much, never too little for long.
const (
	limitSlots = 1 << 16
	limitProbe = 4 // places that a network may be at
)

// bucket is what a network may still have, in thousandths of an answer.
type bucket struct {
	key    uint64 // 0: free
	tokens int32
	at     uint32 // when tokens was right, in milliseconds since the limiter began
}

// disorder is by how much the time of an answer may be behind that of one that was judged before it: sockets read the clock
// once for all that they have just received, and each for itself. In milliseconds.
const disorder = 10_000

// since is how long ago a bucket was right. The milliseconds wrap around after 49 days.
func (b *bucket) since(ms uint32) uint32 {
	if b.at-ms < disorder {
		return 0
	}
	return ms - b.at
}

// limiter holds answers back. All of an address's sockets and CoreDNS's answers share one.
type limiter struct {
	RateLimit
	seed  uint64
	began time.Time

	mu      sync.Mutex // guards buckets and held
	buckets []bucket
	held    uint64
}

func newLimiter(r RateLimit) *limiter {
	return &limiter{RateLimit: r, seed: rand.Uint64() | 1, began: time.Now(), buckets: make([]bucket, limitSlots)}
}

// say is what becomes of an answer.
type say uint8

const (
	sayAll say = iota
	sayCut     // header and question with TC set
	sayNothing
)

// exempt says whether an address has no limit.
func (l *limiter) exempt(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range l.Exempt {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// judge takes one answer from a network's bucket.
func (l *limiter) judge(to netip.Addr, rcode int, now time.Time) say {
	to = to.Unmap()
	rate := l.Answers
	key := l.network(to) << 1
	if rcode != 0 {
		rate, key = l.Errors, key|1
	}
	if rate == 0 {
		return sayAll
	}
	ms := uint32(now.Sub(l.began).Milliseconds())
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.find(key|1<<63, rate, ms)
	gone := b.since(ms)
	b.tokens = int32(min(int64(rate)*1000, int64(b.tokens)+int64(gone)*int64(rate)))
	b.at += gone
	if b.tokens >= 1000 {
		b.tokens -= 1000
		return sayAll
	}
	l.held++
	if l.Slip > 0 && l.held%uint64(l.Slip) == 0 {
		return sayCut
	}
	return sayNothing
}

// network is a number for an address's network. Nobody outside can choose networks that have the same place.
func (l *limiter) network(a netip.Addr) uint64 {
	bits := l.IPv4
	if a.Is6() {
		bits = l.IPv6
	}
	p, _ := a.Prefix(bits) // it fails only where bits are more than an address has
	b := p.Addr().As16()
	h := l.seed
	for _, c := range b {
		h = (h ^ uint64(c)) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	return h >> 2
}

// find is a key's bucket: its own, a free one, or that of the network that has been quiet for the longest time.
func (l *limiter) find(key uint64, rate int, ms uint32) *bucket {
	oldest := -1
	for i := range limitProbe {
		at := int(key+uint64(i)) & (limitSlots - 1)
		b := &l.buckets[at]
		if b.key == key {
			return b
		}
		if oldest < 0 || b.key == 0 && l.buckets[oldest].key != 0 || b.key != 0 && l.buckets[oldest].key != 0 && b.since(ms) > l.buckets[oldest].since(ms) {
			oldest = at
		}
	}
	b := &l.buckets[oldest]
	if b.key == 0 || b.since(ms) >= 1000 {
		*b = bucket{key: key, tokens: int32(min(rate, 1<<20)) * 1000, at: ms}
	} else {
		b.key = key // a place taken from one that is active: it goes on with what that had left
	}
	return b
}
