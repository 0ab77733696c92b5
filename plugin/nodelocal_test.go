package failover

import (
	"testing"

	"failoverdns/node"
)

// TestNodeLocalSettingsAreNoPartOfADeclaration: they may differ from node to node without any drift, and so may where a
// zone stands in its file. Everything else counts.
func TestNodeLocalSettingsAreNoPartOfADeclaration(t *testing.T) {
	digest := func(ttl, more string) string {
		t.Helper()
		text := "a.example {\n" + "failover {\nprimary x {\naddress 192.0.2.9\ncheck https://a.example/ {\nheader X-Key file:key\n}\n}\nnameserver ns.example.net\n" + ttl + "\n" + more + "\n}\n}\n"
		c, err := corefileOf(text)
		if err != nil {
			t.Fatalf("%s: %v", more, err)
		}
		var cfg node.Config
		if cfg, err = c.config(); err != nil {
			t.Fatalf("%s: %v", more, err)
		}
		return cfg.Declarations[0].Digest()
	}
	plain := digest("ttl 60", "")
	for _, local := range []string{
		"admin 127.0.0.1:9053", "canary 192.0.2.200:53", "allow-targets 127.0.0.0/8", "resolver 192.0.2.53",
		"webhook https://pager.example/",
		"cluster {\ndata /somewhere/else\n}", "\n\n\n",
	} {
		if digest("ttl 60", local) != plain {
			t.Errorf("Expected %q to be this node's own affair", local)
		}
	}
	for _, other := range []string{"failback manual", "serve @ login", "agree all", "no-quorum refuse 2m", "all-down last"} {
		if digest("ttl 60", other) == plain {
			t.Errorf("Expected %q to be declared", other)
		}
	}
	if digest("ttl 30", "") == plain {
		t.Error("Expected the TTL to be declared")
	}
}
