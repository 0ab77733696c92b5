package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

const hookSecret = "a-secret-of-the-webhook-test"

// listener takes webhooks, checks their signatures, and hangs while it is told to.
type listener struct {
	t *testing.T

	mu    sync.Mutex // guards what follows
	seen  []uint64   // event IDs, each try
	hangs bool
	hung  int
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was killed
	}
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
		l.t.Errorf("signature %q, want %q", r.Header.Get("webhook-signature"), want)
	}
	var m struct{ Data struct{ ID uint64 } }
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&m); err != nil {
		l.t.Error(err)
	}
	l.mu.Lock()
	hangs := l.hangs
	if hangs {
		l.hung++
	} else {
		l.seen = append(l.seen, m.Data.ID)
	}
	l.mu.Unlock()
	if hangs {
		<-r.Context().Done()
	}
}

func (l *listener) hang(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hangs = on
}

func (l *listener) ids() ([]uint64, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen), l.hung
}

// TestLeaderKilledInTheMiddleOfADeliveryLosesNoEvent: the next one delivers what is left, in order.
func TestLeaderKilledInTheMiddleOfADeliveryLosesNoEvent(t *testing.T) {
	hook := &listener{t: t}
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close)
	secret := filepath.Join(t.TempDir(), "secret")
	ok(t, os.WriteFile(secret, []byte(hookSecret+"\n"), 0o600))
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"webhook pager " + server.URL + " {", "events override-*", "secret file:" + secret, "}"}})

	leader, err := c.Leader(soon(t))
	ok(t, err)
	other := but(c, leader)[0]
	waitFor(t, "a mark of the webhook", func() bool {
		a, err := other.API().Webhooks(soon(t))
		return err == nil && len(a.Webhooks) == 1 && a.Webhooks[0].Through > 0
	})
	toggle(t, other, 3)
	waitFor(t, "the first deliveries", func() bool { ids, _ := hook.ids(); return len(ids) == 6 })

	hook.hang(true)
	toggle(t, other, 3)
	waitFor(t, "a delivery that hangs", func() bool { _, hung := hook.ids(); return hung > 0 })
	leader.Kill()
	hook.hang(false)
	waitFor(t, "the others' leader", func() bool {
		next, err := c.Leader(soon(t))
		return err == nil && next != leader
	})
	toggle(t, other, 2)

	var want []uint64
	events, err := other.API().Events(soon(t), 0, 0)
	ok(t, err)
	for _, e := range events.Events {
		if strings.HasPrefix(e.Type, "override-") {
			want = append(want, e.ID)
		}
	}
	waitFor(t, "all deliveries", func() bool { ids, _ := hook.ids(); return len(once(ids)) >= len(want) })
	got, hung := hook.ids()
	if !slices.Equal(once(got), want) || len(want) < 16 {
		t.Errorf("delivered, each first time: %v, want %v", once(got), want)
	}
	t.Logf("%d events, %d tries, %d of them cut off by the kill", len(want), len(got)+hung, hung)
	if page := command(t, other, 0, "webhook", "list"); !strings.Contains(page, "pager") {
		t.Errorf("webhook list says:\n%s", page)
	}
	command(t, other, 0, "webhook", "test", "pager")

	ok(t, leader.Start())
	ok(t, leader.WaitReady(soon(t)))
	block := regexp.MustCompile(`(?s)webhook pager .*?\}\n`)
	for _, n := range c.Nodes() {
		text, err := n.Corefile()
		ok(t, err)
		ok(t, n.WriteCorefile(block.ReplaceAllString(text, "")))
		ok(t, n.Reload())
	}
	command(t, leader, 0, "webhook", "forget", "pager", "--reason", "nobody is paged any more", "--wait")
	if page := command(t, other, 0, "webhook", "list", "--consistent"); strings.Contains(page, "pager") {
		t.Errorf("it is not forgotten:\n%s", page)
	}
}

// toggle sets and clears an override n times.
func toggle(t *testing.T, n *cluster.Node, times int) {
	t.Helper()
	for range times {
		who := api.Who{Author: "e2e", Reason: "an event"}
		waitFor(t, "the override", func() bool {
			_, err := n.API().SetOverride(soon(t), api.OverrideRequest{Who: who, Scope: "site", Target: "aws", Word: "down"}, false)
			return err == nil
		})
		waitFor(t, "its end", func() bool {
			_, err := n.API().ClearOverride(soon(t), api.ClearRequest{Who: who, Scope: "site", Target: "aws"}, false)
			return err == nil
		})
	}
}

// once is a list without what has been in it before.
func once(ids []uint64) (out []uint64) {
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func waitFor(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !there(); time.Sleep(often) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
