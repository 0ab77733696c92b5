package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"failoverdns/record"
)

// bigZone is an offer of a zone whose content takes several chunks.
func bigZone(t testing.TB, sets int) *Declare {
	t.Helper()
	ds, err := declarations("zone big.example\nsite azure2 192.0.2.1\ngroup big.example azure2\nnames login\n")
	if err != nil {
		t.Fatal(err)
	}
	for i := range sets {
		name := record.MustParseName(fmt.Sprintf("n%d.big.example", i))
		ds[0].Sets = append(ds[0].Sets, record.Set{Name: name, Type: record.TXT, TTL: 60, Data: [][]byte{bytes.Repeat([]byte{byte(i)}, 100)}})
	}
	return &Declare{Node: "ns1", Incarnation: "i1", Declarations: ds}
}

func split(t testing.TB, c Command) ([]*Stage, Command) {
	t.Helper()
	return splitAt(t, 1, c)
}

func splitAt(t testing.TB, level int, c Command) ([]*Stage, Command) {
	t.Helper()
	stages, last, err := c.Split(level)
	if err != nil || len(stages) < 2 {
		t.Fatalf("%d stages, %v", len(stages), err)
	}
	return stages, last
}

// stageAll applies chunks, each by way of the log.
func stageAll(t testing.TB, s *State, at Clock, stages ...*Stage) *State {
	t.Helper()
	for _, c := range stages {
		next, res := s.Apply(s.Index+1, again(t, Command{Header{Clock: at, Node: "ns1"}, c}))
		if res.Refusal != nil || len(res.Effect.Zones) > 0 {
			t.Fatalf("chunk %d: %+v", c.Number, res)
		}
		s = next
	}
	return s
}

// at is a state moved to another's place in the log.
func at(s, place *State) *State {
	moved := *s
	moved.Index, moved.Hash, moved.Clock, moved.Wall = place.Index, place.Hash, place.Clock, place.Wall
	return &moved
}

// TestChangeInChunksActsAsIfItHadComeWhole, in any order of the chunks, some of them twice, with a restart between:
// state, effect and outcome are those of the whole. So is the hash at level 1; later it takes what stands in the log.
func TestChangeInChunksActsAsIfItHadComeWhole(t *testing.T) {
	h := Header{Clock: time.Hour, Wall: time.Unix(1e9, 0).UTC(), ID: "big", Author: "ann", Node: "ns1"}
	clash := bigZone(t, 4000)
	clash.Declarations[0].Sets[7] = clash.Declarations[0].Sets[6]
	for level := 1; level <= Level; level++ {
		s := sample(t).ofLevel(level)
		for what, body := range map[string]*Declare{"taken": bigZone(t, 4000), "refused": clash} {
			c := Command{h, body}
			whole, want := s.Apply(s.Index+1, c)
			stages, last := splitAt(t, level, c)
			if packed := last.Body.(*Complete).Packed; packed != (level > 1) {
				t.Fatalf("level %d: packed %v", level, packed)
			}
			staged := stageAll(t, s, 0, stages[1:]...)
			staged = stageAll(t, reread(t, staged), 0, stages...)
			got, res := at(staged, s).Apply(s.Index+1, again(t, last))
			if fmt.Sprint(want.Refusal) != fmt.Sprint(res.Refusal) || want.Index != res.Index || len(want.Effect.Zones) != len(res.Effect.Zones) || (want.Refusal != nil) != (what == "refused") {
				t.Fatalf("level %d, %s: got %+v, want %+v", level, what, res, want)
			}
			if level > 1 {
				whole.Hash = got.Hash
			}
			sameBytes(t, what+": chunks made a difference", encoded(t, whole), encoded(t, got))
			repeated, res := stageAll(t, got, 0, stages...).Apply(got.Index+20, last)
			if res.Index != want.Index || fmt.Sprint(want.Refusal) != fmt.Sprint(res.Refusal) || repeated.Uploads.Len() != 0 {
				t.Errorf("level %d, %s: the same request again gave %+v and left %d uploads", level, what, res, repeated.Uploads.Len())
			}
		}
	}
}

// TestHashTellsPackedChangesApart: at level 2 a change in chunks enters the running hash by the SHA-256 of its content.
func TestHashTellsPackedChangesApart(t *testing.T) {
	s := sample(t).ofLevel(2)
	one, other := bigZone(t, 4000), bigZone(t, 4000)
	other.Declarations[0].Sets[3999].TTL++
	hashes := map[uint64]bool{}
	for _, body := range []*Declare{one, other} {
		stages, last := splitAt(t, 2, Command{Body: body})
		next, res := at(stageAll(t, s, 0, stages...), s).Apply(s.Index+1, again(t, last))
		if res.Refusal != nil {
			t.Fatal(res.Refusal)
		}
		hashes[next.Hash] = true
	}
	if len(hashes) != 2 {
		t.Error("two zones that differ give one hash")
	}
}

