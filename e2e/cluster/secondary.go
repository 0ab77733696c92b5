package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
)

// Software is a name server of another make that can be a secondary of the cluster.
type Software struct {
	Name   string
	binary string
	args   []string // behind them comes the configuration's path
	config func(s *Secondary) string
}

// The two whose ways with transfers and NOTIFY differ most. Debian has them as packages nsd and bind9.
var (
	NSD  = Software{Name: "nsd", binary: "nsd", args: []string{"-d", "-c"}, config: nsdConfig}
	BIND = Software{Name: "bind", binary: "named", args: []string{"-g", "-4", "-c"}, config: bindConfig}
)

// Key signs transfers (TSIG with HMAC-SHA256).
type Key struct {
	Name   string
	Secret string // in base64
}

// Secondary is a secondary of the cluster's zone that transfers from all nodes.
type Secondary struct {
	*Process
	ID        string
	DNS       string // HOST:PORT
	dir       string
	zone      string
	key       *Key
	primaries []string
}

// path finds the program; system programs' directories are not in everybody's PATH.
func (w Software) path() (string, error) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, w.binary)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", w.binary)
}

// Installed says why a cluster cannot have such a secondary, if so.
func (w Software) Installed() error {
	_, err := w.path()
	return err
}

// Secondary makes a secondary, and starts nothing; Close ends it. With a key it signs its transfers.
func (c *Cluster) Secondary(w Software, key *Key) (*Secondary, error) {
	path, err := w.path()
	if err != nil {
		return nil, err
	}
	port, err := c.ports.take()
	if err != nil {
		return nil, err
	}
	s := &Secondary{ID: w.Name, DNS: loopback(port), dir: filepath.Join(c.dir, w.Name), zone: c.spec.Zone, key: key}
	for _, n := range c.nodes {
		s.primaries = append(s.primaries, n.DNS)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", w.Name, err)
	}
	config := filepath.Join(s.dir, "conf")
	if err := os.WriteFile(config, []byte(w.config(s)), 0o600); err != nil {
		return nil, fmt.Errorf("configure %s: %w", w.Name, err)
	}
	s.Process = &Process{name: "secondary " + w.Name, log: filepath.Join(s.dir, "log"), command: func() *exec.Cmd {
		cmd := exec.Command(path, append(w.args[:len(w.args):len(w.args)], config)...)
		cmd.Dir = s.dir
		return cmd
	}}
	c.secondaries = append(c.secondaries, s)
	return s, nil
}

// TransferLines let these secondaries take the zone from a node: they stand in the server block, beside failover.
func TransferLines(key *Key, all ...*Secondary) string {
	var b strings.Builder
	b.WriteString("transfer {\n        to")
	for _, s := range all {
		b.WriteString(" " + s.DNS)
	}
	b.WriteString("\n    }\n")
	if key != nil {
		fmt.Fprintf(&b, "    tsig {\n        secret %s %s\n        require AXFR IXFR\n    }\n", key.Name, key.Secret)
	}
	return b.String()
}

// Same waits until the secondary has a node's serial and answers all questions as the node does, and says what differs
// if it never does.
func (s *Secondary) Same(ctx context.Context, n *Node, questions ...dns.Question) error {
	return until(ctx, s.Process, func(ctx context.Context) error {
		as := &Node{ID: s.ID, DNS: s.DNS}
		theirs, err := as.Serial(ctx, s.zone)
		if err != nil {
			return err
		}
		ours, err := n.Serial(ctx, s.zone)
		if err == nil && ours != theirs {
			err = fmt.Errorf("%s has serial %d, %s has %d", s.ID, theirs, n.ID, ours)
		}
		for _, q := range questions {
			if err == nil {
				err = sameAnswer(ctx, n, as, q)
			}
		}
		return err
	})
}

// sameAnswer says how the answers of a node and its secondary differ.
func sameAnswer(ctx context.Context, n, secondary *Node, q dns.Question) error {
	want, err := n.Query(ctx, q.Name, q.Qtype)
	if err != nil {
		return err
	}
	got, err := secondary.Query(ctx, q.Name, q.Qtype)
	if err != nil {
		return err
	}
	if Answer(got) != Answer(want) || !got.Authoritative {
		return fmt.Errorf("%s: %s answers %s, %s answers %s, with authority: %t", q.String(), n.ID, Answer(want), secondary.ID, Answer(got), got.Authoritative)
	}
	return nil
}

func split(address string) (host, port string) {
	host, port, _ = net.SplitHostPort(address) // all addresses here are made by loopback
	return host, port
}

func nsdConfig(s *Secondary) string {
	var b strings.Builder
	host, port := split(s.DNS)
	fmt.Fprintf(&b, `server:
    ip-address: %s@%s
    server-count: 1
    username: ""
    zonesdir: "%[3]s"
    database: ""
    pidfile: "%[3]s/pid"
    xfrdfile: "%[3]s/xfrd.state"
    zonelistfile: "%[3]s/zone.list"
    xfrdir: "%[3]s"
    xfrd-reload-timeout: 0 # by default it serves nothing new for a second, to take several changes at once
    verbosity: 2
remote-control:
    control-enable: no
`, host, port, s.dir)
	key := "NOKEY"
	if s.key != nil {
		key = s.key.Name
		fmt.Fprintf(&b, "key:\n    name: %q\n    algorithm: hmac-sha256\n    secret: %q\n", s.key.Name, s.key.Secret)
	}
	fmt.Fprintf(&b, "zone:\n    name: %q\n    zonefile: \"secondary.zone\"\n    allow-notify: 127.0.0.1 NOKEY\n", s.zone)
	for _, p := range s.primaries {
		host, port := split(p)
		fmt.Fprintf(&b, "    request-xfr: %s@%s %s\n", host, port, key)
	}
	return b.String()
}

func bindConfig(s *Secondary) string {
	var b strings.Builder
	host, port := split(s.DNS)
	key := ""
	if s.key != nil {
		key = fmt.Sprintf(" key %q", s.key.Name)
		fmt.Fprintf(&b, "key %q {\n    algorithm hmac-sha256;\n    secret %q;\n};\n", s.key.Name, s.key.Secret)
	}
	fmt.Fprintf(&b, `options {
    directory "%s";
    pid-file none;
    session-keyfile none;
    lock-file none;
    listen-on port %s { %s; };
    listen-on-v6 { none; };
    recursion no;
    dnssec-validation no;
    notify no;
    allow-query { any; };
};
controls { };
zone "%s" {
    type secondary;
    file "secondary.zone";
    masterfile-format text;
    allow-notify { 127.0.0.1; };
    primaries {
`, s.dir, port, host, s.zone)
	for _, p := range s.primaries {
		host, port := split(p)
		fmt.Fprintf(&b, "        %s port %s%s;\n", host, port, key)
	}
	b.WriteString("    };\n};\n")
	return b.String()
}
