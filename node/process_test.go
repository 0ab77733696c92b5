package node

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"failoverdns/health"
	"failoverdns/probes"
	"failoverdns/raftstore/memnet"
	"failoverdns/state"
	"failoverdns/trust"
	"failoverdns/zone"
)

// proc is one process of a node.
type proc struct {
	id   string
	node *Node
	host *memnet.Host

	// Guarded by the judge's mutex.
	gone  bool
	image *zone.Image // that was looked at last
	face  string      // and what clients see of it
}

func (tr *trial) config(id string) Config {
	cfg := Config{ID: id, DataDir: tr.dirs[id], Role: tr.roleOf(id), Probe: !tr.quiet[id] && tr.roleOf(id) != state.Replica, Timing: tr.timing, Version: "test",
		Declarations: []*state.Declaration{form(tr.form[id], tr.switches)}, Listen: tr.address(id),
		TLS: &TLSFiles{filepath.Join(tr.certs, id+".pem"), filepath.Join(tr.certs, id+"-key.pem"), filepath.Join(tr.certs, trust.CAFile)}}
	if tr.zones > 1 {
		cfg.Declarations = append(cfg.Declarations, market())
	}
	if cfg.Join = tr.joined[id]; cfg.Join != nil {
		return cfg
	}
	for _, peer := range three {
		at := firstAddress(peer)
		if peer == id {
			at = tr.address(id)
		}
		cfg.Peers = append(cfg.Peers, Peer{peer, at})
	}
	return cfg
}

func (tr *trial) start(id string) error {
	if tr.procs[id] != nil || tr.joined[id] == nil && !slices.Contains(three, id) {
		return nil
	}
	if ended := tr.ends[id]; ended != nil {
		<-ended
		delete(tr.ends, id)
	}
	was := tr.roleOf(id)
	tr.ran[id] = tr.files[id]
	if tr.dirs[id] == "" {
		tr.dirs[id] = filepath.Join(tr.dir, id)
	} else if is := tr.roleOf(id); is != was {
		tr.judge.recast(id, is)
	}
	p := &proc{id: id, host: tr.net.Host(id)}
	n, err := New(tr.config(id), Platform{Network: p.host, NoSync: true, Compaction: tr.compaction, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Applied: func(st *state.State, r state.Result) { tr.judge.applied(p, st, r) },
		Probe:   func(_ context.Context, t probes.Target) probes.Result { return tr.probe(p, t) }})
	if err != nil {
		return err
	}
	p.node = n
	tr.procs[id] = p
	tr.judge.opened(p)
	return n.Start()
}

// stop ends a process cleanly, beside the steps.
func (tr *trial) stop(id string) {
	p := tr.procs[id]
	if p == nil {
		return
	}
	delete(tr.procs, id)
	ended := make(chan struct{})
	tr.ends[id] = ended
	tr.later.Go(func() {
		defer close(ended)
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := p.node.Stop(ctx); err != nil {
			tr.judge.fail("stop %s: %v", id, err)
		}
		tr.judge.closed(p, 0)
	})
}

// crash ends a process as kill -9 does: its successor finds the files as they were at that moment. unsynced takes from
// it the last 60 ms of the one file that is not synced with each commit, as a power cut may.
func (tr *trial) crash(id string, unsynced bool) error {
	p := tr.procs[id]
	if p == nil {
		return nil
	}
	applied := filepath.Join(tr.dirs[id], "applied")
	old, err := os.ReadFile(applied)
	if unsynced && err == nil {
		time.Sleep(60 * time.Millisecond)
	}
	synctest.Wait()
	delete(tr.procs, id)
	next, err := os.MkdirTemp(tr.dir, id+"-") // it may crash twice at one moment
	if err != nil {
		return err
	}
	if err := os.CopyFS(next, os.DirFS(tr.dirs[id])); err != nil {
		return err
	}
	if unsynced && old != nil {
		if err := os.WriteFile(filepath.Join(next, "applied"), old, 0o600); err != nil {
			return err
		}
	}
	tr.dirs[id] = next
	tr.judge.closed(p, 150*time.Millisecond)
	p.host.Kill()
	tr.later.Go(func() { _ = p.node.Stop(context.Background()) }) // a dead process does nothing well
	return nil
}

// probe is what a node sees of a target.
func (tr *trial) probe(p *proc, t probes.Target) probes.Result {
	began := time.Now()
	time.Sleep(10 * time.Millisecond)
	r := probes.Result{Outcome: health.Success, Started: began, Address: t.Address, Duration: 10 * time.Millisecond}
	if tr.refuses(p.id, t.Endpoint) {
		r.Outcome, r.Reason, r.Detail = health.Failure, health.Refused, "connection refused"
	}
	if tr.isDark(p.id) {
		r.Outcome, r.Reason, r.Detail = health.Abstained, health.NoRoute, "network is unreachable"
		return r // such a probe leaves run and vote as they are
	}
	tr.judge.probed(p, t, r.Outcome == health.Success)
	return r
}

// refuses says whether a node cannot reach an endpoint: SITE/CHECK@ADDRESS.
func (tr *trial) refuses(node, endpoint string) bool {
	rest, address, _ := strings.Cut(endpoint, "@")
	site, _, _ := strings.Cut(rest, "/")
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.ContainsFunc([]string{"*>" + site, node + ">" + site, "*>" + site + "@" + address, node + ">" + site + "@" + address},
		func(k string) bool { return tr.dead[k] })
}

func (tr *trial) reload(id string) {
	if p := tr.procs[id]; p != nil {
		p.node.Reload(tr.config(id))
	}
}

// renew puts a new certificate into a node's files: one that outlasts the schedule, or one for a time.
func (tr *trial) renew(id, term string) error {
	lasts, brief := validity, term != ""
	if brief {
		var err error
		if lasts, err = time.ParseDuration(term); err != nil {
			return err
		}
	}
	tr.brief[id] = brief
	tr.judge.count.renewals++
	return trust.Issue(tr.certs, tr.certs, id, nil, lasts)
}

// expired says whether a node that runs uses a certificate that has ended: no new connection is made to it, or by it.
// Those that it has go on for as long as they may.
func (tr *trial) expired(id string) bool {
	p := tr.procs[id]
	return p != nil && time.Now().After(p.node.trust.Expires())
}
