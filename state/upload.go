package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

const (
	// MaxChange bounds one change, in bytes of its encoded content: a zone of a million and a half record sets.
	MaxChange = 128 << 20
	// chunkSize is how much of a change one stage command carries, in bytes: in base64, with what stands around it, it
	// stays below MaxCommand.
	chunkSize = 184 << 10
	// maxUploads and maxStaged bound what all nodes hold of changes that are not whole yet. Room is taken for all of an
	// upload with its first chunk, so that those admitted never wait for one another.
	maxUploads = 64
	maxStaged  = 2 * MaxChange
	// abandonedAfter is how long an upload is kept without a new chunk.
	abandonedAfter = 10 * time.Minute
	// stampRoom is more than the clocks need that a leader puts into a header.
	stampRoom = 256
)

// Upload is a change too large for one command, on its way: its chunks so far. It is named by the SHA-256 of its
// content, so whoever sends the same content again goes on where the first one stopped.
type Upload struct {
	ID     string        `json:"id"`
	Length int           `json:"length"` // in bytes, of the whole
	Node   string        `json:"node"`   // where it entered
	At     Clock         `json:"at"`     // of the latest new chunk
	Chunks Table[*Chunk] `json:"-"`      // by number
}

// Chunk is a piece of an upload.
type Chunk struct {
	Upload string `json:"upload"`
	Number int    `json:"number"`
	Bytes  []byte `json:"bytes"`
}

// Stage brings one chunk of a change. A chunk that is there already changes nothing.
type Stage struct {
	Chunk
	Length int `json:"length"` // of the whole change
}

// Complete makes a staged change happen, as if it had come in this command whole: with this header, refused or not.
type Complete struct {
	Upload string `json:"upload"` // SHA-256 of the content, in hex
	Length int    `json:"length"`
	Type   kind   `json:"type"`                       // of the staged command
	Packed bool   `json:"packed,omitempty" level:"2"` // the content is a Declare in packed form, not JSON
	broken *Refusal
}

func (*Stage) kind() kind    { return kindStage }
func (*Complete) kind() kind { return kindComplete }

// Split gives the commands that bring a change into the log: itself alone if it fits into one entry, else the stages
// of its content and the command that completes it, to be proposed in this order. level is the feature level in force: it
// decides on the content's form. A change larger than MaxChange is ErrTooLarge.
func (c Command) Split(level int) (stages []*Stage, last Command, err error) {
	offer, packed := c.Body.(*Declare)
	packed = packed && level >= 2 && offer.large()
	var body []byte
	if packed {
		body = offer.pack()
	} else {
		body, err = json.Marshal(c.Body)
	}
	switch {
	case err != nil:
		return nil, c, fmt.Errorf("encode a command: %w", err)
	case !packed && c.fits(body):
		return nil, c, nil
	case len(body) > MaxChange:
		return nil, c, fmt.Errorf("%w: %s %d bytes when encoded, and at most %d travel together; split it", ErrTooLarge, what(c.Body), len(body), MaxChange)
	}
	sum := sha256.Sum256(body)
	complete := &Complete{Upload: hex.EncodeToString(sum[:]), Length: len(body), Type: c.Body.kind(), Packed: packed}
	for at := 0; at < len(body); at += chunkSize {
		chunk := Chunk{complete.Upload, at / chunkSize, body[at:min(at+chunkSize, len(body))]}
		stages = append(stages, &Stage{chunk, len(body)})
	}
	return stages, Command{c.Header, complete}, nil
}

// fits says whether a command whose body is encoded goes into one entry of the log.
func (c Command) fits(body []byte) bool {
	if len(body) > MaxCommand {
		return false
	}
	whole, err := c.encode(body)
	return err == nil && len(whole)+stampRoom <= MaxCommand
}

// chunks is how many chunks a change of that length has.
func chunks(length int) int { return (length + chunkSize - 1) / chunkSize }

// Staged says whether the state holds a chunk already.
func (s *State) Staged(c *Stage) bool {
	u, ok := s.Uploads.Get(c.Upload)
	return ok && u.Chunks.Has(chunkKey(c.Number))
}

func chunkKey(n int) string { return numberKey(uint64(n)) }

