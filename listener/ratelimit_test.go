package listener

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// limits is a limiter, and how many of n answers at a time go to an address: whole, cut, held back.
func limits(r RateLimit) (ask func(to string, rcode, n int, after time.Duration) [3]int) {
	l := newLimiter(r)
	return func(to string, rcode, n int, after time.Duration) (got [3]int) {
		if l.exempt(netip.MustParseAddr(to)) {
			return [3]int{n, 0, 0}
		}
		for range n {
			got[l.judge(netip.MustParseAddr(to), rcode, l.began.Add(after))]++
		}
		return got
	}
}

func TestNetworkGetsItsRateAndSomeOfTheRestCut(t *testing.T) {
	ask := limits(RateLimit{Answers: 10, Errors: 5, Slip: 2, IPv4: 24, IPv6: 56, Exempt: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	for _, c := range []struct {
		claim string
		to    string
		rcode int
		n     int
		after time.Duration
		want  [3]int
	}{
		{"a second's answers come at once", "192.0.2.1", 0, 30, 0, [3]int{10, 10, 10}},
		{"the whole network shares them", "192.0.2.200", 0, 4, 0, [3]int{0, 2, 2}},
		{"as one address, mapped or not", "::ffff:192.0.2.1", 0, 2, 0, [3]int{0, 1, 1}},
		{"another network has its own", "192.0.3.1", 0, 10, 0, [3]int{10, 0, 0}},
		{"errors count by themselves", "192.0.2.1", 3, 9, 0, [3]int{5, 2, 2}},
		{"half a second gives half of them", "192.0.2.1", 0, 9, 500 * time.Millisecond, [3]int{5, 2, 2}},
		{"what was received before and is judged after gives nothing", "192.0.2.1", 0, 4, 499 * time.Millisecond, [3]int{0, 2, 2}},
		{"nor what was received after it, for a second time", "192.0.2.1", 0, 4, 500 * time.Millisecond, [3]int{0, 2, 2}},
		{"an hour gives no more than a second", "192.0.2.1", 0, 14, time.Hour, [3]int{10, 2, 2}},
		{"the exempt get all", "198.51.100.1", 0, 1000, 0, [3]int{1000, 0, 0}},
		{"IPv6 by its own length", "2001:db8::1", 0, 10, 0, [3]int{10, 0, 0}},
		{"the same /56", "2001:db8:0:ff::1", 0, 2, 0, [3]int{0, 1, 1}},
		{"another /56", "2001:db8:0:100::1", 0, 2, 0, [3]int{2, 0, 0}},
	} {
		if got := ask(c.to, c.rcode, c.n, c.after); got != c.want {
			t.Errorf("%s: %s got %v, want %v", c.claim, c.to, got, c.want)
		}
	}
}

// TestQuietNetworkHasItsRateWhateverTheCountOfMilliseconds, which wraps around.
func TestQuietNetworkHasItsRateWhateverTheCountOfMilliseconds(t *testing.T) {
	ask := limits(RateLimit{Answers: 10, IPv4: 24})
	ask("192.0.2.1", 0, 20, 0)
	for _, after := range []time.Duration{20 * 24 * time.Hour, 26 * 24 * time.Hour, 49 * 24 * time.Hour, 52 * 24 * time.Hour, 100 * 24 * time.Hour} {
		if got := ask("192.0.2.1", 0, 20, after); got != [3]int{10, 0, 10} {
			t.Errorf("after %s: %v", after, got)
		}
	}
}

func TestZeroIsNoLimitAndNoSlip(t *testing.T) {
	if got := limits(RateLimit{Errors: 1, IPv4: 24})("192.0.2.1", 0, 100, 0); got != [3]int{100, 0, 0} {
		t.Errorf("no limit: %v", got)
	}
	if got := limits(RateLimit{Answers: 1, IPv4: 24})("192.0.2.1", 0, 100, 0); got != [3]int{1, 0, 99} {
		t.Errorf("no slip: %v", got)
	}
}

// TestFloodFromManyNetworksDoesNotFreeOneThatIsHeldBack sends from more networks than there are places.
func TestFloodFromManyNetworksDoesNotFreeOneThatIsHeldBack(t *testing.T) {
	l := newLimiter(RateLimit{Answers: 1, IPv4: 32})
	victim := netip.MustParseAddr("192.0.2.1")
	whole := 0
	var a [4]byte
	for i := range uint32(1_000_000) {
		binary.BigEndian.PutUint32(a[:], 10<<24|i)
		l.judge(netip.AddrFrom4(a), 0, l.began.Add(time.Duration(i)*time.Microsecond/2))
		if i%100 == 0 && l.judge(victim, 0, l.began.Add(time.Duration(i)*time.Microsecond/2)) == sayAll {
			whole++
		}
	}
	if whole > 5 {
		t.Errorf("%d answers of 10000 went out within half a second at a rate of one", whole)
	}
	if len(l.buckets) != limitSlots {
		t.Errorf("there are %d places now", len(l.buckets))
	}
}

func BenchmarkJudge(b *testing.B) {
	l := newLimiter(RateLimit{Answers: 1000000, IPv4: 24})
	to, now := netip.MustParseAddr("192.0.2.1"), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		l.judge(to, 0, now)
	}
}
