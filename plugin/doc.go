// Package failover is the CoreDNS plugin "failover".
//
// It promises: setup only reads. All failover blocks of one Corefile make one node.Config, refused with file, line,
// word and way out, or accepted whole. What owns a lock, a port or a goroutine is the process-wide node (package
// node), which is acquired when an instance starts, told of a new Corefile when CoreDNS reloads, and stopped at the
// final shutdown alone. A reload that fails leaves everything as it was. A query takes no lock and does no I/O: it is
// answered from the image of its zone.
//
// The caller, a main of its own or CoreDNS's, must have the directive "failover" after "transfer" and before "file"
// in dnsserver.Directives, and must not use Caddy's SIGUSR2 upgrade: two processes cannot share one Raft log.
//
// Setup runs on Caddy's goroutine. From OnStartup to OnShutdown one goroutine of each instance polls its zone files;
// it alone offers new declarations in that time. Handlers share an atomic pointer to the node.
package failover

// name is the plugin's directive, handler name and metrics subsystem.
const name = "failover"
