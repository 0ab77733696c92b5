package listener

import (
	"os"

	"failoverdns/record"
	"failoverdns/zone"
)

// Config is what to answer and where. It does not change once it is given.
type Config struct {
	Addresses []Address
	Zones     func() *zone.Set // nil while there is none; it is called for every batch
	RateLimit *RateLimit       // nil: none
	Secrets   []Secret         // of cookies; empty: a client's cookie gets no answer
}

// Address is one address of CoreDNS's servers, as CoreDNS names and listens on it.
type Address struct {
	Name   string // dns://192.0.2.1:53, or dns://:53 for all of the machine's addresses
	Host   string // what comes behind the scheme
	Blocks []Block
	Passed []*os.File // sockets that somebody else holds too and that are read instead of own ones; they stay open
}

// Block is a server block of that address. Questions for zones without one are CoreDNS's.
type Block struct {
	Zone    record.Name
	Fast    bool   // its questions may be answered here
	Payload uint16 // the most that an answer over UDP may have, in octets
	Timed   bool   // how long answers take is counted
}

// route finds an address's block by a question's name.
type route struct {
	blocks map[record.Name]*block
	labels []int // how many labels the blocks' zones have, the most first
}

// block is a Block with its place among the tallies.
type block struct {
	Block
	index int
}

func newRoute(blocks []Block) *route {
	r := &route{blocks: map[record.Name]*block{}}
	var seen [128]bool
	for i, b := range blocks {
		r.blocks[b.Zone] = &block{Block: b, index: i}
		seen[b.Zone.Labels()] = true
	}
	for n := len(seen) - 1; n >= 0; n-- {
		if seen[n] {
			r.labels = append(r.labels, n)
		}
	}
	return r
}

// find is the block of the longest zone that a name is in, or nil.
func (r *route) find(name record.Name) *block {
	left := name.Labels()
	for _, n := range r.labels {
		for ; left > n; left-- {
			name = name[1+int(name[0]):]
		}
		if left < n {
			continue
		}
		if b := r.blocks[name]; b != nil {
			return b
		}
	}
	return nil
}
