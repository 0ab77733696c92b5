package e2e

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
	"failoverdns/token"
	"failoverdns/trust"
)

// TestStrangerReadsNothingButDNSAnswersAndChangesNothing: a stranger reaches every port of every node, and has neither a
// token nor a certificate, or ones of no use. Its attempts are counted, and tokens and certificates work all the while.
func TestStrangerReadsNothingButDNSAnswersAndChangesNothing(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	root := locked(t, c)
	x := newStranger(t, c, root)
	before := whatStands(t, c, root)
	for _, n := range c.Nodes() {
		x.asksInVain(n)
		x.knocksInVain(n)
		x.joinsInVain(n)
		speaksInVain(t, n)
		asksDNSInVain(t, n)
		readsWhatIsPublic(t, n)
		for _, reason := range []string{"admin-nobody", "admin-token", "admin-certificate", "handshake", "not-a-member"} {
			if refused(t, n, reason) == 0 {
				t.Errorf("%s counts nothing as %s", n.ID, reason)
			}
		}
	}
	if after := whatStands(t, c, root); after != before {
		t.Errorf("something changed: %s\nbefore: %s", after, before)
	}
	out := withToken(t, c.Nodes()[0], root, "audit", "-o", "json")
	if strings.Contains(out.Out, "stranger") || strings.Contains(out.Out, "pin-set") || out.Status != 0 {
		t.Errorf("something was written: %s", out.Out)
	}
	tokensWork(t, c, c.Nodes()[0], root)
}

// stranger is somebody with what does not help.
type stranger struct {
	t      *testing.T
	routes map[string]map[string]json.RawMessage // of the admin API: methods by path

	foreign  tls.Certificate // of a node of this name, by another CA
	operator tls.Certificate // by the cluster's CA, for the admin API alone
	outsider tls.Certificate // of node ns9, by the cluster's CA: it is no member

	join, revoked *token.Join // join tokens for ns9
}

func newStranger(t *testing.T, c *cluster.Cluster, root string) *stranger {
	t.Helper()
	n, dir := c.Nodes()[0], t.TempDir()
	x := &stranger{t: t, foreign: foreignPair(t)}
	ok(t, json.Unmarshal([]byte(documented(t, n, root)), &struct {
		Paths *map[string]map[string]json.RawMessage `json:"paths"`
	}{&x.routes}))
	if len(x.routes) < 10 {
		t.Fatalf("the document has %d paths", len(x.routes))
	}
	ok(t, trust.IssueAccess(c.TrustDir(), dir, trust.Access{Name: "ana", Role: "admin"}, time.Hour))
	ok(t, trust.Issue(c.TrustDir(), dir, "ns9", nil, time.Hour))
	x.operator, x.outsider = pair(t, dir, "ana"), pair(t, dir, "ns9")
	for _, k := range []**token.Join{&x.join, &x.revoked} {
		file := filepath.Join(dir, fmt.Sprintf("%p.token", k))
		if out := withToken(t, n, root, "token", "create", "ns9", "--join", "--role", "voter", "--reason", "e2e", "--out", file, "--wait"); out.Status != 0 {
			t.Fatal(unexpected("token create", out))
		}
		var err error
		*k, err = token.ParseJoin(secret(t, file))
		ok(t, err)
	}
	if out := withToken(t, n, root, "token", "revoke", x.revoked.ID, "--reason", "e2e", "--wait"); out.Status != 0 {
		t.Fatal(unexpected("token revoke", out))
	}
	return x
}

// whatStands is what the nodes say of the state, without when and from which index they say it, and what they answer.
func whatStands(t *testing.T, c *cluster.Cluster, root string) string {
	t.Helper()
	var b strings.Builder
	for _, n := range c.Nodes() {
		for _, read := range [][]string{{"overrides"}, {"maintenance", "list"}, {"switch", "list"}, {"drill", "list"}, {"token", "list"}, {"config", "diff"}} {
			out := withToken(t, n, root, append(read, "-o", "json")...)
			if out.Status != 0 {
				t.Fatal(unexpected(strings.Join(read, " "), out))
			}
			var a map[string]json.RawMessage
			ok(t, json.Unmarshal([]byte(out.Out), &a))
			for _, of := range []string{"node", "at", "index", "state_age_seconds"} {
				delete(a, of)
			}
			text, err := json.Marshal(a)
			ok(t, err)
			fmt.Fprintf(&b, "%s %s\n", read, text)
		}
		serial, err := n.Serial(soon(t), zone)
		ok(t, err)
		fmt.Fprintf(&b, "serial %d, %s\n", serial, n.Sample(soon(t), login))
	}
	return b.String()
}

