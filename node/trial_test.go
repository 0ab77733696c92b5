package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/raftstore"
	"failoverdns/raftstore/memnet"
	"failoverdns/state"
	"failoverdns/trust"
)

// trial is one schedule being run: a cluster, what is wrong with its world, and a judge who watches.
type trial struct {
	dir, certs string // certs has the CA and each node's certificate, for this trial alone
	net        *memnet.Network
	timing     Timing
	began      time.Time
	judge      *judge
	later      sync.WaitGroup // what goes on beside the steps: stops, operators, ends of killed processes

	procs  map[string]*proc // that run, by node ID
	dirs   map[string]string
	form   map[string]int
	quiet  map[string]bool               // does not probe
	joined map[string]*JoinAt            // how those were configured
	place  map[string]place              // as the judge saw them last
	files  map[string]settings           // for the next start
	ran    map[string]settings           // of the last start
	lists  map[string][]raftstore.Member // each node's own, as the judge saw it last
	brief  map[string]bool               // whose certificates end soon, or have
	zones  int                           // that files declare: 1 or 2

	compaction raftstore.Compaction // of all logs
	saves      map[string]*backup   // by name

	switches bool                     // files declare switches and rules
	ends     map[string]chan struct{} // closed when the process that is stopping has ended
	lead     string                   // whom "leader" means: who led when it last went wrong for the leader
	cuts     map[[2]string]bool
	slow     map[[2]string]bool

	mu   sync.Mutex
	dead map[string]bool // guarded by mu; "node>site" and "*>site@address": that probe is refused
	dark map[string]bool // guarded by mu; this node's probes tell nothing
}

// settling is how long everything is left alone in the end.
const settling = 90 * time.Second

// underWay is how long a command of the last moment, as a hold that ends by itself, may be on its way to all.
const underWay = 5 * time.Second

