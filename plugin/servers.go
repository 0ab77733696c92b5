package failover

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"

	"failoverdns/listener"
)

// CoreDNS opens its servers' sockets itself, and accepts all connections on them. This file gives CoreDNS's servers other
// sockets: listeners that count connections, and sockets that the service manager passed. There is no setting for that,
// but there is a way through what Caddy and CoreDNS export: make the servers before Caddy does, leave Caddy no address to
// make them for, and save them with the instance, which then serves, reloads and stops them as if it had made them.
// A second socket beside CoreDNS's (SO_REUSEPORT), to which the kernel is told to give all connections, would have done for
// the limits. It does not for passed sockets: the kernel shares a port among sockets of one user only, and theirs is root.

// streams is the listening sockets of this process. They outlive reloads, as the fast path's do.
var streams = listener.NewStreams(logger)

// servers is CoreDNS's servers of one instance.
type servers struct {
	made   []caddy.GracefulServer
	opened []*openServer
}

// openServer is a server with its sockets.
type openServer struct {
	caddy.GracefulServer
	stream  *listener.Stream // nil for UDP alone
	packets net.PacketConn   // nil where there is no UDP, and where the fast path reads for the server
	fast    *dnsserver.Server
}

// lastDirective makes Caddy call back when all plugins have been set up.
var lastDirective sync.Once

func callBackAfterSetup() {
	lastDirective.Do(func() {
		last := dnsserver.Directives[len(dnsserver.Directives)-1]
		caddy.RegisterParsingCallback("dns", last, func(ctx caddy.Context) error {
			i, ok := newest().Storage[instanceKey{}].(*instance)
			if !ok {
				return nil // no zone of this plugin: CoreDNS serves alone
			}
			return i.makeServers(ctx)
		})
	})
}

// newest is the instance that Caddy starts.
func newest() *caddy.Instance {
	all := caddy.Instances()
	return all[len(all)-1]
}

// makeServers makes CoreDNS's servers, and leaves Caddy none to make.
func (i *instance) makeServers(ctx caddy.Context) error {
	all, err := ctx.MakeServers()
	if err != nil {
		return err
	}
	for _, s := range all {
		g, ok := s.(caddy.GracefulServer)
		if !ok {
			return fmt.Errorf("a server of the kind %T is not known here", s)
		}
		i.servers.made = append(i.servers.made, g)
	}
	for _, s := range i.serving {
		s.hosts = s.cfg.ListenHosts
	}
	in := newest().Caddyfile()
	blocks, err := caddyfile.Parse(in.Path(), bytes.NewReader(in.Body()), nil)
	if err != nil {
		return err
	}
	for n := range blocks {
		at := *i.controller
		at.ServerBlockIndex, at.ServerBlockKeyIndex = n, 0 // the other keys of a block take its first one's hosts
		dnsserver.GetConfig(&at).ListenHosts = nil
	}
	return nil
}

// open opens the servers' sockets and gives them to Caddy. The running servers' sockets are used on.
func (i *instance) open(pass *passing) error {
	var kept packetSockets
	if len(caddy.Instances()) > 1 {
		kept = sharedPackets(running)
	}
	pending = &i.servers
	for _, s := range i.servers.made {
		o, err := openOne(s, pass, kept)
		if err != nil {
			return err
		}
		i.servers.opened = append(i.servers.opened, o)
		newest().SaveServer(o, o.listener())
	}
	streams.Limit(i.corefile.connections())
	return pass.rest()
}

// running are the servers of the instance that is in force, and pending those of one that is starting. Caddy starts and
// stops instances one after another.
var (
	running []*openServer
	pending *servers
)

// commitServers makes the pending servers the running ones.
func commitServers() {
	if pending != nil {
		running, pending = pending.opened, nil
	}
}

// rollbackServers forgets servers that did not start.
func rollbackServers() {
	if pending != nil {
		pending.close()
		pending = nil
	}
}

// close gives back what open took, for a reload that failed.
func (s *servers) close() {
	for _, o := range s.opened {
		if o.stream != nil {
			o.stream.Close()
		}
		if o.packets != nil {
			o.packets.Close()
		}
	}
	s.opened = nil
}

// packetSockets are the sockets for packets of servers that run, by the servers' addresses.
type packetSockets map[string][]net.PacketConn

func sharedPackets(all []*openServer) packetSockets {
	p := packetSockets{}
	for _, o := range all {
		if o.packets != nil {
			p[o.Address()] = append(p[o.Address()], o.packets)
		}
	}
	return p
}