// refused is how often a node has refused somebody for a reason.
func refused(t *testing.T, n *cluster.Node, reason string) float64 {
	t.Helper()
	return metric(t, n, `coredns_failover_auth_failures_total{reason="`+reason+`"}`)
}

// locked has every node take tokens only, over TLS, without a restart; it gives the file of an admin's token, which is a
// token of each node's own.
func locked(t *testing.T, c *cluster.Cluster) (root string) {
	t.Helper()
	root = filepath.Join(c.Dir(), "root.token")
	out, err := c.Nodes()[0].Ctl(soon(t), "token", "hash", "root", "--role", "admin", "--out", root)
	ok(t, err)
	if out.Status != 0 {
		t.Fatal(unexpected("token hash", out))
	}
	for _, n := range c.Nodes() {
		ok(t, os.WriteFile(filepath.Join(n.Dir, "tokens"), []byte(out.Out), 0o600))
		text, err := n.Corefile()
		ok(t, err)
		line := "admin " + n.Admin + "\n"
		ok(t, n.WriteCorefile(strings.Replace(text, line, fmt.Sprintf("admin %s {\ntls %s.pem %s-key.pem ca.pem\ntokens tokens\n}\n", n.Admin, n.ID, n.ID), 1)))
		ok(t, n.Reload())
		eventually(t, func() error {
			if out := withToken(t, n, root, "sites"); out.Status != 0 {
				return unexpected("sites", out)
			}
			return nil
		})
	}
	return root
}

// withToken runs failoverctl with a token, over TLS.
func withToken(t *testing.T, n *cluster.Node, tokenFile string, args ...string) cluster.Output {
	t.Helper()
	out, err := n.Ctl(soon(t), append([]string{"--server", "https://" + n.Admin, "--ca", trust.CAFile, "--token-file", tokenFile}, args...)...)
	ok(t, err)
	return out
}

func documented(t *testing.T, n *cluster.Node, tokenFile string) string {
	t.Helper()
	b, err := os.ReadFile(tokenFile)
	ok(t, err)
	r, err := http.NewRequest("GET", "https://"+n.Admin+"/v1/openapi.json", nil)
	ok(t, err)
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(b)))
	_, body, err := visit(n, nil, r)
	ok(t, err)
	return body
}

var visits atomic.Uint32

// visit sends a request, over TLS for https, on a connection of its own from an address of its own.
func visit(n *cluster.Node, certs []tls.Certificate, r *http.Request) (status int, body string, err error) {
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(visits.Load()>>8), byte(visits.Add(1)))}}
	tr := &http.Transport{DisableKeepAlives: true, DialContext: from.DialContext, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certs}}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr, Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

// asksInVain asks every route of the admin API, each from addresses of its own, so that no answer is 429 alone: with nothing,
// with a token and with certificates that are not known here. It hears 401, alike for all
// routes, or nothing.
func (x *stranger) asksInVain(n *cluster.Node) {
	x.t.Helper()
	heard := map[string]int{}
	for path, methods := range x.routes {
		for method := range methods {
			for what, with := range map[string]struct {
				token string
				certs []tls.Certificate
			}{
				"nothing": {}, "a wrong token": {token: token.New().Text()}, "no token at all": {token: "failover_x"},
				"another CA's certificate": {certs: []tls.Certificate{x.foreign}}, "a node's certificate": {certs: []tls.Certificate{x.outsider}},
			} {
				r, err := http.NewRequest(strings.ToUpper(method), "https://"+n.Admin+strings.NewReplacer("{", "", "}", "").Replace(path),
					strings.NewReader(`{"author":"stranger","reason":"x","group":"all","site":"aws","force":true}`))
				ok(x.t, err)
				r.Header.Set("Content-Type", "application/json")
				if with.token != "" {
					r.Header.Set("Authorization", "Bearer "+with.token)
				}
				status, body, err := visit(n, with.certs, r)
				if err != nil && with.certs == nil || err == nil && status != http.StatusUnauthorized || strings.Contains(body, "ns1") || strings.Contains(body, "azure") {
					x.t.Errorf("%s with %s: %s %s: HTTP status %d %s, %v", n.ID, what, method, path, status, body, err)
				}
				heard[body]++
			}
		}
	}
	delete(heard, "")   // of HEAD, and of failed handshakes
	if len(heard) > 3 { // by what it came with: nothing, a token, a certificate
		x.t.Errorf("%s tells paths apart: %v", n.ID, heard)
	}
}

// The protocols of the cluster's port.
const (
	protocolRaft  = "failover-raft/1"
	protocolCalls = "failover-rpc/1"
	protocolJoin  = "failover-join/1"
)

