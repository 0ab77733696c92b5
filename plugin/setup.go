package failover

import (
	"errors"
	"log/slog"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"

	"failoverdns/api/server"
	"failoverdns/node"
)

// CoreDNS learns of its plugins by init; this is the only one of this project.
func init() { plugin.Register(name, setup) }

// filePoll is how often zone files are looked at, as certificates are.
const filePoll = 5 * time.Second

// errUpgrade answers Caddy's SIGUSR2.
var errUpgrade = errors.New("a binary upgrade by SIGUSR2 is not possible: two processes cannot share one Raft log; restart the service instead, one node after another")

type instanceKey struct{}

// setup reads one failover block. It opens nothing.
func setup(c *caddy.Controller) error {
	if caddy.IsUpgrade() {
		return plugin.Error(name, errUpgrade)
	}
	cfg := dnsserver.GetConfig(c)
	i := instanceOf(c)
	b, err := i.corefile.read(&c.Dispenser, c.ServerBlockKeys, cfg.Root)
	if err != nil {
		return plugin.Error(name, err)
	}
	s := &serving{zone: b.zone, cfg: cfg, keys: c.ServerBlockKeys, hosts: cfg.ListenHosts, slow: b.local.slow}
	cfg.UDPDecorateWriterFunc = serveFast // it decorates nothing
	i.serving = append(i.serving, s)
	cfg.AddPlugin(func(next plugin.Handler) plugin.Handler {
		return &Failover{Next: next, zone: b.zone, declared: b.declaring != nil, source: currentNode, wire: &s.wire}
	})
	return nil
}

// instanceOf is what all failover blocks of one Corefile share, with its callbacks.
func instanceOf(c *caddy.Controller) *instance {
	if i, ok := c.Get(instanceKey{}).(*instance); ok {
		return i
	}
	i := &instance{engine: processNode, poll: filePoll, controller: c}
	c.Set(instanceKey{}, i)
	callBackAfterSetup()
	always := func(f func()) func() error { return func() error { f(); return nil } }
	c.OnStartup(func() error {
		if err := i.start(); err != nil {
			return plugin.Error(name, err)
		}
		return nil
	})
	c.OnRestart(always(i.pause))
	c.OnRestartFailed(always(i.restartFailed))
	c.OnShutdown(always(i.release)) // never an error: Caddy would call a reload failed that has succeeded
	c.OnFinalShutdown(i.engine.shutdown)
	return i
}

// adminAPI is a part of the one node, and is started, reloaded and stopped with it.
var adminAPI = server.NewService(logger)

// processNode ties instances to the one node.
var processNode = engine{
	acquire: func(cfg node.Config) error {
		n, err := node.Acquire(cfg, node.Platform{Log: logger}, adminAPI)
		if err == nil {
			observe(n)
		}
		return err
	},
	commit:   node.Commit,
	rollback: node.Rollback,
	shutdown: func() error {
		err := node.Shutdown()
		stopFast() // CoreDNS's sockets answer until they close
		return err
	},
}

// currentNode is the node that answers, or nil. The last one goes on answering after it has been stopped, until the
// sockets close.
func currentNode() source {
	if n := answering.Load(); n != nil {
		return n
	}
	return nil
}

// logger is for the parts that know no CoreDNS.
var logger = slog.New(logHandler{})
