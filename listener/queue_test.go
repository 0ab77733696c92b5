//go:build linux

package listener

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// filled sends queries for a name that exists and for one that does not, in turn, until the kernel has no room for more,
// and gives how many are in the queues.
func filled(t *testing.T, l *Listener, at string) (queued uint64) {
	t.Helper()
	c, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var packets [2][]byte
	for i, name := range []string{"ns1.example.", "none.example."} {
		packets[i] = wire(t, func(m *dns.Msg) { m.Question[0].Name = name })
	}
	for sent := uint64(0); sent < 1_000_000; {
		for i := range batchSize {
			if _, err := c.Write(packets[i%2]); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		if l.Packets()[testAddress].Lost > 0 {
			return sent - settled(l)
		}
	}
	t.Fatal("the queues take a million packets")
	return 0
}

// settled is how many packets the kernel has dropped, once those on their way have come: it may take them in later.
func settled(l *Listener) (lost uint64) {
	for last := lost - 1; lost != last; time.Sleep(100 * time.Millisecond) {
		last, lost = lost, l.Packets()[testAddress].Lost
	}
	return lost
}

func TestUnderPressureWhatExistsIsAnsweredFirst(t *testing.T) {
	for _, c := range []struct {
		claim string
		limit *RateLimit
		sheds bool
	}{
		{"with a limit", &RateLimit{Answers: 1 << 20, Errors: 1 << 20, IPv4: 24, IPv6: 56}, true},
		{"without", nil, false},
	} {
		t.Run(c.claim, func(t *testing.T) {
			l, at := prepared(t, Config{RateLimit: c.limit}, "127.0.0.1:0")
			queued := filled(t, l, at)
			l.Serve(testAddress, Server{Handler: slow})
			var exist, missing, shed uint64
			for end := time.Now().Add(patience); exist+missing+shed < queued && time.Now().Before(end); time.Sleep(time.Millisecond) {
				shed = l.Packets()[testAddress].Shed
				if sum := l.Tallies()[testAddress][record.MustParseName("example")]; sum != nil {
					exist, missing = sum.Rcodes[dns.RcodeSuccess], sum.Rcodes[dns.RcodeNameError]
				}
			}
			if exist+missing+shed != queued || exist+batchSize < queued/2 || (shed > 0) != c.sheds {
				t.Errorf("of %d packets %d found their name, %d did not, %d of which were told nothing", queued, exist, missing+shed, shed)
			}
			if c.sheds && missing == 0 {
				t.Error("nothing was said of missing names even when there was time")
			}
		})
	}
}

func TestPacketsThatTheKernelDroppedAreKnownWhenTheSocketIsClosed(t *testing.T) {
	l, at := prepared(t, Config{}, "127.0.0.1:0")
	filled(t, l, at)
	before := l.Packets()[testAddress].Lost
	l.Stop(t.Context())
	if after := l.Packets()[testAddress].Lost; before == 0 || after != before {
		t.Errorf("%d of %d are left", after, before)
	}
}
