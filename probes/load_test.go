package probes

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"failoverdns/health"
)

// BenchmarkTenThousandEndpoints probes 10,000 endpoints at the default interval over real sockets for two rounds, and
// reports how late probes start behind their phase. Run it with -benchtime 1x.
func BenchmarkTenThousandEndpoints(b *testing.B) {
	at := serve(b, answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	targets := make([]Target, 10_000)
	for i := range targets {
		targets[i] = target(b, "http://login.example.com/healthz", at, timeout(4*time.Second))
		targets[i].Endpoint = fmt.Sprintf("azure/http@%d", i)
	}
	for b.Loop() {
		var mu sync.Mutex
		var late []time.Duration
		failed := 0
		env := &Env{}
		s := New("ns1", env.Probe, func(r Result) bool {
			mu.Lock()
			defer mu.Unlock()
			late = append(late, r.Late)
			if r.Outcome != health.Success {
				failed++
			}
			return false
		}, slog.New(slog.DiscardHandler))
		s.Update(targets)
		time.Sleep(20 * time.Second)
		s.Stop()
		slices.Sort(late)
		b.ReportMetric(float64(len(late))/20, "probes/s")
		b.ReportMetric(float64(failed), "failed")
		b.ReportMetric(late[len(late)/2].Seconds()*1e3, "late-p50-ms")
		b.ReportMetric(late[len(late)*99/100].Seconds()*1e3, "late-p99-ms")
		b.ReportMetric(late[len(late)-1].Seconds()*1e3, "late-max-ms")
	}
}
