package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// peer is a server that answers for a workload's zone.
type peer struct {
	name    string
	program string // looked up in PATH, or the path of it
	// configure writes what it needs into dir and gives its arguments.
	configure func(dir string, w workload, port int) ([]string, error)
}

// binary is the path of the peer's program.
func (p peer) binary() (string, error) {
	for _, name := range []string{p.program, "/usr/sbin/" + p.program} { // where Debian has servers, PATH of users or not
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", p.program)
}

// peers are the servers to compare with, the yardstick first.
var peers = []peer{
	{"gdnsd", "gdnsd", gdnsd},
	{"NSD", "nsd", nsd},
	{"Knot DNS", "knotd", knot},
	{"PowerDNS (bind backend)", "pdns_server", powerdns},
	{"PowerDNS (Lua ifurlup)", "pdns_server", powerdnsLua},
}

// steeredForm is the place in ours of the form in which all names follow the group.
const steeredForm = 3

// ours are this server in the forms that matter, and CoreDNS's own file plugin in the same binary.
func ours(binaries string) []peer {
	program := filepath.Join(binaries, "failoverdns")
	return []peer{
		{"failoverdns", program, failoverdns("", "")},
		{"failoverdns with prometheus", program, failoverdns("prometheus 127.0.0.1:0", "")},
		{"failoverdns, fast path off", program, failoverdns("", "listener off")},
		{"failoverdns, all names steered", program, failoverdnsSteered},
		{"CoreDNS (file)", program, corednsFile},
	}
}

func write(dir, name, format string, args ...any) (string, error) {
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600)
}

func gdnsd(dir string, w workload, port int) ([]string, error) {
	_, err := write(dir, "config", `options => {
  listen => "127.0.0.1:%d", udp_threads => 1, tcp_threads => 1, run_dir => "%s/run", state_dir => "%s/state"
}
`, port, dir, dir)
	err = errors.Join(err, os.MkdirAll(filepath.Join(dir, "zones"), 0o700), os.MkdirAll(filepath.Join(dir, "run"), 0o700),
		os.MkdirAll(filepath.Join(dir, "state"), 0o700), os.Symlink(w.zone, filepath.Join(dir, "zones", zoneName)))
	return []string{"-c", dir, "start"}, err
}

func nsd(dir string, w workload, port int) ([]string, error) { return nsdWith(dir, w, port, 0) }

func nsdLimited(dir string, w workload, port int) ([]string, error) {
	return nsdWith(dir, w, port, floodLimit)
}

// nsdWith has a rate limit, in answers a second; 0: none.
func nsdWith(dir string, w workload, port, limit int) ([]string, error) {
	path, err := write(dir, "nsd.conf", `server:
  ip-address: 127.0.0.1@%d
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "%s"
  database: ""
  pidfile: "%s/nsd.pid"
  xfrdfile: "%s/xfrd.state"
  xfrdir: "%s"
  zonelistfile: "%s/zone.list"
  rrl-ratelimit: %d
remote-control:
  control-enable: no
zone:
  name: %s
  zonefile: %s
`, port, dir, dir, dir, dir, dir, limit, zoneName, w.zone)
	return []string{"-d", "-c", path}, err
}

func knot(dir string, w workload, port int) ([]string, error) { return knotWith(dir, w, port, "") }

func knotLimited(dir string, w workload, port int) ([]string, error) {
	return knotWith(dir, w, port, fmt.Sprintf("mod-rrl:\n  - id: default\n    rate-limit: %d\ntemplate:\n  - id: default\n    global-module: mod-rrl/default\n", floodLimit))
}

// knotWith has more sections of a configuration.
func knotWith(dir string, w workload, port int, more string) ([]string, error) {
	path, err := write(dir, "knot.conf", `server:
  listen: 127.0.0.1@%d
  rundir: "%s"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "%s"
%szone:
  - domain: %s
    file: "%s"
    zonefile-load: whole
    journal-content: none
`, port, dir, dir, more, zoneName, w.zone)
	return []string{"-c", path}, err
}

func powerdns(dir string, w workload, port int) ([]string, error) {
	return powerdnsWith(dir, w.zone, port)
}

// powerdnsLua has the zone with a health-checked Lua record for each name. The URL's site is not there, and the
// record falls back to all of its addresses, which costs the query the same.
func powerdnsLua(dir string, w workload, port int) ([]string, error) {
	zone := filepath.Join(dir, "lua.zone")
	err := writeLines(zone, func(line func(string, ...any)) {
		line("%s", strings.TrimSuffix(head, "\n"))
		for i := range w.names {
			line(`%s IN LUA A "ifurlup('http://127.0.0.1:1/', {{'192.0.2.1'}, {'192.0.2.2'}})"`, host(i))
		}
	})
	if err != nil {
		return nil, err
	}
	argv, err := powerdnsWith(dir, zone, port)
	return append(argv, "--enable-lua-records=yes"), err
}

func powerdnsWith(dir, zone string, port int) ([]string, error) {
	named, err := write(dir, "named.conf", "zone \"%s\" { type master; file \"%s\"; };\n", zoneName, zone)
	return []string{"--config-dir=" + dir, "--daemon=no", "--guardian=no", "--launch=bind", "--bind-config=" + named,
		"--local-address=127.0.0.1", fmt.Sprintf("--local-port=%d", port), "--socket-dir=" + dir, "--setuid=", "--setgid=",
		"--receiver-threads=1", "--distributor-threads=1", "--disable-syslog=yes", "--loglevel=3"}, err
}

// failoverdns serves the workload's zone file, with one more line in the server block and one in the failover block.
func failoverdns(line, property string) func(string, workload, int) ([]string, error) {
	return func(dir string, w workload, port int) ([]string, error) {
		return serve(dir, port, line, fmt.Sprintf("serve steered\nfile %s\n%s", w.zone, property))
	}
}

// failoverdnsSteered has each of the names follow the failover group.
func failoverdnsSteered(dir string, w workload, port int) ([]string, error) {
	var names strings.Builder
	for i := range w.names {
		fmt.Fprintf(&names, "serve %s\n", host(i))
	}
	return serve(dir, port, "", names.String()+"nameserver ns1."+zoneName+" 127.0.0.1")
}

// serve writes a Corefile of one node with two sites, which nothing answers for: unknown counts as up, then all are
// down, and the primary is answered all the same.
func serve(dir string, port int, line, content string) ([]string, error) {
	path, err := write(dir, "Corefile", `%s:%d {
bind 127.0.0.1
errors
%s
failover {
primary one {
address 192.0.2.1
check tcp://:9
}
secondary two {
address 192.0.2.2
check tcp://:9
}
%s
admin 127.0.0.1:%d
cluster {
data data
}
}
}
`, zoneName, port, line, content, port+1)
	return []string{"-conf", path}, err
}

func corednsFile(dir string, w workload, port int) ([]string, error) {
	path, err := write(dir, "Corefile", "%s:%d {\nbind 127.0.0.1\nerrors\nfile %s\n}\n", zoneName, port, w.zone)
	return []string{"-conf", path}, err
}

// twoPorts are two ports in a row of which each is free for UDP and TCP.
func twoPorts() (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if free(port) && free(port+1) {
			return port, nil
		}
	}
	return 0, errors.New("no two free ports in a row were found")
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return u.Close() == nil
}