// try runs a schedule and gives the judge, who knows what was wrong and what was done.
func try(t *testing.T, certs string, s schedule) (j *judge) {
	dir, err := os.MkdirTemp("", "trial-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	own := filepath.Join(dir, "certs")
	if err := os.CopyFS(own, os.DirFS(certs)); err != nil {
		t.Fatal(err)
	}
	j = newJudge()
	defer func() {
		if r := recover(); r != nil { // a goroutine that does not end, mostly
			j.fail("panic: %v", r)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{dir: dir, certs: own, net: memnet.New(oneWay), timing: WAN, began: time.Now(), judge: j,
			procs: map[string]*proc{}, dirs: map[string]string{}, form: map[string]int{}, quiet: map[string]bool{}, ends: map[string]chan struct{}{},
			joined: map[string]*JoinAt{}, saves: map[string]*backup{}, files: map[string]settings{}, ran: map[string]settings{}, lists: map[string][]raftstore.Member{}, brief: map[string]bool{},
			cuts: map[[2]string]bool{}, slow: map[[2]string]bool{}, dead: map[string]bool{}, dark: map[string]bool{}, zones: 1}
		j.trial = tr
		tr.run(s)
		tr.end()
	})
	return j
}

// validity is longer than any schedule.
const validity = 48 * time.Hour

// issueCerts makes certificates that are valid where virtual time begins.
func issueCerts(t *testing.T) string {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		err := trust.InitCA(dir)
		for _, id := range five {
			if err == nil {
				err = trust.Issue(dir, dir, id, nil, validity)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	return dir
}

func (tr *trial) run(s schedule) {
	for _, st := range s {
		tr.until(st.at)
		if tr.judge.failed() {
			return
		}
		if err := tr.do(st.words); err != nil {
			tr.judge.fail("step %q: %v", st, err)
			return
		}
	}
	tr.until(s.last() + 5*time.Second)
	tr.healAll()
	tr.until(tr.now() + settling)
	for end := tr.now() + underWay; tr.judge.lagging() && tr.now() < end && !tr.judge.failed(); {
		tr.until(tr.now() + time.Second)
	}
	if !tr.judge.failed() {
		tr.judge.final()
	}
}

func (tr *trial) now() time.Duration { return time.Since(tr.began) }

// until lets time pass; the judge looks each second, when nothing moves.
func (tr *trial) until(at time.Duration) {
	for !tr.judge.failed() {
		rest := at - tr.now()
		if rest <= 0 {
			return
		}
		time.Sleep(min(rest, time.Second))
		synctest.Wait()
		tr.judge.look()
	}
}

// end stops everything, so that a goroutine that is left is a leak.
func (tr *trial) end() {
	for _, id := range five {
		tr.stop(id)
	}
	tr.later.Wait()
}

// do makes one step happen.
func (tr *trial) do(words []string) error {
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch words[0] {
	case "via":
		return tr.order(tr.named("via", arg(1)), words[min(2, len(words)):])
	case "renew": // of that nobody is to notice anything
		return tr.renew(tr.named("renew", arg(1)), arg(3))
	}
	tr.judge.disturb()
	defer tr.judge.disturb()
	switch id := tr.named(words[0], arg(1)); words[0] {
	case "timing":
		tr.timing = Timing(id)
	case "start":
		tr.judge.count.restarts++
		return tr.start(id)
	case "stop":
		tr.stop(id)
	case "crash":
		return tr.crash(id, false)
	case "crash-unsynced":
		return tr.crash(id, true)
	case "join":
		return tr.join(id, arg(2), tr.named("via", arg(3)))
	case "wipe":
		return tr.wipe(id)
	case "move":
		if tr.mayMove() {
			tr.files[id] = settings{tr.files[id].role, arg(2)}
		}
	case "role":
		if tr.dirs[id] != "" {
			tr.files[id] = settings{state.Role(arg(2)), tr.files[id].port}
		}
	case "isolate", "rejoin":
		tr.isolate(id, words[0] == "isolate")
	case "cut", "heal":
		tr.cut(id, arg(2), words[0] == "cut")
	case "slow":
		return tr.slowDown(id, arg(2), arg(3))
	case "break", "mend":
		tr.mu.Lock()
		tr.dead[id+">"+arg(2)] = words[0] == "break"
		tr.mu.Unlock()
	case "hand-over":
		tr.handOver(id)
	case "blind", "sight":
		tr.darken(id, words[0] == "blind")
	case "logs":
		keep, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return err
		}
		tr.compaction = raftstore.Compaction{Threshold: 4, Trailing: keep, Every: 5 * time.Second}
	case "switches":
		tr.switches = true
	case "zones":
		tr.zones, _ = strconv.Atoi(id)
	case "edit":
		n, err := strconv.Atoi(arg(2))
		if err != nil || n < 0 || n >= len(forms) {
			return fmt.Errorf("there is no form %q", arg(2))
		}
		tr.form[id] = n
		tr.reload(id)
	case "probe":
		tr.quiet[id] = arg(2) == "off"
		tr.reload(id)
	default:
		return fmt.Errorf("%q is nothing that can happen", words[0])
	}
	return nil
}

// named gives the node that a step means. "leader" is the one that leads as its trouble begins; it is the same one as
// the trouble ends, and for the operators in between.
func (tr *trial) named(what, id string) string {
	if id != "leader" {
		return id
	}
	if tr.lead == "" || what == "isolate" || what == "stop" {
		tr.lead = three[0]
		for _, p := range tr.procs {
			if _, _, self := p.node.store.Leader(); self {
				tr.lead = p.id
			}
		}
	}
	return tr.lead
}

func (tr *trial) isolate(id string, cut bool) {
	for _, o := range five {
		if o != id {
			tr.cut(id, o, cut)
			tr.cut(o, id, cut)
		}
	}
}

func (tr *trial) cut(a, b string, cut bool) {
	tr.cuts[[2]string{a, b}] = cut
	if cut {
		tr.net.Cut(a, b)
	} else {
		tr.net.Heal(a, b)
	}
}

func (tr *trial) slowDown(a, b, by string) error {
	d, err := time.ParseDuration(by)
	if err != nil {
		return err
	}
	tr.slow[[2]string{a, b}] = d > oneWay
	tr.net.Delay(a, b, d)
	return nil
}

func (tr *trial) darken(id string, dark bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.dark[id] = dark
}

func (tr *trial) isDark(id string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.dark[id]
}

// healAll ends every trouble but those of the sites.
func (tr *trial) healAll() {
	for _, a := range five {
		for _, b := range five {
			if a != b {
				tr.cut(a, b, false)
				tr.net.Delay(a, b, oneWay)
				delete(tr.slow, [2]string{a, b})
			}
		}
		tr.quiet[a] = false
		tr.darken(a, false)
		if tr.brief[a] {
			if err := tr.renew(a, ""); err != nil {
				tr.judge.fail("renew %s in the end: %v", a, err)
			}
		}
		tr.reload(a)
		if err := tr.start(a); err != nil {
			tr.judge.fail("start %s in the end: %v", a, err)
		}
	}
	tr.judge.disturb()
}
