package raftstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// Store is this node's part of the cluster. Its methods may be called from any goroutine, but for OnApply's (see the
// package's doc).
type Store struct {
	cfg  Config
	log  *slog.Logger
	boot string

	lock     *os.File
	snaps    *raft.FileSnapshotStore
	recorder *recorder
	machine  *machine
	fresh    *freshness
	lead     *lead
	reach    *reach
	handing  handing
	port     *port // nil on a node on its own
	server   *http.Server
	joins    *http.Server // of nodes that are no members
	client   *http.Client

	ctx        context.Context // ends when Stop begins
	cancel     context.CancelFunc
	raft       atomic.Pointer[raft.Raft] // of the instance that runs, or nil
	disk       atomic.Pointer[disk]      // of the newest instance
	running    *instance                 // left to Stop by run, when it ended
	runEnded   chan struct{}
	awaited    atomic.Bool             // let in without state, and its configuration does not list it yet
	letIn      atomic.Uint64           // what the cluster had decided as it let this node in
	removed    atomic.Bool             // the others say so, see watchMembership
	told       atomic.Pointer[Removal] // what they say of it
	instances  sync.WaitGroup
	raising    turn // while the members are asked for their feature level
	reloaded   chan struct{}
	recoveries chan recoveryRequest
	opened     *disk // from Open to Start
	stopped    chan struct{}
	stopOnce   sync.Once

	changes turn                   // of changes of members, on the leader
	vouched vouched                // nodes that a member speaks for
	sought  atomic.Pointer[string] // a node that took this one, without state, for a member

	mu          sync.Mutex // guards what follows
	started     bool
	incarnation string
	genesis     map[string]string
	settled     bool
	peers       []Peer
	sponsors    []Peer              // the members, as the one said that let this node in
	moved       map[string]sighting // where nodes say that they are, by ID
	found       map[string]sighting // where nodes were reached last, by ID
	hearsay     map[string][]string // where others say that nodes are, by ID
	phase       Phase
	detail      string
	waits       []Wait
	cleared     uint64 // all entries up to there that matter to the state were found to be applied
}

// Open takes the directory and recovers the state. It fails if another process has the directory, or the
// configuration cannot work; a damaged log is no error, but a state of the Store (Status), which then answers with
// what there is and stays out of the cluster.
func Open(cfg Config) (*Store, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, log: cfg.Logger, lock: lock, boot: randomID(), lead: newLead(), reach: newReach(), changes: newTurn(), raising: newTurn(), peers: slices.Clone(cfg.Peers), moved: map[string]sighting{}, found: map[string]sighting{}, hearsay: map[string][]string{},
		runEnded: make(chan struct{}), reloaded: make(chan struct{}, 1), recoveries: make(chan recoveryRequest), stopped: make(chan struct{}), phase: PhaseStarting}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	s.machine = newMachine(state.New(), s.log)
	s.fresh = &freshness{covered: s.covered, reached: func(i uint64) bool { return s.State().Index >= i }}
	rec, recorded, appliedErr := openRecorder(s.cfg.Dir, s.cfg.NoSync, s.log)
	if rec == nil {
		return appliedErr
	}
	s.recorder = rec
	var err error
	if s.snaps, err = raft.NewFileSnapshotStoreWithLogger(s.cfg.Dir, snapshotsKept, raftLogger(s.log)); err != nil {
		return errors.Join(fmt.Errorf("open the snapshots: %w", err), rec.file.Close())
	}
	d, err := s.recover(recorded)
	if err := errors.Join(appliedErr, err); err != nil {
		s.damaged(d, err)
		d = nil
	}
	if err := s.openCluster(d); err != nil {
		if d != nil {
			s.closeDisk(d)
		}
		return errors.Join(err, rec.file.Close())
	}
	s.machine.onApply, s.machine.applied, s.machine.configured = s.cfg.OnApply, rec.record, s.membersChanged
	s.machine.leads = s.reigns
	s.machine.clock, s.machine.clockAt = s.State().Clock, time.Now()
	s.fresh.fresh = freshSince(s.State())
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.opened = d
	go rec.run()
	return nil
}

