//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
	"failoverdns/e2e/world"
)

// carried is where a machine has what the page says to take there.
const carried = "/srv/failoverdns"

// TestPageInstallsThreeNodesUnderSystemd does what docs/install.md says, word for word but for the addresses, on three
// machines that a real systemd has booted, and then holds the unit to what it and the page promise.
func TestPageInstallsThreeNodesUnderSystemd(t *testing.T) {
	net := network(t, "ns1", "ns2", "ns3")
	page := installPage(t, net)
	home := carry(t, page)

	var machines []*world.Machine
	for _, id := range []string{"ns1", "ns2", "ns3"} {
		machines = append(machines, bootWith(t, net.Host(id), home, page.corefile(t, id, net.Host(id).Address)))
	}
	var all sync.WaitGroup
	for _, m := range machines {
		all.Go(func() {
			steps := strings.Replace(page.commands("On each node"), "node=ns1\n", "node="+m.Name+"\n", 1)
			steps, _, _ = strings.Cut(steps, "failoverctl status\n") // what comes then looks at the result
			if out, err := m.Run(within(t, time.Minute), "sh", "-euc", "cd "+carried+"\n"+steps); err != nil {
				t.Errorf("the page's commands fail: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
	for _, m := range machines {
		eventually(t, func() error { return answersAt(t, m) })
		eventually(t, func() error { _, err := m.Run(soon(t), "failoverctl", "cluster", "status"); return err })
	}

	m := machines[0]
	isConfined(t, m)
	saysWhatAReloadCameTo(t, m)
	isBackAfterEachEnd(t, m)
	for _, m := range machines {
		run(t, m, "systemctl", "stop", "failoverdns")
		if got := unit(t, m, "Result") + unit(t, m, "ActiveState"); got != "successinactive" {
			t.Errorf("%s after systemctl stop: %s", m.Name, got)
		}
	}
	leavesRootOutOfTheServicesDirectory(t, m)
	if log := run(t, m, "journalctl", "--unit", "failoverdns"); !strings.Contains(log, "serves /etc/failoverdns/Corefile") {
		t.Errorf("the journal has not the server's log:\n%s", log)
	}
}

// TestRestartsUnderSystemdLoseNoQuery has systemd hold the sockets, as docs/install.md says, and restarts the service under
// load.
func TestRestartsUnderSystemdLoseNoQuery(t *testing.T) {
	net := network(t, "ns1", "ns2", "ns3") // two of them for the page's addresses alone
	page, host := installPage(t, net), net.Host("ns1")
	home := carry(t, page)
	alone := regexp.MustCompile(`(?m)^ *(id|listen|peer|tls) .*\n`).ReplaceAllString(page.corefile(t, "ns1", host.Address), "")
	m := bootWith(t, host, home, strings.Replace(alone, "203.0.113.10", azure, 1))
	steps, _, _ := strings.Cut(page.commands("On each node"), "failoverctl status\n")
	run(t, m, "sh", "-euc", "cd "+carried+"\n"+steps+page.commands("Sockets held by systemd"))
	n := &cluster.Node{DNS: host.Address + ":53"}
	eventually(t, func() error { return answersWith(t, m, azure) })

	l := startLoad(t, n)
	for range restarts {
		time.Sleep(500 * time.Millisecond)
		run(t, m, "systemctl", "restart", "failoverdns")
	}
	time.Sleep(500 * time.Millisecond)
	run(t, m, "systemctl", "reload", "failoverdns")
	time.Sleep(500 * time.Millisecond)
	l.check(t, 0)
	if got := unit(t, m, "NRestarts"); got != "0" {
		t.Errorf("systemd had to start it %s times", got)
	}
}

// carry makes a directory of what the page says to take to a node.
func carry(t *testing.T, page manual) string {
	t.Helper()
	home := t.TempDir()
	for _, dir := range []string{"../bin", "../deploy", "../docs"} {
		ok(t, exec.Command("cp", "-r", dir, home).Run())
	}
	shell(t, home, strings.Replace(page.commands("Build, and make certificates"), "make build\n", "", 1))
	return home
}

// network builds hosts, or skips the test.
func network(t *testing.T, names ...string) *world.Network {
	t.Helper()
	if os.Getenv(gate) == "" {
		t.Skipf("needs real time and built binaries; run: make e2e, or set %s=1", gate)
	}
	if err := errors.Join(world.Possible(), world.Bootable()); err != nil {
		t.Skipf("cannot build machines: %v", err)
	}
	t.Parallel()
	net, err := world.New(names...)
	ok(t, err)
	t.Cleanup(func() { ok(t, net.Close()) })
	return net
}

// bootWith boots a machine to which the page's things were taken.
func bootWith(t *testing.T, h *world.Host, things, corefile string) *world.Machine {
	t.Helper()
	dir := filepath.Join(t.TempDir(), h.Name)
	ok(t, exec.Command("cp", "-r", things, dir).Run())
	ok(t, os.WriteFile(filepath.Join(dir, "Corefile"), []byte(corefile), 0o600))
	m, err := h.Boot(dir, carried)
	ok(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := m.Run(t.Context(), "journalctl", "--no-pager", "--lines", "40")
			t.Logf("%s logged last:\n%s", m.Name, log)
		}
		m.Close()
	})
	return m
}

// manual is docs/install.md with the addresses of a network.
type manual string

func installPage(t *testing.T, net *world.Network) manual {
	t.Helper()
	b, err := os.ReadFile("../docs/install.md")
	ok(t, err)
	page := string(b)
	for id, address := range map[string]string{"ns1": "192.0.2.1", "ns2": "198.51.100.1", "ns3": "203.0.113.1"} {
		page = regexp.MustCompile(`\b`+regexp.QuoteMeta(address)+`\b`).ReplaceAllString(page, net.Host(id).Address)
	}
	return manual(page)
}

// commands are those of a section.
func (m manual) commands(section string) string {
	_, rest, _ := strings.Cut(string(m), "\n## "+section+"\n")
	text, _, _ := strings.Cut(rest, "\n## ")
	text = regexp.MustCompile(`(?s)~~~.*?~~~`).ReplaceAllString(text, "")
	var b strings.Builder
	for line := range strings.Lines(text) {
		if command, is := strings.CutPrefix(line, "    "); is {
			b.WriteString(command)
		}
	}
	return b.String()
}

// corefile is the page's, with the two lines of its own that each node has.
func (m manual) corefile(t *testing.T, id, address string) string {
	t.Helper()
	_, rest, _ := strings.Cut(string(m), "~~~ corefile\n")
	text, _, _ := strings.Cut(rest, "~~~")
	own := map[string]string{"id": "id " + id, "listen": "listen " + address + ":7400"}
	marked := regexp.MustCompile(`(?m)^( +)(\w+) \S+ +# this node's$`)
	if n := len(marked.FindAllString(text, -1)); n != len(own) {
		t.Fatalf("the page marks %d lines as a node's own, want %d", n, len(own))
	}
	return marked.ReplaceAllStringFunc(text, func(line string) string { return own[strings.Fields(line)[0]] })
}

func shell(t *testing.T, dir, commands string) {
	t.Helper()
	cmd := exec.CommandContext(soon(t), "sh", "-eux", "-c", commands)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the page's commands fail: %v\n%s", err, out)
	}
}

func run(t *testing.T, m *world.Machine, words ...string) string {
	t.Helper()
	out, err := m.Run(soon(t), words...)
	ok(t, err)
	return out
}

// unit is a property of the service.
func unit(t *testing.T, m *world.Machine, property string) string {
	t.Helper()
	return strings.TrimSpace(run(t, m, "systemctl", "show", "--property", property, "--value", "failoverdns"))
}

// answersAt wants the page's primary of a machine.
func answersAt(t *testing.T, m *world.Machine) error { return answersWith(t, m, "203.0.113.10") }

// answersWith asks a machine on port 53, from outside.
func answersWith(t *testing.T, m *world.Machine, want string) error {
	c := &dns.Client{Timeout: time.Second}
	got, _, err := c.ExchangeContext(soon(t), new(dns.Msg).SetQuestion(login+".", dns.TypeA), m.Address+":53")
	if err == nil && cluster.Answer(got) != want {
		err = fmt.Errorf("%s answers %s", m.Name, got)
	}
	return err
}

// isConfined holds the running process to the unit's promises.
func isConfined(t *testing.T, m *world.Machine) {
	t.Helper()
	pid := unit(t, m, "MainPID")
	status := run(t, m, "cat", "/proc/"+pid+"/status")
	for _, want := range []string{"CapEff:\t0000000000000400\n", "CapBnd:\t0000000000000400\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("the process has not %q:\n%s", want, status)
		}
	}
	if strings.Contains(status, "Uid:\t0\t") {
		t.Error("the process is root's")
	}
	for path, writable := range map[string]bool{"/var/lib/failoverdns/x": true, "/etc/failoverdns/x": false, "/usr/local/bin/x": false, "/var/lib/x": false, "/srv/x": false} {
		out, err := m.Run(soon(t), "nsenter", "--target", pid, "--mount", "touch", path) // as root, in what it sees
		if writable && err != nil || !writable && !strings.Contains(out, "Read-only file system") {
			t.Errorf("write %s where the process is: %v", path, err)
		}
	}
	if out, err := m.Run(soon(t), "nsenter", "--target", pid, "--mount", "ls", "/root/."); err == nil && out != "" {
		t.Errorf("it sees root's home: %s", out)
	}
}

// saysWhatAReloadCameTo: systemctl status tells of a file that is wrong, and the server goes on.
func saysWhatAReloadCameTo(t *testing.T, m *world.Machine) {
	t.Helper()
	const file = "/etc/failoverdns/Corefile"
	pid := unit(t, m, "MainPID")
	for _, c := range []struct{ edit, want string }{{"s/secondary aws/secondry aws/", "everything stays as it was"}, {"s/secondry aws/secondary aws/", "serves " + file}} {
		run(t, m, "sed", "-i", c.edit, file)
		run(t, m, "systemctl", "reload", "failoverdns")
		eventually(t, func() error {
			if got := unit(t, m, "StatusText"); !strings.Contains(got, c.want) {
				return fmt.Errorf("status says %q, want %q", got, c.want)
			}
			return nil
		})
		ok(t, answersAt(t, m))
	}
	if now := unit(t, m, "MainPID"); now != pid {
		t.Errorf("a reload has changed the process from %s to %s", pid, now)
	}
}

// isBackAfterEachEnd: a restart answers once systemctl returns, and a server that was killed is started again.
func isBackAfterEachEnd(t *testing.T, m *world.Machine) {
	t.Helper()
	began := time.Now()
	run(t, m, "systemctl", "restart", "failoverdns")
	took := time.Since(began)
	ok(t, answersAt(t, m))
	t.Logf("systemctl restart took %.2f s", took.Seconds())

	run(t, m, "kill", "-KILL", unit(t, m, "MainPID"))
	began = time.Now()
	eventually(t, func() error {
		if n := unit(t, m, "NRestarts"); n != "1" {
			return fmt.Errorf("%s restarts", n)
		}
		return answersAt(t, m)
	})
	t.Logf("answers again %.2f s after kill -9", time.Since(began).Seconds())
}

// leavesRootOutOfTheServicesDirectory: what root wrote there the service could not read.
func leavesRootOutOfTheServicesDirectory(t *testing.T, m *world.Machine) {
	t.Helper()
	words := []string{"failoverdns", "-conf", "/etc/failoverdns/Corefile", "-recover", "ns1,ns2"}
	if out, err := m.Run(soon(t), words...); err == nil || !strings.Contains(out, "runuser -u failoverdns") {
		t.Errorf("root works in the service's directory: %v\n%s", err, out)
	}
	out, _ := m.Run(soon(t), append([]string{"runuser", "-u", "failoverdns", "--"}, words...)...)
	if !strings.Contains(out, `Type "lose ns3"`) {
		t.Errorf("the service's user is not asked:\n%s", out)
	}
}
