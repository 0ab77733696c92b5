package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"failoverdns/e2e/cluster"
)

// TestSecretOfAHeaderFileGoesToTheSiteAndNowhereElse: each node reads its own, and it is in no log, no answer, no
// metric, and in no file but its own, on this node or another.
func TestSecretOfAHeaderFileGoesToTheSiteAndNowhereElse(t *testing.T) {
	c := prepare(t, cluster.Spec{Interval: fast})
	site := &secretSite{}
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	secrets := map[string]string{}
	for _, n := range c.Nodes() {
		secrets[n.ID] = "Bearer hunter2-" + n.ID
		ok(t, os.WriteFile(filepath.Join(n.Dir, "secret"), []byte(secrets[n.ID]+"\n"), 0o600))
		text, err := n.Corefile()
		ok(t, err)
		const line = "match healthy\n"
		ok(t, n.WriteCorefile(strings.Replace(text, line, line+"header Authorization file:secret\ndial "+server.Listener.Addr().String()+"\n", 1)))
	}
	ok(t, c.Start(soon(t)))
	eventually(t, func() error { return site.hasHeardAll(secrets) })
	site.refuse() // failures are told with a detail
	endpoint := "azure/health@" + server.Listener.Addr().String()
	eventually(t, func() error { return allVoteDown(t, c.Nodes()[0], endpoint) })

	for _, n := range c.Nodes() {
		said(t, n, n.Log())
		var metrics bytes.Buffer
		ok(t, n.WriteMetrics(soon(t), &metrics))
		said(t, n, metrics.String())
		for _, args := range []string{"status", "sites", "checks", "events", "incidents", "incidents 1", "config diff", "explain login.auth.example.com", "cluster members", "-o json checks", "-o json events", "-o json config diff"} {
			out, err := n.CLI(soon(t), strings.Fields(args)...)
			ok(t, err)
			if out.Status == 2 || out.Status == 3 {
				t.Error(unexpected(args, out))
			}
			said(t, n, fmt.Sprint(out))
		}
		said(t, n, checked(t, n))
		ok(t, n.Stop()) // with a snapshot
	}
	for _, n := range c.Nodes() {
		written(t, n)
	}
}

func allVoteDown(t *testing.T, n *cluster.Node, endpoint string) error {
	v, err := n.API().Votes(t.Context(), endpoint)
	if err != nil {
		return err
	}
	down := 0
	for _, vote := range v.Endpoint.Votes {
		if vote.Opinion == "down" {
			down++
		}
	}
	if down < 3 {
		return fmt.Errorf("the votes are %v", v.Endpoint.Votes)
	}
	return nil
}

// said fails if a text holds any node's secret.
func said(t *testing.T, n *cluster.Node, text string) {
	t.Helper()
	if i := strings.Index(text, "hunter2"); i >= 0 {
		t.Errorf("%s says a secret: %q", n.ID, text[max(0, i-100):min(len(text), i+20)])
	}
}

// checked is what -check prints of a node's Corefile.
func checked(t *testing.T, n *cluster.Node) string {
	t.Helper()
	binary, err := filepath.Abs(filepath.Join(binaries, "failoverdns"))
	ok(t, err)
	cmd := exec.CommandContext(soon(t), binary, "-conf", "Corefile", "-check")
	cmd.Dir = n.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("-check: %v: %s", err, out)
	}
	return string(out)
}

// written fails if a file of a node holds a secret, but for the one that is meant to.
func written(t *testing.T, n *cluster.Node) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(n.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "secret" {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("hunter2")) {
			t.Errorf("%s: a secret is in %s", n.ID, path)
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%s: %d files, %v", n.ID, files, err)
	}
}

// secretSite is a site that wants a password.
type secretSite struct {
	mu      sync.Mutex // guards the rest
	heard   map[string]bool
	refused bool
}

func (s *secretSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == nil {
		s.heard = map[string]bool{}
	}
	s.heard[r.Header.Get("Authorization")] = true
	if s.refused {
		w.WriteHeader(http.StatusForbidden)
	}
	fmt.Fprintln(w, "healthy")
}

func (s *secretSite) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = true
}

func (s *secretSite) hasHeardAll(secrets map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, secret := range secrets {
		if !s.heard[secret] {
			return errors.New("the site has not been sent the secret of " + id)
		}
	}
	return nil
}