// openCluster finds out who this node is on this disk, and opens the port.
func (s *Store) openCluster(d *disk) error {
	if d != nil {
		if err := s.identify(d); err != nil {
			return err
		}
	}
	if s.cfg.alone() {
		return nil
	}
	p, err := openPort(&s.cfg, s.admit)
	if err != nil {
		return err
	}
	s.port, s.client = p, s.newCallClient()
	return nil
}

// recover opens the log and brings the machine to what was recorded.
func (s *Store) recover(recorded uint64) (*disk, error) {
	store, err := s.openLog()
	if err != nil {
		// The snapshot alone may be behind what was answered, but it is what there is.
		_, _, _, snapErr := readSnapshot(s.machine, s.snaps)
		return nil, errors.Join(err, snapErr)
	}
	d := guard(store, diskDeadline)
	s.settled, err = recoverState(s.machine, d, s.snaps, s.cfg.Dir, recorded)
	return d, err
}

func (s *Store) openLog() (logStore, error) { return s.cfg.openLog(s.cfg.Dir, s.cfg.NoSync) }

// damagedWayOut is the only one: what this node voted or acknowledged may be lost.
const damagedWayOut = "remove this node, then join it with an empty data directory"

// damaged keeps Raft closed for the life of this Store.
func (s *Store) damaged(d *disk, err error) {
	s.phase, s.detail = PhaseDamaged, fmt.Sprintf("the log is damaged: %v; %s", err, damagedWayOut)
	s.settled = true // it must not be taken for a newcomer
	s.log.Error("the log is damaged: this node answers with what it has and stays out of the cluster; remove it, then join", "error", err, "index", s.State().Index)
	if d != nil {
		s.closeDisk(d)
	}
}

// identify reads the incarnation of the data directory, and gives a new one its own.
func (s *Store) identify(d *disk) error {
	id, err := d.Get(keyID)
	if err != nil && !isNotFound(err) {
		return err
	}
	if len(id) == 0 {
		return s.christen(d)
	}
	if string(id) != s.cfg.ID {
		return fmt.Errorf("the data directory %q belongs to node %q, this one is %q: use its ID, or another directory", s.cfg.Dir, id, s.cfg.ID)
	}
	incarnation, err := d.Get(keyIncarnation)
	if err != nil {
		return fmt.Errorf("read the incarnation: %w", err)
	}
	s.incarnation = string(incarnation)
	genesis, err := d.Get(keyGenesis)
	if err != nil && !isNotFound(err) {
		return err
	}
	if len(genesis) > 0 {
		if err := json.Unmarshal(genesis, &s.genesis); err != nil {
			return fmt.Errorf("read the first incarnations: %w", err)
		}
	}
	return nil
}

// christen writes the incarnation before the ID: a directory with an ID has both.
func (s *Store) christen(d *disk) error {
	s.incarnation = randomID()
	if err := d.Set(keyIncarnation, []byte(s.incarnation)); err != nil {
		return fmt.Errorf("keep the incarnation: %w", err)
	}
	if err := d.Set(keyID, []byte(s.cfg.ID)); err != nil {
		return fmt.Errorf("keep the node's ID: %w", err)
	}
	return nil
}

func randomID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Start begins to take part in the cluster, in the background. Call it once.
func (s *Store) Start() {
	s.mu.Lock()
	first := !s.started && s.ctx.Err() == nil
	s.started = s.started || first
	damaged := s.phase == PhaseDamaged
	s.mu.Unlock()
	if !first {
		return
	}
	if s.port != nil {
		s.startCalls()
		s.instances.Go(s.watchMembership)
	}
	if damaged {
		close(s.runEnded)
		return
	}
	go s.run(s.opened)
}

// State is the replicated state as applied here. It is never nil.
func (s *Store) State() *state.State { return s.machine.current.Load() }

// Incarnation names the data directory: random, and as old as it. It is empty if the log is damaged.
func (s *Store) Incarnation() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.incarnation
}

// Boot names this Store: random, and new at each Open.
func (s *Store) Boot() string { return s.boot }

// ID is this node's.
func (s *Store) ID() string { return s.cfg.ID }