// knocksInVain tries the cluster's port over TLS, by each protocol that nodes speak and others. The port says nothing, but
// at the door for joining, to a node whose certificate the cluster's CA has signed: it did not understand.
func (x *stranger) knocksInVain(n *cluster.Node) {
	x.t.Helper()
	for what, certs := range map[string][]tls.Certificate{"nothing": nil, "another CA's certificate": {x.foreign}, "an operator's certificate": {x.operator}, "a non-member's certificate": {x.outsider}} {
		for _, alpn := range []string{protocolRaft, protocolCalls, protocolJoin, "h2", ""} {
			conn, err := knock(n, certs, alpn)
			if err != nil {
				continue
			}
			_, _ = conn.Write([]byte("\x00stranger\r\n\r\n"))
			b, _ := io.ReadAll(conn)
			door := alpn == protocolJoin && what == "a non-member's certificate" && strings.HasPrefix(string(b), "HTTP/1.1 400 ")
			if len(b) > 0 && !door {
				x.t.Errorf("with %s, by %q the port of %s says %q", what, alpn, n.ID, b)
			}
			conn.Close()
		}
	}
}

func knock(n *cluster.Node, certs []tls.Certificate, alpn string) (*tls.Conn, error) {
	conf := &tls.Config{InsecureSkipVerify: true, Certificates: certs}
	if alpn != "" {
		conf.NextProtos = []string{alpn}
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", n.Raft, conf)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(10 * time.Second))
}

// joinsInVain comes with the certificate of a node that is no member to the door for joining. It is let in by no token but a
// good one, in its own name; it hears of no member; and each attempt is counted.
func (x *stranger) joinsInVain(n *cluster.Node) {
	x.t.Helper()
	before := refused(x.t, n, "token")
	body := func(node, id, secret string) string {
		return fmt.Sprintf(`{"id":%q,"incarnation":"00000000000000000000000000000000","address":"127.0.0.1:1","role":"voter","level":2,"token":%q,"secret":%q}`, node, id, secret)
	}
	unknown := token.New()
	attempts := map[string]string{
		"garbage": "\x00stranger", "no JSON object": "[]", "no token": body("ns9", "", ""), "an unknown token": body("ns9", unknown.ID, unknown.Secret()),
		"a wrong secret": body("ns9", x.join.ID, unknown.Secret()), "a revoked token": body("ns9", x.revoked.ID, x.revoked.Secret()),
		"another node's name": body("ns1", x.join.ID, x.join.Secret()),
	}
	for what, body := range attempts {
		r, err := http.NewRequest(http.MethodPost, "https://"+n.Raft+"/raftstore/v1/join", strings.NewReader(body))
		ok(x.t, err)
		conn, err := knock(n, []tls.Certificate{x.outsider}, protocolJoin)
		ok(x.t, err)
		ok(x.t, r.Write(conn))
		said, _ := io.ReadAll(conn) // it closes after one answer
		conn.Close()
		text := string(said)
		if refused := strings.HasPrefix(text, "HTTP/1.1 400 ") || strings.HasPrefix(text, "HTTP/1.1 200 ") && strings.Contains(text, `"refusal"`); !refused || strings.Contains(text, `"members"`) || strings.Contains(text, "ns2") {
			x.t.Errorf("with %s %s answers %q", what, n.ID, text)
		}
	}
	eventually(x.t, func() error {
		if got := refused(x.t, n, "token") - before; got < float64(len(attempts)) {
			return fmt.Errorf("%s counts %v of %d attempts to join", n.ID, got, len(attempts))
		}
		return nil
	})
}

// readsWhatIsPublic: the ports of metrics and readiness know no tokens. They show metrics and a word, whatever is sent to
// them, and nothing else.
func readsWhatIsPublic(t *testing.T, n *cluster.Node) {
	t.Helper()
	for _, at := range []struct {
		url    string
		status int
		starts string
	}{
		{"http://" + n.Metrics + "/metrics", http.StatusOK, "# HELP "}, {"http://" + n.Metrics + "/v1/status", http.StatusNotFound, "404"},
		{"http://" + n.Metrics + "/debug/pprof/", http.StatusNotFound, "404"},
		{"http://" + n.ReadyAt + "/ready", http.StatusOK, "OK"}, {"http://" + n.ReadyAt + "/v1/status", http.StatusNotFound, "404"},
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			r, err := http.NewRequest(method, at.url, strings.NewReader(`{"author":"stranger"}`))
			ok(t, err)
			status, body, err := visit(n, nil, r)
			if err != nil || status != at.status || !strings.HasPrefix(body, at.starts) {
				t.Errorf("%s %s: HTTP status %d %.100q, %v", method, at.url, status, body, err)
			}
		}
	}
}

