package zone

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"failoverdns/record"
)

// BenchmarkAnswerAmong asks for random names among many: what it costs beside few is what the memory's caches do not
// hold. It also says what a record set takes in the image, beside what it takes in the state.
func BenchmarkAnswerAmong(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			st := bigState(n / 2) // as many steered names
			before := live()
			s := loaded(st)
			bytes := float64(live()-before) / float64(n)
			all := make([]record.Name, 1<<16)
			for i := range all {
				all[i] = record.MustParseName(fmt.Sprintf("%c%d.example.org", "sn"[i%2], rand.IntN(n/2)))
			}
			var a Answerer
			buf := make([]byte, 0, 512)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				name := all[i&(1<<16-1)]
				i++
				a.Answer(s.Find(name), Question{Name: name, Type: 1}, s.Images())
				a.AppendTo(buf, []byte(name))
			}
			b.ReportMetric(bytes, "octets/set")
			runtime.KeepAlive(st)
		})
	}
}

// live is the memory in use.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
