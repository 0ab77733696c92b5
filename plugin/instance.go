package failover

import (
	"context"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/plugin/transfer"

	"failoverdns/node"
	"failoverdns/record"
)

var log = clog.NewWithPlugin(name)

// engine is the process-wide node as an instance sees it; see package node for the meaning of each.
type engine struct {
	acquire  func(node.Config) error // starts the node, or keeps the configuration for commit
	commit   func()
	rollback func()
	shutdown func() error
}

// instance is what one CoreDNS instance holds. Its methods are called by Caddy, one after another; between start and
// pause goroutines watch the zone files and tell secondaries of changes.
type instance struct {
	corefile   corefile
	engine     engine
	poll       time.Duration
	serving    []*serving
	servers    servers
	controller *caddy.Controller // of the first failover block
	notifier   *notifier         // nil without the plugin transfer

	stop     context.CancelFunc // of the watch; nil while there is none
	seen     string             // stamps of the zone files as last read; the watch's while there is one
	watching sync.WaitGroup
}

// serving is one server block with failover. Its other plugins are known once all have been set up.
type serving struct {
	zone  record.Name
	cfg   *dnsserver.Config
	keys  []string // of the server block
	hosts []string // where it listens
	slow  bool     // the fast path is not to answer
	wire  wire
}

// learn looks at the other plugins of the server blocks.
func (i *instance) learn() {
	from := map[record.Name][]announcer{}
	for _, s := range i.serving {
		s.wire.learn(s.cfg)
		if t, ok := s.cfg.Handler("transfer").(*transfer.Transfer); ok {
			from[s.zone] = append(from[s.zone], t)
		}
	}
	if len(from) > 0 {
		i.notifier = newNotifier(from)
	}
}

// start begins to use the node. On a reload the node goes on with the old configuration until the old instance
// commits.
func (i *instance) start() error {
	i.seen = stamps(i.corefile.zoneFiles())
	cfg, err := i.corefile.config()
	if err != nil {
		return err
	}
	if err := i.engine.acquire(cfg); err != nil {
		return err
	}
	i.learn()
	if err := i.listen(); err != nil {
		i.engine.rollback()
		return err
	}
	i.watch()
	return nil
}

// listen opens the sockets: the fast path's before CoreDNS's, which are to come behind them.
func (i *instance) listen() error {
	pass, err := newPassing()
	if err == nil {
		err = i.prepareFast(pass)
	}
	if err == nil {
		err = i.open(pass)
	}
	if err != nil {
		fast.Rollback()
		rollbackServers()
	}
	return err
}

// pause comes before a reload: the new instance's configuration must be the only one pending.
func (i *instance) pause() {
	if i.stop != nil {
		i.stop()
		i.watching.Wait()
		i.stop = nil
	}
	commitServers()
}

// restartFailed comes when a reload failed: the new instance is gone, and nobody tells it.
func (i *instance) restartFailed() {
	i.engine.rollback()
	fast.Rollback()
	rollbackServers()
	i.watch()
}

// release comes when a new instance has taken over, and before the final shutdown, when nothing is pending.
func (i *instance) release() {
	i.pause()
	i.engine.commit()
	fast.Commit()
}

// watch polls the zone files, and tells secondaries of changes, until pause.
func (i *instance) watch() {
	if i.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	i.stop = cancel
	if files := i.corefile.zoneFiles(); len(files) > 0 {
		i.watching.Go(func() { i.pollFiles(ctx, files) })
	}
	if n := answering.Load(); n != nil && n.Answers() && i.notifier != nil {
		i.watching.Go(func() { i.notifier.run(ctx, n) })
	}
}

func (i *instance) pollFiles(ctx context.Context, files []string) {
	tick := time.NewTicker(i.poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := stamps(files); now != i.seen {
			i.seen = now
			i.reread()
		}
	}
}

// reread offers what the zone files say now. A file that does not parse leaves everything as it was.
func (i *instance) reread() {
	cfg, err := i.corefile.config()
	if err == nil {
		err = i.engine.acquire(cfg)
	}
	if err != nil {
		i.engine.rollback()
		log.Errorf("A zone file changed and is not taken: %v", err)
		return
	}
	i.engine.commit()
	log.Infof("A zone file changed and is read again")
}
