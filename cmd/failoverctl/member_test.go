package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/token"
	"failoverdns/trust"
)

func TestForceOnAMemberWantsItsIDOnceMore(t *testing.T) {
	for _, c := range []struct {
		typed, flag string
		status      int
	}{
		{"ns3\n", "", exitDone},
		{"ns2\n", "", exitUsage},
		{"", "", exitUsage},
		{"", "ns3", exitDone},
		{"ns3\n", "ns2", exitUsage},
	} {
		server := &canned{reply: done}
		stdin, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(stdin, c.typed); err != nil {
			t.Fatal(err)
		}
		if _, err := stdin.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		was := os.Stdin
		os.Stdin = stdin
		args := []string{"cluster", "remove", "ns3", "--reason", "r", "--force"}
		if c.flag != "" {
			args = append(args, "--confirm", c.flag)
		}
		_, errs, status := ctl(t, serve(t, server), args...)
		os.Stdin = was
		if status != c.status || (len(server.asked) == 1) != (status == exitDone) {
			t.Errorf("typed %q, flag %q: exit status %d after %d requests: %s", c.typed, c.flag, status, len(server.asked), errs)
		}
	}
}

// TestPlanOfAMembersChangeShowsTheMajorities before and after, and what is in the way.
func TestPlanOfAMembersChangeShowsTheMajorities(t *testing.T) {
	for answer, c := range map[string]struct {
		command string
		status  int
	}{
		"plan-remove":         {"cluster remove ns5 --reason r --plan", exitDone},
		"plan-demote-refused": {"cluster demote ns5 --reason r --plan", exitRefused},
	} {
		server := &canned{files: map[string]string{"/v1/cluster/remove": answer, "/v1/cluster/demote": answer}}
		out, errs, status := ctl(t, serve(t, server), strings.Fields(c.command)...)
		if status != c.status || errs != "" {
			t.Errorf("%s: exit status %d: %s", c.command, status, errs)
		}
		golden(t, answer+".golden", out)
		sameJSON(t, server, answer, c.command, c.status)
	}
}

func TestJoinTokenNamesTheCAThatTheClusterUses(t *testing.T) {
	server := &canned{files: map[string]string{"/v1/members": "members"}, reply: func(w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Path != "/v1/members" && done(w, r)
	}}
	at := serve(t, server)
	file := filepath.Join(t.TempDir(), "ns4.token")
	if _, errs, status := ctl(t, at, "token", "create", "ns4", "--join", "--role", "witness", "--reason", "growth", "--out", file); status != exitDone {
		t.Fatalf("exit status %d: %s", status, errs)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	j, err := token.ParseJoin(string(b))
	if err != nil {
		t.Fatal(err)
	}
	if trust.Pin(j.Pin).String() != strings.Repeat("ab", 32) || j.Role != "witness" || j.Expires.IsZero() || time.Until(j.Expires) > 365*24*time.Hour*10 {
		t.Errorf("got %+v until %s with the pin %x", j, j.Expires, j.Pin)
	}
	if sent := strings.Join(server.body, ""); strings.Contains(sent, j.Secret()) || !strings.Contains(sent, j.Hash()) {
		t.Errorf("sent was %s", sent)
	}
	joining := &canned{reply: func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", api.JSON)
		_, _ = io.WriteString(w, `{"node":"ns4","joined":true}`)
		return true
	}}
	join := []string{"cluster", "join", "192.0.2.1:7000", "--token", file}
	out, errs, status := ctl(t, serve(t, joining), join...)
	golden(t, "cluster-join.golden", out)
	asDocumented(t, joining, exitDone, append(join, "-o", "json")...)
	if status != exitDone || !strings.Contains(joining.body[0], j.Secret()) {
		t.Errorf("exit status %d: %s%s", status, out, errs)
	}
}
