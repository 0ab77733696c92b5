package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// zoneName is the zone of all measurements.
const zoneName = "bench.example"

// workload is a zone and the questions that are asked of it.
type workload struct {
	names   int
	zone    string // path of the zone file
	queries string // path of dnsperf's data file
}

// host is the name of the i-th record set, within the zone.
func host(i int) string { return fmt.Sprintf("host-%07d", i) }

// address is its address.
func address(i int) string {
	return fmt.Sprintf("10.%d.%d.%d", i>>16&0xff, i>>8&0xff, i&0xff)
}

// head is what every zone file of these measurements begins with.
const head = `$ORIGIN bench.example.
$TTL 60
@ IN SOA ns1 hostmaster 1 3600 600 604800 60
@ IN NS ns1
ns1 IN A 127.0.0.1
`

// makeWorkload writes a zone with one A record set for each of names, and up to 100,000 questions in random order, of
// which one in ten asks for a name that does not exist.
func makeWorkload(dir string, names int) (w workload, err error) {
	w = workload{names, filepath.Join(dir, fmt.Sprintf("%d.zone", names)), filepath.Join(dir, fmt.Sprintf("%d.queries", names))}
	err = writeLines(w.zone, func(line func(string, ...any)) {
		line("%s", strings.TrimSuffix(head, "\n"))
		for i := range names {
			line("%s IN A %s", host(i), address(i))
		}
	})
	if err != nil {
		return w, err
	}
	const questions = 100_000
	random := rand.New(rand.NewPCG(1, uint64(names))) // the same questions in every run
	err = writeLines(w.queries, func(line func(string, ...any)) {
		for range questions {
			name := host(random.IntN(names))
			if random.IntN(10) == 0 {
				name = "no-" + name
			}
			line("%s.%s A", name, zoneName)
		}
	})
	return w, err
}

func writeLines(path string, write func(line func(format string, args ...any))) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	write(func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) })
	if err := w.Flush(); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}
