package state

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"

	"failoverdns/record"
)

// An offer of large zones is nearly all record sets. In packed form they stand behind the rest of it, which is JSON, as
// record.AppendSets writes them: declaration by declaration.

// errPacked is what stands where a packed offer should be.
var errPacked = errors.New("a packed offer is cut short or damaged")

// largeOffer is from how many record sets on an offer travels in packed form: it does not fit into one entry of the log
// as JSON, with the shortest names there are, or hardly.
const largeOffer = 2000

func (c *Declare) large() bool {
	n := 0
	for _, d := range c.Declarations {
		n += len(d.Sets)
	}
	return n >= largeOffer
}

// pack is an offer in packed form: the length of its JSON, that, and the record sets.
func (c *Declare) pack() []byte {
	bare := *c
	bare.Declarations = make([]*Declaration, len(c.Declarations))
	for i, d := range c.Declarations {
		without := *d
		without.Sets = nil
		bare.Declarations[i] = &without
	}
	text := mustJSON(&bare)
	b := append(binary.AppendUvarint(nil, uint64(len(text))), text...)
	for _, d := range c.Declarations {
		b = record.AppendSets(b, pointers(d.Sets))
	}
	return b
}

// unpack reads what pack wrote. The offer shares its memory with b, which must never change from then on.
func (c *Declare) unpack(b []byte) error {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return errPacked
	}
	text, rest := b[n:n+int(length)], b[n+int(length):]
	if err := json.Unmarshal(text, c); err != nil {
		return err
	}
	for _, d := range c.Declarations {
		var err error
		if d == nil {
			return errPacked
		}
		if d.Sets, rest, err = record.ReadSets(rest); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return errPacked
	}
	return nil
}

func pointers(sets []record.Set) []*record.Set {
	out := make([]*record.Set, len(sets))
	for i := range sets {
		out[i] = &sets[i]
	}
	return out
}

// Packed is a declaration kept small: a node keeps what it offers for as long as it runs.
type Packed struct {
	Zone   record.Name
	Digest string
	offer  []byte
}

// Pack makes a declaration small. Its record sets may go then.
func (d *Declaration) Pack() *Packed {
	return &Packed{d.Zone, d.Digest(), bytes.Clone((&Declare{Declarations: []*Declaration{d}}).pack())}
}

// Declaration is what was packed.
func (p *Packed) Declaration() (*Declaration, error) {
	var c Declare
	if err := c.unpack(p.offer); err != nil {
		return nil, err
	}
	return c.Declarations[0], nil
}
