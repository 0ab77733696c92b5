package e2e

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// table is what flips took in this run: the rows of "What an incident takes" in docs/reliability.md, which TestMain prints
// in the form in which they stand there.
var table = &incidents{rows: map[string]*row{}}

// enough is how many flips a row must have for its 99th percentile to be another one than the slowest.
const enough = 100

// incidents are flips by scenario.
type incidents struct {
	mu    sync.Mutex // guards what follows
	rows  map[string]*row
	order []string
}

type row struct {
	least time.Duration   // that the scenario allows: the rest of what a flip took is ours
	took  []time.Duration // from the cause to the first right answer, one for each node
}

// add counts one node's flip.
func (x *incidents) add(scenario string, took, least time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.rows[scenario]
	if r == nil {
		r = &row{least: least}
		x.rows[scenario], x.order = r, append(x.order, scenario)
	}
	r.took = append(r.took, took)
}

// write gives all rows as a table in Markdown; nothing where no flip was counted.
func (x *incidents) write(w io.Writer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.order) == 0 {
		return
	}
	fmt.Fprint(w, "\n| scenario | flips | at least | median | p99 | slowest |\n| --- | --- | --- | --- | --- | --- |\n")
	slices.Sort(x.order)
	for _, name := range x.order {
		r := x.rows[name]
		slices.Sort(r.took)
		at := func(percent int) string { return inWords(r.took[(len(r.took)-1)*percent/100]) }
		p99 := "–"
		if len(r.took) >= enough {
			p99 = at(99)
		}
		fmt.Fprintf(w, "| %s | %d | %s | %s | %s | %s |\n", name, len(r.took), inWords(r.least), at(50), p99, at(100))
	}
}

func inWords(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// counted adds to the table when each node's first such answer to a question asked after a cause came.
func counted(t *testing.T, scenario string, o *cluster.Observer, nodes []*cluster.Node, cause time.Time, to string, least time.Duration) {
	t.Helper()
	for _, n := range nodes {
		first, some := o.First(n.ID, to, cause)
		if !some {
			t.Fatalf("%s does not answer %s", n.ID, to)
		}
		table.add(scenario, first.Sub(cause), least)
	}
}

func TestTableHasMedianSlowestAndWhereThereAreEnoughThe99thPercentile(t *testing.T) {
	x := &incidents{rows: map[string]*row{}}
	for i := range enough {
		x.add("many", time.Duration(enough-i)*10*time.Millisecond, time.Second/2)
	}
	x.add("few", 2*time.Second, time.Second)
	x.add("few", 3*time.Second, time.Second)
	x.add("few", 9*time.Second, time.Second)
	var b strings.Builder
	x.write(&b)
	const want = `
| scenario | flips | at least | median | p99 | slowest |
| --- | --- | --- | --- | --- | --- |
| few | 3 | 1.00 s | 3.00 s | – | 9.00 s |
| many | 100 | 0.50 s | 0.50 s | 0.99 s | 1.00 s |
`
	if b.String() != want {
		t.Errorf("%s\nnot\n%s", b.String(), want)
	}
}
