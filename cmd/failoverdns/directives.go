package main

import (
	// The plugins of this server. Each has its place in directives below.
	_ "github.com/coredns/coredns/plugin/acl"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/bufsize"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/chaos"
	_ "github.com/coredns/coredns/plugin/debug"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/multisocket"
	_ "github.com/coredns/coredns/plugin/nsid"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/root"
	_ "github.com/coredns/coredns/plugin/timeouts"
	_ "github.com/coredns/coredns/plugin/tls"
	_ "github.com/coredns/coredns/plugin/transfer"
	_ "github.com/coredns/coredns/plugin/tsig"
)

// directives is the order in which a query passes the plugins; it is upstream's, which matters for security (tsig and
// acl stand in front of what they guard), with failover behind transfer and in front of file.
//
// Left out on purpose: reload, because this server reloads a changed Corefile itself, in one goroutine with SIGUSR1
// (the plugin does it beside that, and is dead after the first SIGUSR1); any, because the zones answer ANY by RFC 8482
// themselves; minimal, because their answers are; secondary and auto, because zones belong into the replicated state
// or, if nothing in them moves, to file; forward and its like, because an authoritative server resolves for nobody;
// dnssec, because its negative answers hide record types that exist; trace and dnstap for their weight. tls is worth
// its weight: without it there is no DNS over TLS.
var directives = []string{
	"root",
	"timeouts",
	"multisocket",
	"nsid",
	"bufsize",
	"bind",
	"debug",
	"ready",
	"health",
	"prometheus",
	"errors",
	"log",
	"chaos",
	"loadbalance",
	"tsig",
	"acl",
	"cache",
	"tls",
	"transfer",
	"failover",
	"file",
}
