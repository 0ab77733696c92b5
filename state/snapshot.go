package state

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"failoverdns/record"
)

// A snapshot is text: one JSON value on each line. The first says what it is, the last counts the rows and carries
// the SHA-256 of all lines before it.
const (
	snapshotMagic   = "failoverdns-state"
	snapshotVersion = 1
	maxRow          = 2 * MaxChange // an offer that drifts is one row, its declaration a whole change
)

type snapshotHead struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Index   uint64    `json:"index"`
	Hash    uint64    `json:"hash"`
	Clock   Clock     `json:"clock"`
	Wall    time.Time `json:"wall,omitzero"`
}

type snapshotRow struct {
	Table string          `json:"table"`
	Row   json.RawMessage `json:"row"`
}

type snapshotTail struct {
	Rows   *int   `json:"rows"`
	SHA256 string `json:"sha256"`
}

// setRow is a zone's record set.
type setRow struct {
	Zone record.Name `json:"zone"`
	record.Set
}

type encoder struct {
	w    *bufio.Writer
	sum  hash.Hash
	rows int
}

func (e *encoder) line(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	e.sum.Write(b)
	_, err = e.w.Write(b)
	return err
}

func encodeTable[V any](e *encoder, name string, t Table[V]) error {
	for _, v := range t.All() {
		row, err := json.Marshal(v)
		if err != nil {
			return err
		}
		e.rows++
		if err := e.line(snapshotRow{Table: name, Row: row}); err != nil {
			return err
		}
	}
	return nil
}

// Encode writes the state as a snapshot.
func (s *State) Encode(w io.Writer) error {
	e := &encoder{w: bufio.NewWriter(w), sum: sha256.New()}
	err := errors.Join(
		e.line(snapshotHead{snapshotMagic, snapshotVersion, s.Index, s.Hash, s.Clock, s.Wall}),
		encodeTable(e, "nodes", s.Nodes),
		encodeTable(e, "sessions", s.Sessions),
		encodeTable(e, "zones", s.Zones),
		e.sets(s),
		encodeTable(e, "sites", s.Sites),
		encodeTable(e, "endpoints", s.Endpoints),
		encodeTable(e, "groups", s.Groups),
		encodeTable(e, "overrides", s.Overrides),
		encodeTable(e, "offers", s.Offers),
		encodeTable(e, "targets", s.Targets),
		encodeTable(e, "uploads", s.Uploads),
		e.chunks(s),
		encodeTable(e, "events", s.Events),
		encodeTable(e, "incidents", s.Incidents),
		encodeTable(e, "requests", s.Requests),
	)
	if err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	sum := hex.EncodeToString(e.sum.Sum(nil))
	if err := errors.Join(e.line(snapshotTail{&e.rows, sum}), e.w.Flush()); err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	return nil
}

func (e *encoder) sets(s *State) error {
	for _, z := range s.Zones.All() {
		for _, set := range z.Sets.All() {
			row, err := json.Marshal(setRow{z.Name, *set})
			if err != nil {
				return err
			}
			e.rows++
			if err := e.line(snapshotRow{Table: "sets", Row: row}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *encoder) chunks(s *State) error {
	for _, u := range s.Uploads.All() {
		if err := encodeTable(e, "chunks", u.Chunks); err != nil {
			return err
		}
	}
	return nil
}

// Decode reads a snapshot, whole: a truncated, damaged or foreign one gives an error and no state.
func Decode(r io.Reader) (*State, error) {
	s, err := decode(r)
	if err != nil {
		return nil, fmt.Errorf("read a snapshot: %w", err)
	}
	return s, nil
}

func decode(r io.Reader) (*State, error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	line, err := readLine(lines)
	if err != nil {
		return nil, err
	}
	s, err := decodeHead(line)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	sum.Write(line)
	for rows := 0; ; rows++ {
		if line, err = readLine(lines); err != nil {
			return nil, err
		}
		if bytes.HasPrefix(line, []byte(`{"rows":`)) {
			return s, decodeTail(line, lines, rows, hex.EncodeToString(sum.Sum(nil)))
		}
		sum.Write(line)
		if err := s.decodeRow(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", rows+2, err)
		}
	}
}

// readLine gives the next line with its line feed: a last line without one is cut short.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("it is cut short: its end is missing")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxRow:
			return nil, fmt.Errorf("a line is longer than %d bytes: it is damaged", maxRow)
		}
	}
}

