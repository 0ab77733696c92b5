package failover

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/node"
	"failoverdns/trust"
)

// TestCheckFindsWhatIsWrongWithFilesBeforeAReloadDoes.
func TestCheckFindsWhatIsWrongWithFilesBeforeAReloadDoes(t *testing.T) {
	dir, foreign := t.TempDir(), t.TempDir()
	in := func(d, name string) string { return filepath.Join(d, name) }
	for _, step := range []error{
		trust.InitCA(dir), trust.InitCA(foreign),
		trust.Issue(dir, dir, "ns1", nil, 1000*time.Hour), trust.Issue(dir, dir, "ns2", nil, 48*time.Hour), trust.Issue(foreign, foreign, "ns1", nil, 1000*time.Hour), trust.Issue(dir, dir, "ns4", nil, time.Nanosecond),
		os.WriteFile(in(dir, "good.tokens"), nil, 0o600), os.WriteFile(in(dir, "bad.tokens"), []byte("root admin\n"), 0o600),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	files := func(d, id, key, ca string) *node.TLSFiles {
		return &node.TLSFiles{Cert: in(d, id+".pem"), Key: in(d, key+"-key.pem"), CA: ca}
	}
	ca := in(dir, "ca.pem")
	admin := func(tls *node.TLSFiles, tokens string) node.AdminConfig {
		return node.AdminConfig{Address: "192.0.2.1:8053", TLS: tls, Tokens: in(dir, tokens)}
	}
	for name, c := range map[string]struct {
		cfg  node.Config
		want string // empty: no warning
	}{
		"all is well":             {node.Config{ID: "ns1", TLS: files(dir, "ns1", "ns1", ca), Admin: admin(files(dir, "ns1", "ns1", ""), "good.tokens")}, ""},
		"no file":                 {node.Config{ID: "ns3", TLS: files(dir, "ns3", "ns1", ca)}, "a certificate file cannot be read here: open " + in(dir, "ns3.pem")},
		"another's key":           {node.Config{ID: "ns1", TLS: files(dir, "ns1", "ns2", ca)}, "the cluster's certificate is not good: certificate "},
		"another CA":              {node.Config{ID: "ns1", TLS: files(foreign, "ns1", "ns1", ca)}, "the cluster's certificate is not good: "},
		"another node's":          {node.Config{ID: "ns1", TLS: files(dir, "ns2", "ns2", ca)}, `is the certificate of node "ns2", and this node is "ns1"`},
		"it has ended":            {node.Config{ID: "ns4", TLS: files(dir, "ns4", "ns4", ca)}, `ns4.pem" ended on `},
		"the admin's has ended":   {node.Config{Admin: admin(files(dir, "ns4", "ns4", ""), "good.tokens")}, `ns4.pem" ended on `},
		"it ends soon":            {node.Config{ID: "ns2", TLS: files(dir, "ns2", "ns2", ca)}, `ns2.pem" ends on `},
		"the join token":          {node.Config{Join: &node.JoinAt{TokenFile: in(dir, "none")}}, "the join token cannot be read here: open "},
		"the admin's certificate": {node.Config{Admin: admin(files(dir, "ns3", "ns3", ""), "good.tokens")}, "a file of the admin API cannot be read here: "},
		"the admin's key":         {node.Config{Admin: admin(files(dir, "ns1", "ns2", ""), "good.tokens")}, "the admin API would not start: admin 192.0.2.1:8053: certificate "},
		"the admin's ends soon":   {node.Config{Admin: admin(files(dir, "ns2", "ns2", ""), "good.tokens")}, `ns2.pem" ends on `},
		"no tokens":               {node.Config{Admin: admin(files(dir, "ns1", "ns1", ""), "none.tokens")}, "a file of the admin API cannot be read here: "},
		"bad tokens":              {node.Config{Admin: admin(files(dir, "ns1", "ns1", ""), "bad.tokens")}, "the admin API would not start: admin 192.0.2.1:8053: "},
	} {
		got := warnFiles(&c.cfg)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: Expected a warning with %q, got %q", name, c.want, got)
		}
	}
}