// TestPackedContentThatIsNoneIsRefused, on every node alike: content has been in the log by then.
func TestPackedContentThatIsNoneIsRefused(t *testing.T) {
	good := bigZone(t, 4000).pack()
	for what, c := range map[string]struct {
		content []byte
		kind    kind
	}{
		"cut short":          {good[:len(good)-1], kindDeclare},
		"with more behind":   {append(bytes.Clone(good), 0), kindDeclare},
		"no length":          {bytes.Repeat([]byte{0xff}, 20), kindDeclare},
		"a length too great": {[]byte("\x7f{}"), kindDeclare},
		"no JSON":            {[]byte("\x02[]"), kindDeclare},
		"a declaration null": {append([]byte("\x17"), `{"declarations":[null]}`...), kindDeclare},
		"another command":    {good, kindPin},
	} {
		sum := sha256.Sum256(c.content)
		id := hex.EncodeToString(sum[:])
		s := sample(t).ofLevel(2)
		for n := range chunks(len(c.content)) {
			s = stageAll(t, s, 0, &Stage{Chunk{id, n, c.content[n*chunkSize : min(len(c.content), (n+1)*chunkSize)]}, len(c.content)})
		}
		next, res := s.Apply(100, again(t, Command{Body: &Complete{Upload: id, Length: len(c.content), Type: c.kind, Packed: true}}))
		if res.Refusal == nil || res.Refusal.Code != RefusedInvalid || next.Uploads.Len() != 0 {
			t.Errorf("%s: got %+v", what, res)
		}
	}
}

func TestPackedDeclarationComesBackAsItWas(t *testing.T) {
	for _, d := range bigZone(t, 100).Declarations {
		p := d.Pack()
		back, err := p.Declaration()
		if err != nil || p.Zone != d.Zone || p.Digest != d.Digest() || !bytes.Equal(mustJSON(d), mustJSON(back)) {
			t.Errorf("got %v, %v", back, err)
		}
	}
}

// TestDigestIsThatOfTheJSON, as it was when it was taken of all of it at once: digests stand in states and are compared.
func TestDigestIsThatOfTheJSON(t *testing.T) {
	odd := bigZone(t, 3)
	odd.Declarations[0].Sets[1].Name = record.MustParseName(`a\"<b\.c.big.example`)
	odd.Declarations[0].Source = ""
	for _, n := range []int{0, 1, 2, 200} {
		odd.Declarations = append(odd.Declarations, bigZone(t, n).Declarations...)
	}
	odd.Declarations = append(odd.Declarations, &Declaration{}, &Declaration{Sets: []record.Set{{}}})
	for _, d := range odd.Declarations {
		plain := *d
		plain.Source = ""
		sum := sha256.Sum256(mustJSON(&plain))
		if got := d.Digest(); got != hex.EncodeToString(sum[:]) {
			t.Errorf("%d record sets: another digest than of the JSON", len(d.Sets))
		}
	}
}

// TestIncompleteChangeMayBeSentAgain under the same request ID: a chunk that was lost must not decide for ever.
func TestIncompleteChangeMayBeSentAgain(t *testing.T) {
	s := sample(t)
	stages, last := split(t, Command{Header{ID: "big"}, bigZone(t, 4000)})
	s, res := stageAll(t, s, 0, stages[1:]...).Apply(100, last)
	if res.Refusal == nil || res.Refusal.Code != RefusedIncomplete || s.Uploads.Len() != 0 {
		t.Fatalf("got %+v, and %d uploads are left", res, s.Uploads.Len())
	}
	damaged := *stages[0]
	damaged.Bytes = bytes.ToUpper(damaged.Bytes)
	if s, res = stageAll(t, s, 0, append(stages[1:], &damaged)...).Apply(200, last); res.Refusal == nil || res.Refusal.Code != RefusedIncomplete {
		t.Fatalf("a damaged chunk: got %+v", res)
	}
	if s, res = stageAll(t, s, 0, stages...).Apply(300, last); res.Refusal != nil || !s.Zones.Has(ZoneKey(record.MustParseName("big.example"))) {
		t.Fatalf("got %+v", res)
	}
}

