package failover

import (
	"context"
	"sync"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"

	"failoverdns/node"
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
// pause a goroutine watches the zone files.
type instance struct {
	corefile corefile
	engine   engine
	poll     time.Duration

	stop     context.CancelFunc // of the watch; nil while there is none
	seen     string             // stamps of the zone files as last read; the watch's while there is one
	watching sync.WaitGroup
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
	i.watch()
	return nil
}

// pause comes before a reload: the new instance's configuration must be the only one pending.
func (i *instance) pause() {
	if i.stop != nil {
		i.stop()
		i.watching.Wait()
		i.stop = nil
	}
}

// restartFailed comes when a reload failed: the new instance is gone, and nobody tells it.
func (i *instance) restartFailed() {
	i.engine.rollback()
	i.watch()
}

// release comes when a new instance has taken over, and before the final shutdown, when nothing is pending.
func (i *instance) release() {
	i.pause()
	i.engine.commit()
}

// watch polls the zone files until pause.
func (i *instance) watch() {
	files := i.corefile.zoneFiles()
	if i.stop != nil || len(files) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	i.stop = cancel
	i.watching.Go(func() {
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
	})
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
