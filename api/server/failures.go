package server

import (
	"net/netip"
	"sync"
	"time"
)

// How many failures an address may have. A right token passes all the same: one cannot be guessed, and a limit that
// kept its holder out would be a tool for whoever shares their address.
const (
	failureBurst = 10              // at once
	failureEvery = 6 * time.Second // and one more in this time
	maxFailing   = 4096            // addresses remembered, some 100 bytes each
	failureLog   = time.Minute     // one line in the log for each address in this time
)

// failures counts those of each client address. All methods may be called from any goroutine.
type failures struct {
	mu sync.Mutex
	by map[netip.Addr]*failing // guarded by mu
}

// failing is a bucket that drains by one in failureEvery.
type failing struct {
	level  float64
	at     time.Time // of level
	logged time.Time
}

func (f *failing) drain(now time.Time) {
	f.level = max(0, f.level-float64(now.Sub(f.at))/float64(failureEvery))
	f.at = now
}

// add notes one failure. wait is how long the address is to wait, 0 while it has not failed too often; tell says
// whether to log this one.
func (f *failures) add(from netip.Addr, now time.Time) (wait time.Duration, tell bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from = wide(from)
	x := f.by[from]
	if x == nil {
		f.makeRoom(now)
		x = &failing{at: now}
		f.by[from] = x
	}
	x.drain(now)
	if tell = x.logged.IsZero() || now.Sub(x.logged) >= failureLog; tell {
		x.logged = now
	}
	if x.level+1 > failureBurst {
		return time.Duration((x.level + 1 - failureBurst) * float64(failureEvery)), tell
	}
	x.level++
	return 0, tell
}

// makeRoom forgets, of a few addresses that chance picks, the one that failed least: looking through all of them at
// each failure would be work that strangers can ask for.
func (f *failures) makeRoom(now time.Time) {
	if f.by == nil {
		f.by = map[netip.Addr]*failing{}
	}
	if len(f.by) < maxFailing {
		return
	}
	var least netip.Addr
	seen := 0
	for a, x := range f.by {
		x.drain(now)
		if seen == 0 || x.level < f.by[least].level {
			least = a
		}
		if seen++; seen == 8 {
			break
		}
	}
	delete(f.by, least)
}

// wide is the unit in which addresses are handed out: of IPv6 a /64.
func wide(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); a.Is6() && err == nil {
		return p.Addr()
	}
	return a
}
