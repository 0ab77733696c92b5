package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"failoverdns/api"
	"failoverdns/trust"
)

// stopWithin is how long a node may take for a clean stop.
const stopWithin = 10 * time.Second

// Node is one failoverdns process.
type Node struct {
	*Process
	ID      string
	Dir     string // its working directory, with Corefile, certificates and data
	DNS     string // HOST:PORT, as all that follow
	Raft    string
	Admin   string
	Metrics string
	ReadyAt string
	Server  string     // path of the program that its next start runs
	Env     []string   // what is set for that program beside this one's environment, as NAME=VALUE
	Passed  []*os.File // sockets that its next start is given, as a service manager does (sd_listen_fds(3))
	place   Place
	ctl     string // path of failoverctl
	client  *api.Client

	consistent *api.Client
}

func (c *Cluster) newNode(id string) (*Node, error) {
	n := &Node{ID: id, Dir: filepath.Join(c.dir, id), place: c.spec.Place(id), Server: filepath.Join(c.spec.Binaries, "failoverdns"), ctl: filepath.Join(c.spec.Binaries, "failoverctl")}
	for _, at := range []*string{&n.DNS, &n.Raft, &n.Admin, &n.Metrics, &n.ReadyAt} {
		port, err := c.ports.take()
		if err != nil {
			return nil, err
		}
		if at == &n.DNS && c.spec.Delegated {
			port = 53 // a delegation names no port
		}
		*at = n.place.at(port)
		if at == &n.Admin {
			*at = loopback(port) // any other address demands TLS and tokens
		}
	}
	if err := os.MkdirAll(n.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", id, err)
	}
	if err := os.WriteFile(filepath.Join(n.Dir, "node.id"), []byte(id+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the ID of %s: %w", id, err)
	}
	var err error
	n.Process = &Process{name: "node " + id, log: filepath.Join(n.Dir, "log"), command: func() *exec.Cmd {
		words := []string{n.Server, "-conf", "Corefile"}
		if len(n.Passed) > 0 { // the process has to be told its own ID
			words = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`}, words...)
		}
		cmd := n.place.command(words...)
		cmd.Dir = n.Dir
		cmd.Env = append(append(os.Environ(), n.Env...), "SSL_CERT_FILE="+filepath.Join(n.Dir, trust.CAFile)) // signs the toy sites too
		cmd.ExtraFiles = n.Passed
		cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(n.Passed)))
		return cmd
	}}
	o := api.Options{Servers: []string{"http://" + n.Admin}, Timeout: 5 * time.Second}
	if n.place.Dial != nil {
		o.Transport = &http.Transport{DialContext: n.place.Dial, DisableKeepAlives: true}
	}
	if n.client, err = api.NewClient(o); err != nil {
		return nil, err
	}
	o.Consistent = true
	n.consistent, err = api.NewClient(o)
	return n, err
}

// API is a client that asks this node only.
func (n *Node) API() *api.Client { return n.client }

// Consistent is a client that asks this node for reads that show every write acknowledged before.
func (n *Node) Consistent() *api.Client { return n.consistent }

// Corefile reads the node's Corefile.
func (n *Node) Corefile() (string, error) {
	b, err := os.ReadFile(filepath.Join(n.Dir, "Corefile"))
	return string(b), err
}

// WriteCorefile replaces the node's Corefile. A running node is told by Reload.
func (n *Node) WriteCorefile(text string) error {
	return os.WriteFile(filepath.Join(n.Dir, "Corefile"), []byte(text), 0o600)
}

// Reload has the node read its Corefile again (SIGUSR1). It does so after this returns.
func (n *Node) Reload() error { return n.Signal(syscall.SIGUSR1) }

// Stop stops the node cleanly.
func (n *Node) Stop() error { return n.Terminate(stopWithin) }

// WaitReady waits until the node says that it is ready.
func (n *Node) WaitReady(ctx context.Context) error {
	err := until(ctx, n.Process, func(ctx context.Context) error { return n.Ready(ctx) })
	if err != nil {
		return fmt.Errorf("%s does not become ready: %w", n.ID, err)
	}
	return nil
}

// Ready gives nil when the node says that it is ready.
func (n *Node) Ready(ctx context.Context) error {
	return get(ctx, "http://"+n.ReadyAt+"/ready", io.Discard)
}

// WriteMetrics writes the node's metrics in Prometheus' text form.
func (n *Node) WriteMetrics(ctx context.Context, w io.Writer) error {
	return get(ctx, "http://"+n.Metrics+"/metrics", w)
}

func get(ctx context.Context, url string, into io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %q: %w", url, err)
	}
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10)) // only to say more
		return fmt.Errorf("%s answers %s: %s", url, res.Status, text)
	}
	_, err = io.Copy(into, res.Body)
	return err
}

// Output is what a command said.
type Output struct {
	Out    string
	Err    string
	Status int // its exit status
}

// CLI runs failoverctl against this node.
func (n *Node) CLI(ctx context.Context, args ...string) (Output, error) {
	return n.run(ctx, "", append([]string{"--server", "http://" + n.Admin}, args...))
}

// Ctl runs failoverctl in this node's directory, against whatever server the arguments name.
func (n *Node) Ctl(ctx context.Context, args ...string) (Output, error) {
	return n.run(ctx, n.Dir, args)
}

func (n *Node) run(ctx context.Context, dir string, args []string) (Output, error) {
	words := append(append(slices.Clone(n.place.Within), n.ctl), args...)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = dir
	cmd.SysProcAttr = childAttributes()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Output{}, fmt.Errorf("run %s: %w", n.ctl, err)
	}
	return Output{Out: out.String(), Err: errs.String(), Status: cmd.ProcessState.ExitCode()}, nil
}

// Offline runs the node's server program once with other options, in the node's directory, and types something into it.
func (n *Node) Offline(typed string, args ...string) (string, error) {
	words := append(append(slices.Clone(n.place.Within), n.Server, "-conf", "Corefile"), args...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Stdin = n.Dir, strings.NewReader(typed)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
