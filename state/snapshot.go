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
	Level   int       `json:"level,omitempty"`
	Cluster string    `json:"cluster,omitempty"`
}

type snapshotRow struct {
	Table string          `json:"table"`
	Row   json.RawMessage `json:"row"`
}

type snapshotTail struct {
	Rows   *int   `json:"rows"`
	SHA256 string `json:"sha256"`
}

// setRow is a zone's record set, as level 1 has it.
type setRow struct {
	Zone record.Name `json:"zone"`
	record.Set
}

// packedRow is some of a zone's record sets, as level 2 has them: in the form of record.AppendSets, in order.
type packedRow struct {
	Zone record.Name `json:"zone"`
	Sets []byte      `json:"sets"`
}

// packedSets is how many record sets stand in a packedRow: so many that the text around them costs little.
const packedSets = 1000

// dynamicRow is a zone's dynamic record set.
type dynamicRow struct {
	Zone record.Name `json:"zone"`
	Dynamic
}

type encoder struct {
	w    *bufio.Writer
	sum  hash.Hash
	rows int
	by   Clock // clocks of rows are moved by this
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
		if err := e.row(name, moved(v, e.by)); err != nil {
			return err
		}
	}
	return nil
}

// Encode writes the state as a snapshot.
func (s *State) Encode(w io.Writer) error { return s.encode(w, 0) }

func (s *State) encode(w io.Writer, by Clock) error {
	e := &encoder{w: bufio.NewWriterSize(w, 64<<10), sum: sha256.New(), by: by}
	err := errors.Join(
		e.line(snapshotHead{snapshotMagic, snapshotVersion, s.Index, s.Hash, s.Clock, s.Wall, s.Level, s.Cluster}),
		encodeTable(e, "nodes", s.Nodes),
		encodeTable(e, "admissions", s.Admissions),
		encodeTable(e, "sessions", s.Sessions),
		encodeTable(e, "zones", s.Zones),
		e.sets(s),
		encodeTable(e, "sites", s.Sites),
		encodeTable(e, "endpoints", s.Endpoints),
		encodeTable(e, "groups", s.Groups),
		encodeTable(e, "overrides", s.Overrides),
		encodeTable(e, "offers", s.Offers),
		encodeTable(e, "targets", s.Targets),
		encodeTable(e, "tokens", s.Tokens),
		encodeTable(e, "switches", s.Switches),
		encodeTable(e, "rules", s.Rules),
		encodeTable(e, "drills", s.Drills),
		encodeTable(e, "windows", s.Windows),
		encodeTable(e, "uploads", s.Uploads),
		e.chunks(s),
		encodeTable(e, "events", s.Events),
		encodeTable(e, "incidents", s.Incidents),
		encodeTable(e, "requests", s.Requests),
		encodeTable(e, "audits", s.Audits),
		encodeTable(e, "deliveries", s.Deliveries),
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
	declared := e.declared
	if s.FeatureLevel() < 2 {
		declared = e.declaredEach
	}
	for _, z := range s.Zones.All() {
		if err := declared(z); err != nil {
			return err
		}
		for _, d := range z.Dynamic.All() {
			if err := e.row("dynamic", dynamicRow{z.Name, *d}); err != nil {
				return err
			}
		}
	}
	return nil
}

// declared writes a zone's declared record sets, a thousand to a row.
func (e *encoder) declared(z *Zone) error {
	var part []*record.Set
	var packed []byte
	flush := func() error {
		packed = record.AppendSets(packed[:0], part)
		part = part[:0]
		return e.row("packed", packedRow{z.Name, packed})
	}
	for _, set := range z.Sets.All() {
		if part = append(part, set); len(part) == packedSets {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(part) == 0 {
		return nil
	}
	return flush()
}

// declaredEach writes them each by itself: members of level 1 know no other form.
func (e *encoder) declaredEach(z *Zone) error {
	for _, set := range z.Sets.All() {
		if err := e.row("sets", setRow{z.Name, *set}); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) row(table string, v any) error {
	row, err := json.Marshal(v)
	if err != nil {
		return err
	}
	e.rows++
	return e.line(snapshotRow{Table: table, Row: row})
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
			s.steerAll()
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
	if head.Level > Level {
		return nil, fmt.Errorf("it is of feature level %d; this program knows 1 to %d", head.Level, Level)
	}
	return &State{Index: head.Index, Hash: head.Hash, Clock: head.Clock, Wall: head.Wall, Level: head.Level, Cluster: head.Cluster}, nil
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
	case "admissions":
		return decodeInto(row.Row, &s.Admissions, func(a *Admission) string { return a.Node })
	case "sessions":
		return decodeInto(row.Row, &s.Sessions, func(x *Session) string { return SessionKey(x.Node, x.Interval) })
	case "zones":
		return decodeInto(row.Row, &s.Zones, func(z *Zone) string { return ZoneKey(z.Name) })
	case "sets":
		return s.decodeSet(row.Row)
	case "packed":
		return s.decodePacked(row.Row)
	case "dynamic":
		return s.decodeDynamic(row.Row)
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
	case "tokens":
		return decodeBy(row.Row, s.putToken)
	case "switches":
		return decodeBy(row.Row, s.putSwitch)
	case "drills":
		return decodeInto(row.Row, &s.Drills, func(d *Drill) string { return numberKey(d.ID) })
	case "windows":
		return decodeBy(row.Row, s.putWindow)
	case "rules":
		return decodeInto(row.Row, &s.Rules, func(r *Rule) string { return r.Name })
	case "uploads":
		return decodeInto(row.Row, &s.Uploads, func(u *Upload) string { return u.ID })
	case "chunks":
		return s.decodeChunk(row.Row)
	case "events":
		return decodeInto(row.Row, &s.Events, func(e *Event) string { return numberKey(e.ID) })
	case "incidents":
		return decodeInto(row.Row, &s.Incidents, func(i *Incident) string { return numberKey(i.ID) })
	case "deliveries":
		return decodeInto(row.Row, &s.Deliveries, func(d *Delivery) string { return d.Webhook })
	case "audits":
		return decodeInto(row.Row, &s.Audits, func(a *Audit) string { return numberKey(a.ID) })
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

func (s *State) decodePacked(row json.RawMessage) error {
	var v packedRow
	if err := json.Unmarshal(row, &v); err != nil {
		return err
	}
	z, ok := s.Zones.Get(ZoneKey(v.Zone))
	if !ok {
		return fmt.Errorf("record sets of zone %s, which is not there", v.Zone)
	}
	sets, rest, err := record.ReadSets(v.Sets)
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows packed record sets")
	}
	z.Sets = z.Sets.WithAll(keyed(sets)) // z was just made by this decoding
	return err
}

func (s *State) decodeDynamic(row json.RawMessage) error {
	var v dynamicRow
	if err := json.Unmarshal(row, &v); err != nil {
		return err
	}
	z, ok := s.Zones.Get(ZoneKey(v.Zone))
	if !ok {
		return fmt.Errorf("a dynamic record set of zone %s, which is not there", v.Zone)
	}
	z.Dynamic = z.Dynamic.With(SetKey(v.Name, v.Type), &v.Dynamic) // z was just made by this decoding
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
