package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

// TestDynamicRecordsByCommand goes through each command of record and zone, and asks every node for what it did.
func TestDynamicRecordsByCommand(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	n := c.Node("ns1")
	run := func(status int, args ...string) string {
		t.Helper()
		out, err := n.CLI(soon(t), args...)
		ok(t, err)
		if out.Status != status {
			t.Fatal(unexpected(strings.Join(args, " "), out))
		}
		return out.Out + out.Err
	}
	answered := func(name string, typ uint16, want string) {
		t.Helper()
		for _, n := range c.Nodes() {
			m, err := n.Query(soon(t), name, typ)
			ok(t, err)
			var got []string
			for _, rr := range m.Answer {
				got = append(got, strings.TrimPrefix(rr.String(), rr.Header().String()))
			}
			if fmt.Sprint(got) != "["+want+"]" {
				t.Errorf("%s answers %q for %s, want %q", n.ID, got, name, want)
			}
		}
	}
	sub := "dyn." + zone
	run(0, "zone", "create", sub, "--ns", "ns1.example.net", "--reason", "for records that come and go", "--wait")
	answered(sub, dns.TypeNS, "ns1.example.net.")
	run(0, "record", "set", "auto", "www."+sub, "A", "192.0.2.1", "192.0.2.2", "--if-version", "0", "--wait")
	answered("www."+sub, dns.TypeA, "192.0.2.1 192.0.2.2")
	if out := run(1, "record", "set", sub, "www", "A", "192.0.2.9", "--if-version", "0"); !strings.Contains(out, "is there already, at version") {
		t.Errorf("a second set of a new record set: %s", out)
	}
	for page, says := range map[string]string{
		run(0, "zone", "list"):        sub,
		run(0, "zone", "show", sub):   "made by command of",
		run(0, "record", "list", sub): "www." + sub,
	} {
		if !strings.Contains(page, says) {
			t.Errorf("%q is not in\n%s", says, page)
		}
	}
	run(0, "record", "remove", sub, "www", "A", "192.0.2.1", "--wait")
	answered("www."+sub, dns.TypeA, "192.0.2.2")
	run(0, "record", "delete", sub, "www", "A", "--wait")
	answered("www."+sub, dns.TypeA, "")
	if out := run(1, "record", "set", zone, "login", "A", "192.0.2.9"); !strings.Contains(out, "is steered by group "+zone) {
		t.Errorf("a steered name: %s", out)
	}
	run(0, "record", "add", zone, "login", "TXT", "v=spf1 -all", "--wait")
	answered(login, dns.TypeTXT, `"v=spf1 -all"`)
	if out := run(0, "zone", "export", zone); !strings.Contains(out, login+". TXT is dynamic") {
		t.Errorf("the export: %s", out)
	}
	if out := run(1, "zone", "delete", zone, "--reason", "a mistake", "--force"); !strings.Contains(out, "still declared by ns1") {
		t.Errorf("a declared zone: %s", out)
	}
	run(0, "zone", "delete", sub, "--reason", "done", "--wait")
	answered(sub, dns.TypeNS, "")
}
