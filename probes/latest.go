package probes

import "sync"

// keep is how many of an endpoint's results stay readable: two minutes and more at an interval of 10 s.
const keep = 20

// latest holds the last results of each endpoint.
type latest struct {
	mu    sync.Mutex // guards rings
	rings map[string]*ring
}

// ring is a circle of results; next is the oldest once it is full.
type ring struct {
	results []Result
	next    int
}

func (l *latest) add(r Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.rings[r.Endpoint]
	if c == nil {
		c = &ring{}
		l.rings[r.Endpoint] = c
	}
	if len(c.results) < keep {
		c.results = append(c.results, r)
		return
	}
	c.results[c.next] = r
	c.next = (c.next + 1) % keep
}

func (l *latest) drop(endpoint string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.rings, endpoint)
}

// of copies an endpoint's results, oldest first.
func (l *latest) of(endpoint string) []Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.rings[endpoint]
	if c == nil {
		return nil
	}
	out := make([]Result, 0, len(c.results))
	return append(append(out, c.results[c.next:]...), c.results[:c.next]...)
}