func TestAbandonedUploadIsDropped(t *testing.T) {
	s := sample(t)
	stages, last := split(t, Command{Header{ID: "big"}, bigZone(t, 4000)})
	s = stageAll(t, s, time.Minute, stages[0])
	s = stageAll(t, s, 5*time.Minute, stages[1])
	s = stageAll(t, s, 8*time.Minute, stages[1]) // nothing new
	if next, ok := s.NextDue(); !ok || next != 15*time.Minute {
		t.Fatalf("due at %s, %v", next, ok)
	}
	early, _ := s.Apply(s.Index+1, Command{Header{Clock: 14 * time.Minute}, &Due{}})
	if early.Uploads.Len() != 1 {
		t.Fatal("dropped too early")
	}
	late, res := s.Apply(s.Index+1, Command{Header{Clock: 15 * time.Minute}, &Due{}})
	if _, due := late.NextDue(); late.Uploads.Len() != 0 || due || len(res.Effect.Events) != 1 || !strings.Contains(res.Effect.Events[0].Text, "entered at ns1 was never completed") {
		t.Fatalf("got %+v", res)
	}
	if _, res = late.Apply(late.Index+1, last); res.Refusal == nil || res.Refusal.Code != RefusedIncomplete {
		t.Fatalf("got %+v", res)
	}
}

// TestUploadsAreBounded: room for the whole is taken at the first chunk, so an admitted upload always gets through.
func TestUploadsAreBounded(t *testing.T) {
	first := func(n, length int) *Stage {
		return &Stage{Chunk{fmt.Sprintf("%064d", n), 0, make([]byte, min(length, chunkSize))}, length}
	}
	s := stageAll(t, New(), 0, first(1, MaxChange), first(2, MaxChange))
	if _, res := s.Apply(9, Command{Body: first(3, 1)}); res.Refusal == nil || res.Refusal.Code != RefusedBusy || !strings.Contains(res.Refusal.Text, "try again") {
		t.Errorf("a third large one: %+v", res)
	}
	second := first(2, MaxChange)
	second.Number = 1
	stageAll(t, s, 0, second)
	s = New()
	for n := range maxUploads {
		s = stageAll(t, s, 0, first(n, 10))
	}
	if _, res := s.Apply(s.Index+1, Command{Body: first(maxUploads, 10)}); res.Refusal == nil || res.Refusal.Code != RefusedBusy {
		t.Errorf("one more small one: %+v", res)
	}
}

func TestChunksThatFitNoUploadAreRefused(t *testing.T) {
	id := strings.Repeat("a", 64)
	s := stageAll(t, New(), 0, &Stage{Chunk{id, 0, []byte("0123456789")}, 10})
	for what, c := range map[string]*Stage{
		"another length":  {Chunk{id, 0, []byte("01234567890")}, 11},
		"no length":       {Chunk{id, 0, nil}, 0},
		"too large":       {Chunk{id, 0, make([]byte, chunkSize)}, MaxChange + 1},
		"below zero":      {Chunk{id, -1, make([]byte, chunkSize)}, 10},
		"behind the end":  {Chunk{id, 1, []byte("x")}, 10},
		"too short":       {Chunk{id, 0, []byte("x")}, 10},
		"too long":        {Chunk{id, 0, make([]byte, chunkSize+1)}, chunkSize + 1},
		"a short name":    {Chunk{"a", 0, []byte("0123456789")}, 10},
		"a long, new one": {Chunk{strings.Repeat("b", 65), 0, []byte("0123456789")}, 10},
	} {
		if next, res := s.Apply(s.Index+1, Command{Body: c}); res.Refusal == nil || next.Uploads.Len() != 1 {
			t.Errorf("%s: it was taken", what)
		}
	}
}

// TestChunksDoNotNest: what is staged is a change, not a stage.
func TestChunksDoNotNest(t *testing.T) {
	for _, c := range []Command{{Body: &Stage{Length: 7}}, {Body: &Complete{Upload: strings.Repeat("x", 1000), Type: kindDue}}} {
		c.Author = strings.Repeat("a", MaxCommand)
		_, last, err := c.Split(1)
		if err != nil {
			t.Fatal(err)
		}
		stages := stagesOf(t, c)
		if _, res := stageAll(t, New(), 0, stages...).Apply(100, last); res.Refusal == nil || !strings.Contains(res.Refusal.Text, "cannot come in chunks") {
			t.Errorf("%T: got %+v", c.Body, res)
		}
	}
}

func stagesOf(t testing.TB, c Command) []*Stage {
	t.Helper()
	stages, _, err := c.Split(1)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

func TestSmallChangeIsNotSplit(t *testing.T) {
	c := Command{Header{ID: "r"}, &Due{}}
	if stages, last, err := c.Split(1); err != nil || stages != nil || last.Body != c.Body {
		t.Errorf("got %d stages, %+v, %v", len(stages), last, err)
	}
}

// TestStagesFitIntoEntries, with the longest header that comes with them.
func TestStagesFitIntoEntries(t *testing.T) {
	stages, last := split(t, Command{Header{Author: strings.Repeat("a", 8<<10), ID: strings.Repeat("r", 1<<10)}, bigZone(t, 4000)})
	for _, c := range append([]Command{last}, Command{Header{Clock: 1 << 62, Wall: time.Now(), Node: strings.Repeat("n", 4<<10)}, stages[0]}) {
		if _, err := c.Encode(); err != nil {
			t.Error(err)
		}
	}
}
