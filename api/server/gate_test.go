package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/token"
	"failoverdns/trust"
)

// gated is a world whose API asks who one is: tokens of its file, of the cluster, and certificates.
type gated struct {
	*world
	t       *testing.T
	dir     string
	s       *Server
	service *Service
	log     *locked
	secrets []string // none of them may show anywhere
}

func newGated(t *testing.T) *gated {
	g := &gated{world: declared(t), t: t, dir: t.TempDir(), log: new(locked)}
	if err := trust.InitCA(g.dir); err != nil {
		t.Fatal(err)
	}
	if err := trust.Issue(g.dir, g.dir, "ns1", []string{"127.0.0.1"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	g.write("tokens", "")
	g.service = NewService(slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err := g.service.start(g.world, g.config()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.service.Stop(context.Background()) })
	g.s = g.service.server
	return g
}

func (g *gated) config() node.AdminConfig {
	return node.AdminConfig{Address: "127.0.0.1:0", Tokens: g.path("tokens"),
		TLS: &node.TLSFiles{Cert: g.path("ns1.pem"), Key: g.path("ns1-key.pem"), CA: g.path(trust.CAFile)}}
}

func (g *gated) path(name string) string { return filepath.Join(g.dir, name) }

func (g *gated) write(name, content string) {
	g.t.Helper()
	if err := os.WriteFile(g.path(name), []byte(content), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// fileToken puts a token into the node's file, and has it read.
func (g *gated) fileToken(name, role string, zones ...string) *token.Token {
	k := token.New()
	g.secrets = append(g.secrets, k.Secret())
	old, err := os.ReadFile(g.path("tokens"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.write("tokens", string(old)+(&token.Entry{Name: name, Role: role, ID: k.ID, Hash: k.Hash(), Zones: zones}).Line()+"\n")
	g.s.door.Load().reload(g.s.log)
	return k
}

// stateToken puts a token into the replicated state.
func (g *gated) stateToken(name, role string, lasts time.Duration, zones ...record.Name) *token.Token {
	k := token.New()
	g.secrets = append(g.secrets, k.Secret())
	g.must(&state.TokenCreate{ID: k.ID, Kind: state.TokenAPI, Name: name, Role: role, Hash: k.Hash(), Zones: zones, For: lasts})
	return k
}

// certificate makes a client certificate.
func (g *gated) certificate(name, role string, zones ...string) tls.Certificate {
	g.t.Helper()
	if err := trust.IssueAccess(g.dir, g.dir, trust.Access{Name: name, Role: role, Zones: zones}, time.Hour); err != nil {
		g.t.Fatal(err)
	}
	return g.pair(name)
}

func (g *gated) pair(name string) tls.Certificate {
	g.t.Helper()
	c, err := tls.LoadX509KeyPair(g.path(name+".pem"), g.path(name+"-key.pem"))
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// client speaks TLS to the API, with a certificate or without.
func (g *gated) client(certs ...tls.Certificate) *http.Client {
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(g.path(trust.CAFile))
	if err != nil || !roots.AppendCertsFromPEM(ca) {
		g.t.Fatal("the CA cannot be read", err)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certs}}
	g.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// send asks the API over the wire; bearer is a token's text, or empty.
func (g *gated) send(c *http.Client, method, path, body, bearer string) (status int, answer string, err error) {
	r, err := http.NewRequest(method, "https://"+g.s.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if body != "" {
		r.Header.Set("Content-Type", api.JSON)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	return res.StatusCode, b.String(), err
}

// asked is send for a test that wants an answer.
func (g *gated) asked(c *http.Client, method, path, body, bearer string) (int, string) {
	g.t.Helper()
	status, answer, err := g.send(c, method, path, body, bearer)
	if err != nil {
		g.t.Fatal(err)
	}
	return status, answer
}

func (g *gated) refusedFor(reason string) uint64 { return g.service.Refused()[reason] }

// TestEveryRouteTakesItsRoleAndNoLess asks each route with each role, over TLS, by a token of the file, one of the
// cluster and a certificate, and without any.
func TestEveryRouteTakesItsRoleAndNoLess(t *testing.T) {
	g := newGated(t)
	c := g.client()
	roles := map[access]string{accessRead: "read", accessOperate: "operate", accessAdmin: "admin"}
	for role, word := range roles {
		byFile, byState := g.fileToken("file-"+word, word).Text(), g.stateToken("state-"+word, word, 0).Text()
		byCert := g.client(g.certificate("cert-"+word, word))
		for _, r := range routes() {
			path := strings.ReplaceAll(r.path, "{site}", "azure")
			for way, ask := range map[string]func() (int, string){
				"file":        func() (int, string) { return g.asked(c, r.method, path, "", byFile) },
				"state":       func() (int, string) { return g.asked(c, r.method, path, "", byState) },
				"certificate": func() (int, string) { return g.asked(byCert, r.method, path, "", "") },
			} {
				status, answer := ask()
				allowed := status != http.StatusForbidden && status != http.StatusUnauthorized && status != http.StatusTooManyRequests
				if want := role <= r.least; allowed != want {
					t.Errorf("%s %s by %s with role %s: HTTP status %d %s", r.method, r.path, way, word, status, answer)
				}
			}
		}
	}
	for _, r := range routes() {
		status, answer := g.asked(c, r.method, strings.ReplaceAll(r.path, "{site}", "azure"), "", "")
		if status != http.StatusUnauthorized && status != http.StatusTooManyRequests || strings.Contains(answer, "ns1") {
			t.Errorf("%s %s by nobody: HTTP status %d %s", r.method, r.path, status, answer)
		}
	}
	for _, path := range []string{"/", "/v1", "/v1/nothing", "/metrics", "/debug/pprof/"} {
		if status, answer := g.asked(c, "GET", path, "", ""); status != http.StatusUnauthorized && status != http.StatusTooManyRequests || strings.Contains(answer, "ns1") {
			t.Errorf("%s by nobody: HTTP status %d %s", path, status, answer)
		}
	}
}

func TestAuthorOfAWriteIsWhoWasLetIn(t *testing.T) {
	g := newGated(t)
	for want, send := range map[string]func(body string) (int, string){
		"ana@ops via token ops1": func(body string) (int, string) {
			return g.asked(g.client(), "PUT", "/v1/overrides", body, g.fileToken("ops1", "operate").Text())
		},
		"token ops2": func(body string) (int, string) {
			return g.asked(g.client(), "PUT", "/v1/overrides", strings.Replace(body, `"author":"ana@ops",`, "", 1), g.stateToken("ops2", "operate", 0).Text())
		},
		"ana@ops via certificate ops3": func(body string) (int, string) {
			return g.asked(g.client(g.certificate("ops3", "operate")), "PUT", "/v1/overrides", body, "")
		},
	} {
		if status, answer := send(siteDown); status != http.StatusOK {
			t.Fatalf("%s: HTTP status %d %s", want, status, answer)
		}
		o, _ := g.State().Overrides.Get(state.OverrideKey(state.ScopeSite, "azure"))
		if o == nil || o.Author != want {
			t.Errorf("the author of %+v is not %q", o, want)
		}
	}
	forged := strings.Replace(siteDown, "ana@ops", "x via token root", 1)
	if status, answer := g.asked(g.client(), "PUT", "/v1/overrides", forged, g.fileToken("ops4", "operate").Text()); status != http.StatusBadRequest {
		t.Errorf("an author that names another token: HTTP status %d %s", status, answer)
	}
}

func TestTokenForOneZoneReachesNoOther(t *testing.T) {
	g := newGated(t)
	c := g.client()
	const other = `{"author":"a","reason":"r","group":"all","site":"aws"}`
	pin := strings.Replace(other, "all", "auth.example.com", 1)
	for zone, want := range map[string]int{"auth.example.com": http.StatusOK, "AUTH.example.com.": http.StatusOK, "example.org": http.StatusForbidden} {
		bearer := g.fileToken("ops", "admin", zone).Text()
		for _, x := range []struct{ method, path, body string }{
			{"PUT", "/v1/pins", pin}, {"DELETE", "/v1/pins?group=auth.example.com&author=a&reason=r", ""},
			{"PUT", "/v1/overrides", siteDown}, {"DELETE", "/v1/overrides?scope=site&target=azure&author=a&reason=r", ""},
			{"PUT", "/v1/overrides", strings.Replace(strings.Replace(strings.Replace(siteDown, `"azure"`, `"azure/https"`, 1), `"site"`, `"check"`, 1), "down", "mute", 1)},
			{"PUT", "/v1/overrides", strings.Replace(strings.Replace(siteDown, `"azure"`, `"`+azure+`"`, 1), `"site"`, `"endpoint"`, 1)},
			{"GET", "/v1/explain?name=login.auth.example.com", ""}, {"GET", "/v1/sites/azure/role", ""}, {"GET", "/v1/votes?endpoint=" + azure, ""},
			{"GET", "/v1/zones?zone=auth.example.com", ""},
		} {
			if status, answer := g.asked(c, x.method, x.path, x.body, bearer); status != want {
				t.Errorf("%s %s for %s: HTTP status %d %s", x.method, x.path, zone, status, answer)
			}
		}
		for _, x := range []struct{ method, path, body string }{
			{"PUT", "/v1/pins", other},
			{"PUT", "/v1/overrides", `{"author":"a","reason":"r","scope":"node","target":"ns2","word":"mute"}`},
			{"POST", "/v1/config/adopt", `{"author":"a","reason":"r","node":"ns2","zone":"all"}`},
			{"GET", "/v1/explain?name=nothing.example", ""},
			{"GET", "/v1/votes?endpoint=nothing", ""},
		} {
			if status, answer := g.asked(c, x.method, x.path, x.body, bearer); status != http.StatusForbidden {
				t.Errorf("%s %s for %s, which is about all: HTTP status %d %s", x.method, x.path, zone, status, answer)
			}
		}
		// Whoever has a name, as a hook for certificates, finds its zone here.
		if status, answer := g.asked(c, "GET", "/v1/zones", "", bearer); status != http.StatusOK || !strings.Contains(answer, "auth.example.com") {
			t.Errorf("the list of zones for %s: HTTP status %d %s", zone, status, answer)
		}
	}
}

func TestTokenThatIsRevokedOrHasExpiredIsRefusedAtOnce(t *testing.T) {
	g := newGated(t)
	c := g.client()
	revoked, expires := g.stateToken("a", "read", 0), g.stateToken("b", "read", time.Hour)
	for _, k := range []*token.Token{revoked, expires} {
		if status, _ := g.asked(c, "GET", "/v1/status", "", k.Text()); status != http.StatusOK {
			t.Fatalf("a good token: HTTP status %d", status)
		}
	}
	g.must(&state.TokenRevoke{ID: revoked.ID})
	g.pass(time.Hour)
	for k, says := range map[*token.Token]string{revoked: "was revoked", expires: "has expired"} {
		if status, answer := g.asked(c, "GET", "/v1/status", "", k.Text()); status != http.StatusUnauthorized || !strings.Contains(answer, says) {
			t.Errorf("HTTP status %d %s", status, answer)
		}
		guess, err := token.Of(k.ID, token.New().Secret())
		if err != nil {
			t.Fatal(err)
		}
		if _, answer := g.asked(c, "GET", "/v1/status", "", guess.Text()); strings.Contains(answer, says) {
			t.Errorf("a wrong secret learns what became of the token: %s", answer)
		}
	}
	if g.refusedFor(refusedRevoked) != 1 || g.refusedFor(refusedExpired) != 1 || g.refusedFor(refusedToken) != 2 {
		t.Errorf("counted %v", g.service.Refused())
	}
}

// TestKnownIDWithAnotherSecretOpensNothing: the ID stands in logs and lists.
func TestKnownIDWithAnotherSecretOpensNothing(t *testing.T) {
	g := newGated(t)
	for _, k := range []*token.Token{g.fileToken("a", "read"), g.stateToken("b", "read", 0)} {
		guess, err := token.Of(k.ID, token.New().Secret())
		if err != nil {
			t.Fatal(err)
		}
		if status, answer := g.asked(g.client(), "GET", "/v1/status", "", guess.Text()); status != http.StatusUnauthorized {
			t.Errorf("HTTP status %d %s", status, answer)
		}
	}
}

func TestUseOfATokenIsNotedOnceAnHour(t *testing.T) {
	g := newGated(t)
	k := g.stateToken("a", "read", 0)
	used := func() (n int) {
		for range 5 {
			if status, _ := g.asked(g.client(), "GET", "/v1/overrides", "", k.Text()); status != http.StatusOK {
				t.Fatalf("HTTP status %d", status)
			}
			g.s.noting <- struct{}{} // wait for what is being noted
			<-g.s.noting
		}
		x, _ := g.State().Tokens.Get(k.ID)
		if x.LastUse != g.clock || x.UsedBy != "ns1" {
			t.Errorf("noted: by %q at %s, and it is %s", x.UsedBy, x.LastUse, g.clock)
		}
		return int(g.State().Index)
	}
	before := int(g.State().Index)
	if n := used() - before; n != 1 {
		t.Errorf("five requests cost %d commands", n)
	}
	g.pass(state.UseEvery)
	before = int(g.State().Index)
	if n := used() - before; n != 1 {
		t.Errorf("five requests an hour later cost %d commands", n)
	}
}

func TestCertificateOfAnotherCAOrWithoutARoleOpensNothing(t *testing.T) {
	g := newGated(t)
	foreign := &gated{t: t, dir: t.TempDir()}
	if err := trust.InitCA(foreign.dir); err != nil {
		t.Fatal(err)
	}
	if status, answer, err := g.send(g.client(foreign.certificate("eve", "admin")), "GET", "/v1/status", "", ""); err == nil {
		t.Errorf("another CA's certificate: HTTP status %d %s", status, answer)
	}
	if status, answer := g.asked(g.client(g.pair("ns1")), "GET", "/v1/status", "", ""); status != http.StatusUnauthorized || !strings.Contains(answer, "carries no role") {
		t.Errorf("a node's certificate: HTTP status %d %s", status, answer)
	}
	if n := g.refusedFor(refusedCertificate); n != 2 {
		t.Errorf("counted %d", n)
	}
	if status, answer := g.asked(g.client(g.pair("ns1")), "GET", "/v1/status", "", g.fileToken("a", "read").Text()); status != http.StatusOK {
		t.Errorf("a token beside a certificate of no use: HTTP status %d %s", status, answer)
	}
}

// TestClientsOfACAThatWasTakenOutAreOutOnOpenConnectionsToo: a client that keeps its connection is not let in for ever.
func TestClientsOfACAThatWasTakenOutAreOutOnOpenConnectionsToo(t *testing.T) {
	g := newGated(t)
	c := g.client(g.certificate("ops", "read"))
	if status, _ := g.asked(c, "GET", "/v1/status", "", ""); status != http.StatusOK {
		t.Fatalf("HTTP status %d", status)
	}
	other := t.TempDir()
	if err := trust.InitCA(other); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(other, trust.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	g.write(trust.CAFile, string(ca))
	g.s.door.Load().reload(g.s.log)
	if status, answer := g.asked(c, "GET", "/v1/status", "", ""); status != http.StatusUnauthorized || !strings.Contains(answer, "no longer good") {
		t.Errorf("HTTP status %d %s", status, answer)
	}
}

func TestCertificateOfTheAPIIsReplacedWithoutARestart(t *testing.T) {
	g := newGated(t)
	serial := func() string {
		c, err := tls.Dial("tcp", g.s.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before, expiry := serial(), g.service.CertExpiry()
	if err := trust.Issue(g.dir, g.dir, "ns1", []string{"127.0.0.1"}, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	g.s.door.Load().reload(g.s.log)
	if serial() == before || !g.service.CertExpiry().After(expiry) {
		t.Error("the old certificate is still in use")
	}
	if _, page := g.asked(g.client(), "GET", "/v1/status", "", g.fileToken("a", "read").Text()); !strings.Contains(page, "the certificate of the admin API of ns1 ends at") {
		t.Errorf("the status says nothing of a certificate for two hours: %s", page)
	}
	now := serial()
	g.write("ns1.pem", "nonsense")
	g.s.door.Load().reload(g.s.log)
	if serial() != now {
		t.Error("a file of nonsense was taken")
	}
}

// TestFailuresAreSlowedDownByAddressAndARightTokenPasses: a limit must not be a tool to lock operators out.
func TestFailuresAreSlowedDownByAddressAndARightTokenPasses(t *testing.T) {
	g := newGated(t)
	good := g.fileToken("a", "read").Text()
	h := g.s.Handler()
	from := func(addr, bearer string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "https://127.0.0.1/v1/status", nil)
		r.RemoteAddr = addr
		r.TLS = &tls.ConnectionState{}
		r.Header.Set("Authorization", "Bearer "+bearer)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for i := range 2 * failureBurst {
		want := http.StatusUnauthorized
		if i >= failureBurst {
			want = http.StatusTooManyRequests
		}
		w := from("192.0.2.7:1000", token.New().Text())
		if w.Code != want || w.Header().Get("Connection") != "close" || (w.Header().Get("Retry-After") != "") != (want == http.StatusTooManyRequests) {
			t.Fatalf("failure %d: HTTP status %d, %v", i+1, w.Code, w.Header())
		}
	}
	if w := from("192.0.2.7:1001", good); w.Code != http.StatusOK {
		t.Errorf("a right token from there: HTTP status %d", w.Code)
	}
	if w := from("192.0.2.8:1000", "x"); w.Code != http.StatusUnauthorized {
		t.Errorf("the first failure from elsewhere: HTTP status %d", w.Code)
	}
	if n := strings.Count(g.log.String(), "refused somebody"); n != 2 {
		t.Errorf("%d lines in the log for two addresses:\n%s", n, g.log)
	}
}

// TestNoSecretShowsAnywhere looks through the log, all answers, the state's snapshot and the files.
func TestNoSecretShowsAnywhere(t *testing.T) {
	g := newGated(t)
	c := g.client()
	all := new(strings.Builder)
	bearers := []string{g.fileToken("a", "admin").Text(), g.stateToken("b", "admin", 0).Text(), g.stateToken("c", "read", time.Hour).Text()}
	broken := bearers[1][:len(bearers[1])-1] + "!"
	for _, bearer := range append(bearers, broken) {
		for _, r := range routes() {
			_, answer := g.asked(c, r.method, strings.ReplaceAll(r.path, "{site}", "azure"), "", bearer)
			all.WriteString(answer)
		}
		_, answer := g.asked(c, "PUT", "/v1/overrides", siteDown, bearer)
		all.WriteString(answer)
	}
	g.write("tokens", "a admin "+bearers[0]+"\n") // somebody put the token itself there
	g.s.door.Load().reload(g.s.log)
	if err := g.State().Encode(all); err != nil {
		t.Fatal(err)
	}
	all.WriteString(g.log.String())
	if !strings.Contains(g.log.String(), "holds a token itself") {
		t.Errorf("the log does not tell of the mistake:\n%s", g.log)
	}
	keyFile, err := os.ReadFile(g.path("ns1-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, _ := pem.Decode(keyFile)
	for _, secret := range append(g.secrets, string(key.Bytes), strings.Split(string(keyFile), "\n")[1]) {
		if strings.Contains(all.String(), secret[:len(secret)-1]) {
			t.Errorf("the secret %q shows", secret)
		}
	}
}

func TestStreamEndsWhenItsTokenIsRevoked(t *testing.T) {
	g := newGated(t)
	k := g.stateToken("a", "read", 0)
	client, err := api.NewClient(api.Options{Servers: []string{"https://" + g.s.Addr().String()}, Token: k.Text(), Transport: g.client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	got := make(chan api.Event, 1000)
	go func() {
		ended <- client.Follow(t.Context(), 1, func(e api.Event) error { got <- e; return nil }, nil)
	}()
	<-got
	g.must(&state.TokenRevoke{ID: k.ID})
	select {
	case err := <-ended:
		var p *api.Problem
		if !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
			t.Errorf("the stream ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the stream goes on")
	}
}

func TestConfigurationOfTheWayInChangesAtTheSameAddress(t *testing.T) {
	g := newGated(t)
	address := g.s.Addr().String()
	open := node.AdminConfig{Address: g.config().Address}
	if err := g.service.reload(g.world, open); err != nil {
		t.Fatal(err)
	}
	if !answers(address) {
		t.Error("it does not answer in the clear")
	}
	if err := g.service.reload(g.world, g.config()); err != nil || answers(address) {
		t.Errorf("it still answers in the clear: %v", err)
	}
	bad := g.config()
	bad.Tokens = g.path("nowhere")
	if err := g.service.reload(g.world, bad); err == nil {
		t.Error("tokens that are not there were taken")
	}
	if status, _ := g.asked(g.client(), "GET", "/v1/status", "", g.fileToken("a", "read").Text()); status != http.StatusOK {
		t.Errorf("after a reload that failed: HTTP status %d", status)
	}
}
