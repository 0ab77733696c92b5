package world

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// Impairment is what a wire does to the frames that it carries, each way for itself. The zero value lets all pass at
// once.
type Impairment struct {
	Delay  time.Duration // of each frame
	Jitter time.Duration // at most so much more, drawn for each frame; a later frame waits for an earlier one

	Duplicate int           // percent of the frames that arrive twice
	Reorder   int           // percent of the frames that later ones overtake
	Late      time.Duration // by which those arrive later than their turn

	StallEvery time.Duration // from one stall's begin to the next's; 0: none
	StallFor   time.Duration // how long nothing passes then; what came meanwhile passes after it

	Only []string // the IPv4 addresses of the other hosts whose frames this concerns; none: all frames
}

// maxQueued bounds the frames on their way in one direction. More are dropped, as netem's default queue does.
const maxQueued = 1000

// Passed counts what a wire has done: frames, and the stalls for which frames waited.
type Passed struct{ Frames, Duplicated, Reordered, Stalls, Dropped int }

// line is one direction of a wire: a queue by the time at which each frame is due. It reads no clock: its caller says
// what time it is.
type line struct {
	imp    Impairment
	rng    *rand.Rand
	began  time.Time // the first stall begins StallEvery later
	turn   time.Time // when the last frame that nobody may overtake is due
	queue  frames
	number int
	passed Passed
}

// take puts a frame on the line.
func (l *line) take(data []byte, now time.Time) {
	if !concerns(data, l.imp.Only) {
		l.put(data, now)
		return
	}
	l.passed.Frames++
	due := l.due(now)
	if l.draws(l.imp.Reorder) {
		l.passed.Reordered++
		due = due.Add(l.imp.Late)
	} else {
		l.turn = due
	}
	l.put(data, due)
	if l.draws(l.imp.Duplicate) {
		l.passed.Duplicated++
		l.put(data, due)
	}
}

// due is when a frame that comes now arrives.
func (l *line) due(now time.Time) time.Time {
	due := now.Add(l.imp.Delay)
	if l.imp.Jitter > 0 {
		due = due.Add(time.Duration(l.rng.Int64N(int64(l.imp.Jitter))))
	}
	if due.Before(l.turn) {
		due = l.turn
	}
	if end := l.stallEnd(due); end.After(due) {
		l.passed.Stalls++
		due = end
	}
	return due
}

// stallEnd is when the stall in which a time lies ends; that time itself if it lies in none.
func (l *line) stallEnd(at time.Time) time.Time {
	if l.imp.StallEvery <= 0 {
		return at
	}
	since := at.Sub(l.began)
	into := since % l.imp.StallEvery
	if since < l.imp.StallEvery || into >= l.imp.StallFor {
		return at
	}
	return at.Add(l.imp.StallFor - into)
}

func (l *line) draws(percent int) bool { return l.rng.IntN(100) < percent }

func (l *line) put(data []byte, due time.Time) {
	if len(l.queue) >= maxQueued {
		l.passed.Dropped++
		return
	}
	l.number++
	heap.Push(&l.queue, frame{due, l.number, data})
}

// arrived takes the frames that are due off the line.
func (l *line) arrived(now time.Time) (out [][]byte) {
	for len(l.queue) > 0 && !l.queue[0].due.After(now) {
		out = append(out, heap.Pop(&l.queue).(frame).data)
	}
	return out
}

// next is when the next frame is due.
func (l *line) next() (at time.Time, some bool) {
	if len(l.queue) == 0 {
		return at, false
	}
	return l.queue[0].due, true
}

// frame is an Ethernet frame on its way.
type frame struct {
	due    time.Time
	number int // of those that are due at the same time the first goes first
	data   []byte
}

// frames are a heap.
type frames []frame

func (f frames) Len() int      { return len(f) }
func (f frames) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f frames) Less(i, j int) bool {
	if f[i].due.Equal(f[j].due) {
		return f[i].number < f[j].number
	}
	return f[i].due.Before(f[j].due)
}
func (f *frames) Push(x any) { *f = append(*f, x.(frame)) }
func (f *frames) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}