// next is another hold on a running server's socket, which is not closed with that; nil if there is none left.
func (p packetSockets) next(address string) (net.PacketConn, error) {
	all := p[address]
	if len(all) == 0 {
		return nil, nil
	}
	p[address] = all[1:]
	f, ok := all[0].(caddy.PacketConn)
	if !ok {
		return nil, nil
	}
	file, err := f.File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return net.FilePacketConn(file)
}

func openOne(s caddy.GracefulServer, pass *passing, kept packetSockets) (*openServer, error) {
	o := &openServer{GracefulServer: s}
	var err error
	if overTCP(s) {
		files := pass.to("tcp", hostPort(s))
		if o.stream, err = streams.Listen(s.Address(), writeTimeout(s), func() ([]net.Listener, error) { return listenAt(s, files) }); err != nil {
			return nil, err
		}
	}
	files := pass.to("udp", hostPort(s))
	if plain, ok := s.(*dnsserver.Server); ok && len(files) > 0 {
		o.fast = plain
		return o, nil
	}
	if o.packets, err = packetsAt(s, files, kept); err != nil && o.stream != nil {
		o.stream.Close()
	}
	return o, err
}

// hostPort is where a server listens.
func hostPort(s caddy.GracefulServer) string {
	_, rest, _ := strings.Cut(s.Address(), "://")
	return rest
}

// passTo gives the plain servers' passed sockets for UDP to the fast path, which reads them for CoreDNS too: there is no
// socket of CoreDNS's beside them.
func (s *servers) passTo(all []listener.Address, pass *passing) []listener.Address {
	for _, g := range s.made {
		files := pass.to("udp", hostPort(g))
		if _, plain := g.(*dnsserver.Server); !plain || len(files) == 0 {
			continue
		}
		at := slices.IndexFunc(all, func(a listener.Address) bool { return a.Name == g.Address() })
		if at < 0 {
			at = len(all)
			all = append(all, listener.Address{Name: g.Address(), Host: hostPort(g)})
		}
		all[at].Passed = files
	}
	return all
}

// overTCP says whether a server takes connections.
func overTCP(s caddy.Server) bool {
	switch s.(type) {
	case *dnsserver.ServerQUIC, *dnsserver.ServerHTTPS3:
		return false
	}
	return true
}

// writeTimeout is how long a write may take where the DNS library serves; the other servers bound their writes.
func writeTimeout(s caddy.Server) time.Duration {
	switch s := s.(type) {
	case *dnsserver.Server:
		return s.WriteTimeout
	case *dnsserver.ServerTLS:
		return s.WriteTimeout
	}
	return 0
}

// listenAt gives the passed sockets, or opens the server's own.
func listenAt(s caddy.Server, files []*os.File) ([]net.Listener, error) {
	var all []net.Listener
	for _, f := range files {
		l, err := net.FileListener(f)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	if len(all) > 0 {
		return all, nil
	}
	l, err := s.Listen()
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

func packetsAt(s caddy.GracefulServer, files []*os.File, kept packetSockets) (net.PacketConn, error) {
	if p, err := kept.next(s.Address()); p != nil || err != nil {
		return p, err
	}
	if len(files) > 0 {
		return net.FilePacketConn(files[0])
	}
	return s.ListenPacket()
}

// listener is what Caddy is to serve the server on.
func (o *openServer) listener() net.Listener {
	if o.stream == nil {
		return nil
	}
	return o.stream
}

// Serve implements caddy.TCPServer.
func (o *openServer) Serve(l net.Listener) error {
	if l == nil {
		return nil
	}
	return o.GracefulServer.Serve(l)
}

// ServePacket implements caddy.UDPServer. Caddy knows no socket for packets.
func (o *openServer) ServePacket(net.PacketConn) error {
	switch {
	case o.fast != nil:
		serveFast(o.fast)
		return nil
	case o.packets != nil:
		return o.GracefulServer.ServePacket(o.packets)
	}
	return nil
}

// OnStartupComplete implements caddy.AfterStartup.
func (o *openServer) OnStartupComplete() {
	if s, ok := o.GracefulServer.(caddy.AfterStartup); ok {
		s.OnStartupComplete()
	}
}

// streamGrace bounds how long the end of a server waits for connections that have asked nothing yet.
const streamGrace = 300 * time.Millisecond

// Stop implements caddy.Stopper.
func (o *openServer) Stop() error {
	if o.stream != nil {
		o.stream.Drain(streamGrace)
	}
	err := o.GracefulServer.Stop()
	if o.stream != nil {
		err = errors.Join(err, o.stream.Close())
	}
	if o.packets != nil {
		o.packets.Close() // that for QUIC leaves it open
	}
	return err
}