func decodeHead(line []byte) (*State, error) {
	var head snapshotHead
	if err := json.Unmarshal(line, &head); err != nil || head.Format != snapshotMagic {
		return nil, errors.New("it is no snapshot of this program")
	}
	if head.Version < 1 || head.Version > snapshotVersion {
		return nil, fmt.Errorf("it is of version %d; this program reads 1 to %d", head.Version, snapshotVersion)
	}
	return &State{Index: head.Index, Hash: head.Hash, Clock: head.Clock, Wall: head.Wall}, nil
}

func decodeTail(line []byte, rest io.Reader, rows int, sum string) error {
	var tail snapshotTail
	if err := json.Unmarshal(line, &tail); err != nil {
		return err
	}
	switch {
	case tail.Rows == nil || *tail.Rows != rows:
		return fmt.Errorf("it has %d rows, not as many as its end says", rows)
	case tail.SHA256 != sum:
		return errors.New("its checksum is wrong: it is damaged")
	}
	switch n, err := io.ReadFull(rest, make([]byte, 1)); {
	case n > 0:
		return errors.New("something follows its end")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

func (s *State) decodeRow(line []byte) error {
	var row snapshotRow
	if err := json.Unmarshal(line, &row); err != nil {
		return err
	}
	switch row.Table {
	case "nodes":
		return decodeInto(row.Row, &s.Nodes, func(n *Node) string { return n.ID })
	case "sessions":
		return decodeInto(row.Row, &s.Sessions, func(x *Session) string { return SessionKey(x.Node, x.Interval) })
	case "zones":
		return decodeInto(row.Row, &s.Zones, func(z *Zone) string { return ZoneKey(z.Name) })
	case "sets":
		return s.decodeSet(row.Row)
	case "sites":
		return decodeBy(row.Row, s.putSite)
	case "endpoints":
		return decodeBy(row.Row, s.putEndpoint)
	case "groups":
		return decodeBy(row.Row, s.putGroup)
	case "overrides":
		return decodeBy(row.Row, s.putOverride)
	case "offers":
		return decodeInto(row.Row, &s.Offers, func(o *Offer) string { return offerKey(o.Node, o.Zone) })
	case "targets":
		return decodeInto(row.Row, &s.Targets, func(x *Target) string { return TargetKey(x.Name) })
	case "uploads":
		return decodeInto(row.Row, &s.Uploads, func(u *Upload) string { return u.ID })
	case "chunks":
		return s.decodeChunk(row.Row)
	case "events":
		return decodeInto(row.Row, &s.Events, func(e *Event) string { return numberKey(e.ID) })
	case "incidents":
		return decodeInto(row.Row, &s.Incidents, func(i *Incident) string { return numberKey(i.ID) })
	case "requests":
		return s.decodeRequest(row.Row)
	}
	return fmt.Errorf("table %q is unknown", row.Table)
}

// decodeBy is decodeInto for a table that has an index beside it.
func decodeBy[V any](row json.RawMessage, put func(*V)) error {
	v := new(V)
	if err := json.Unmarshal(row, v); err != nil {
		return err
	}
	put(v)
	return nil
}

func decodeInto[V any](row json.RawMessage, t *Table[*V], key func(*V) string) error {
	v := new(V)
	if err := json.Unmarshal(row, v); err != nil {
		return err
	}
	*t = t.With(key(v), v)
	return nil
}

func (s *State) decodeSet(row json.RawMessage) error {
	var v setRow
	if err := json.Unmarshal(row, &v); err != nil {
		return err
	}
	z, ok := s.Zones.Get(ZoneKey(v.Zone))
	if !ok {
		return fmt.Errorf("a record set of zone %s, which is not there", v.Zone)
	}
	z.Sets = z.Sets.With(SetKey(v.Name, v.Type), &v.Set) // z was just made by this decoding
	return nil
}

func (s *State) decodeChunk(row json.RawMessage) error {
	c := new(Chunk)
	if err := json.Unmarshal(row, c); err != nil {
		return err
	}
	u, ok := s.Uploads.Get(c.Upload)
	if !ok || c.Number < 0 {
		return fmt.Errorf("chunk %d of upload %q, which is not there", c.Number, c.Upload)
	}
	u.Chunks = u.Chunks.With(chunkKey(c.Number), c) // u was just made by this decoding
	return nil
}

func (s *State) decodeRequest(row json.RawMessage) error {
	return decodeInto(row, &s.Requests, func(r *Request) string {
		s.requestOrder = s.requestOrder.With(numberKey(r.Index), r.ID)
		return r.ID
	})
}