// speaksInVain sends what is no TLS to the ports that speak it.
func speaksInVain(t *testing.T, n *cluster.Node) {
	t.Helper()
	for _, port := range []string{n.Raft, n.Admin} {
		conn, err := net.DialTimeout("tcp", port, 5*time.Second)
		ok(t, err)
		ok(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, "GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		ok(t, err)
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if strings.Contains(line, "200") || strings.Contains(line, "ns1") {
			t.Errorf("%s answers in the clear: %q", port, line)
		}
		conn.Close()
	}
}

// asksDNSInVain gets an answer, and neither the zone nor a change of it.
func asksDNSInVain(t *testing.T, n *cluster.Node) {
	t.Helper()
	m, err := n.Query(soon(t), login, dns.TypeA)
	ok(t, err)
	if got := cluster.Answer(m); got != azure {
		t.Errorf("a stranger's query is answered with %s", got)
	}
	zone := dns.Fqdn("auth.example.com")
	axfr, ixfr, update, notify := new(dns.Msg).SetAxfr(zone), new(dns.Msg).SetIxfr(zone, 1, "ns1."+zone, "x."+zone), new(dns.Msg).SetUpdate(zone), new(dns.Msg).SetNotify(zone)
	rr, err := dns.NewRR("stranger." + zone + " 60 A 192.0.2.66")
	ok(t, err)
	update.Insert([]dns.RR{rr})
	chaos := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	for what, m := range map[string]*dns.Msg{"AXFR": axfr, "IXFR": ixfr, "UPDATE": update, "NOTIFY": notify, "version.bind": chaos, "another zone": new(dns.Msg).SetQuestion("example.net.", dns.TypeSOA)} {
		for _, network := range []string{"udp", "tcp"} {
			res, _, err := (&dns.Client{Net: network, Timeout: 5 * time.Second}).Exchange(m, n.DNS)
			if err == nil && (res.Rcode == dns.RcodeSuccess && what != "NOTIFY" || len(res.Answer) > 0) {
				t.Errorf("%s %s over %s: %s", n.ID, what, network, res)
			}
		}
	}
	m, err = n.Query(soon(t), "stranger."+zone, dns.TypeA)
	ok(t, err)
	if m.Rcode != dns.RcodeNameError {
		t.Errorf("the stranger's name is there: %s", m)
	}
}

// tokensWork makes a token of the cluster through one node and uses it, for its role and zone only, at another.
func tokensWork(t *testing.T, c *cluster.Cluster, n *cluster.Node, root string) {
	t.Helper()
	file := filepath.Join(c.Dir(), "ops.token")
	want := func(status int, tokenFile string, at *cluster.Node, args ...string) {
		t.Helper()
		if out := withToken(t, at, tokenFile, args...); out.Status != status {
			t.Error(unexpected(strings.Join(args, " "), out))
		}
	}
	want(0, root, n, "token", "create", "ops", "--role", "operate", "--zone", "auth.example.com", "--reason", "e2e", "--out", file, "--wait")
	other := c.Nodes()[1]
	want(0, file, other, "failover", "auth.example.com", "--to", "aws", "--reason", "e2e", "--author", "ana", "--wait")
	if out := withToken(t, other, file, "overrides"); !strings.Contains(out.Out, "ana via token ops") {
		t.Errorf("the pin's author is not the token's: %s", out.Out)
	}
	want(1, file, other, "unpin", "all", "--reason", "e2e") // all groups are more than its zone
	want(1, file, other, "token", "list")
	want(0, file, other, "unpin", "auth.example.com", "--reason", "e2e")
	id, _, _ := strings.Cut(strings.TrimPrefix(secret(t, file), "failover_"), "_")
	want(0, root, n, "token", "revoke", id, "--reason", "e2e", "--wait")
	want(1, file, other, "sites")
	for _, n := range c.Nodes() {
		if log := n.Log(); strings.Contains(log, secret(t, file)) || strings.Contains(log, secret(t, root)) {
			t.Errorf("a token is in the log of %s", n.ID)
		}
	}
}

func secret(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	ok(t, err)
	return strings.TrimSpace(string(b))
}

func foreignPair(t *testing.T) tls.Certificate {
	t.Helper()
	dir := t.TempDir()
	ok(t, trust.InitCA(dir))
	ok(t, trust.Issue(dir, dir, "ns1", nil, time.Hour))
	return pair(t, dir, "ns1")
}

func pair(t *testing.T, dir, name string) tls.Certificate {
	t.Helper()
	p, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem"))
	ok(t, err)
	return p
}