func (c *Stage) apply(t *txn) *Refusal {
	size := min(chunkSize, c.Length-c.Number*chunkSize)
	if c.Length <= 0 || c.Length > MaxChange || c.Number < 0 || c.Number >= chunks(c.Length) || len(c.Bytes) != size || len(c.Upload) != hex.EncodedLen(sha256.Size) {
		return refuse(RefusedInvalid, "chunk %d of upload %.64q is none of a change of %d bytes", c.Number, c.Upload, c.Length)
	}
	u, ok := t.s.Uploads.Get(c.Upload)
	switch {
	case !ok:
		if r := t.s.roomFor(c.Length); r != nil {
			return r
		}
		u = &Upload{ID: c.Upload, Length: c.Length, Node: t.h.Node}
	case u.Length != c.Length:
		return refuse(RefusedConflict, "upload %s has %d bytes, not %d", c.Upload, u.Length, c.Length)
	case u.Chunks.Has(chunkKey(c.Number)):
		return nil
	}
	next := *u
	next.At, next.Chunks = t.s.Clock, u.Chunks.With(chunkKey(c.Number), &c.Chunk)
	t.s.Uploads = t.s.Uploads.With(c.Upload, &next)
	return nil
}

// roomFor refuses an upload for which there is no room beside those under way.
func (s *State) roomFor(length int) *Refusal {
	for _, u := range s.Uploads.All() {
		length += u.Length
	}
	if length > maxStaged || s.Uploads.Len() >= maxUploads {
		return refuse(RefusedBusy, "%d large changes are under way, and there is no room for another; try again in a moment", s.Uploads.Len())
	}
	return nil
}

// assembled gives the command that was staged, and the state without its chunks: to that it is applied. Where the
// upload is not whole the command stays, and is refused.
func (s *State) assembled(c Command, last *Complete) (*State, Command) {
	without := *s
	without.Uploads = s.Uploads.Without(last.Upload)
	body, refusal := s.content(last)
	if refusal != nil {
		return &without, Command{c.Header, &Complete{last.Upload, last.Length, last.Type, last.Packed, refusal}}
	}
	return &without, Command{c.Header, body}
}

// content puts an upload's chunks together and reads the command that they are.
func (s *State) content(last *Complete) (Body, *Refusal) {
	u, ok := s.Uploads.Get(last.Upload)
	if !ok || u.Length != last.Length || u.Chunks.Len() != chunks(u.Length) {
		return nil, refuse(RefusedIncomplete, "the change was not wholly there, and is dropped; send it again")
	}
	whole := make([]byte, 0, u.Length)
	for _, c := range u.Chunks.All() {
		whole = append(whole, c.Bytes...)
	}
	if sum := sha256.Sum256(whole); hex.EncodeToString(sum[:]) != last.Upload {
		return nil, refuse(RefusedIncomplete, "the change arrived damaged, and is dropped; send it again")
	}
	build, ok := bodies[last.Type]
	if !ok || last.Type == kindStage || last.Type == kindComplete {
		return nil, refuse(RefusedInvalid, "a command of type %d cannot come in chunks", last.Type)
	}
	body := build()
	if err := last.read(whole, body); err != nil {
		return nil, refuse(RefusedInvalid, "the change cannot be read: %s", err)
	}
	return body, nil
}

func (c *Complete) read(whole []byte, body Body) error {
	if !c.Packed {
		return json.Unmarshal(whole, body)
	}
	offer, ok := body.(*Declare)
	if !ok {
		return errPacked
	}
	return offer.unpack(whole)
}

func (c *Complete) apply(*txn) *Refusal { return c.broken }

// dueUploads drops what nobody goes on with.
func (t *txn) dueUploads() {
	for key, u := range t.was.Uploads.All() {
		if u.At+abandonedAfter <= t.s.Clock {
			t.s.Uploads = t.s.Uploads.Without(key)
			t.event(Event{Type: "upload-dropped", Node: u.Node, Text: fmt.Sprintf("a change of %d bytes that entered at %s was never completed, and is dropped", u.Length, u.Node)})
		}
	}
}

// nextAbandoned is when the first upload counts as abandoned.
func (s *State) nextAbandoned() Clock {
	at := never
	for _, u := range s.Uploads.All() {
		at = min(at, u.At+abandonedAfter)
	}
	return at
}
