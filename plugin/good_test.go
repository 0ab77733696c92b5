package failover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/state"
)

// goodConfig reads testdata/good/FILE.corefile.
func goodConfig(t *testing.T, file string) (*corefile, node.Config) {
	t.Helper()
	b, err := os.ReadFile("testdata/good/" + file + ".corefile")
	if err != nil {
		t.Fatal(err)
	}
	c, err := corefileOf(string(b))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.config()
	if err != nil {
		t.Fatal(err)
	}
	return c, cfg
}

// The golden files hold what -check prints and, below it, the declarations as they travel.
func TestEachGoodCorefileMeansWhatItsGoldenFileSays(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.corefile")
	if err != nil || len(files) == 0 {
		t.Fatalf("Expected good Corefiles, got %d (%v)", len(files), err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".corefile")
		t.Run(base, func(t *testing.T) {
			_, cfg := goodConfig(t, base)
			var got bytes.Buffer
			if err := describe(&got, &cfg); err != nil {
				t.Fatal(err)
			}
			for _, w := range warnings(&cfg) {
				fmt.Fprintln(&got, "warning:", w)
			}
			for _, d := range cfg.Declarations {
				b, err := json.MarshalIndent(d, "", " ")
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&got, "\n%s\n", b)
			}
			golden := strings.TrimSuffix(file, ".corefile") + ".golden"
			if *rewrite {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("Expected what %s says, got\n%s", golden, got.String())
			}
		})
	}
}

func TestNodeLocalSettingsAreRead(t *testing.T) {
	_, cfg := goodConfig(t, "all")
	want := node.Config{
		ID: "ns1", DataDir: "/var/lib/failoverdns", Listen: "0.0.0.0:7000", Advertise: "192.0.2.1:7000",
		Peers:        []node.Peer{{ID: "ns1", Address: "192.0.2.1:7000"}, {ID: "ns2", Address: "192.0.2.2:7000"}, {ID: "ns3", Address: "192.0.2.3:7000"}},
		Role:         state.Voter,
		Probe:        true,
		TLS:          &node.TLSFiles{Cert: "testdata/tls/ns1.pem", Key: "testdata/tls/ns1.key", CA: "testdata/tls/ca.pem"},
		Timing:       node.LAN,
		Admin:        node.AdminConfig{Address: "0.0.0.0:9053", Tokens: "testdata/tokens", TLS: &node.TLSFiles{Cert: "testdata/tls/admin.pem", Key: "testdata/tls/admin-key.pem", CA: "testdata/tls/operators.pem"}},
		Canary:       []string{"192.0.2.200:53", "192.0.2.201:53"},
		AllowTargets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Resolvers:    []string{"192.0.2.53:53", "[2001:db8::53]:5353", "[2001:db8::54]:53"},
		Version:      cfg.Version,
		Declarations: cfg.Declarations,
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("Expected %+v, got %+v", want, cfg)
	}
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	_, cfg := goodConfig(t, "smallest")
	if cfg.DataDir != "./failoverdns-data" || cfg.Admin.Address != "127.0.0.1:8053" || cfg.Timing != node.WAN ||
		!cfg.Probe || cfg.Role != state.Voter || cfg.ID != "" || cfg.Listen != "" || cfg.Peers != nil {
		t.Errorf("Expected the defaults of a node on its own, got %+v", cfg)
	}
	d := cfg.Declarations[0]
	g := d.Groups[0]
	want := state.GroupDecl{
		Name: "auth.example.com", Sites: []string{"azure", "aws"},
		Failback: health.Failback{Mode: health.FailbackAuto}, AllDown: state.AllDownPrimary,
		Cells: []state.CellDecl{{TTL: 60, Names: []record.Name{
			record.MustParseName("auth.example.com"), record.MustParseName("login.auth.example.com"), record.MustParseName("api.auth.example.com"),
		}}},
	}
	if !reflect.DeepEqual(g, want) {
		t.Errorf("Expected the group %+v, got %+v", want, g)
	}
	k := d.Sites[0].Checks[0]
	if d.Agree != health.AgreeMajority || d.NoQuorum.Mode != state.NoQuorumHold || d.Sites[0].MinHealthy != 1 || k.Name != "https" ||
		k.Check.Interval != 10*time.Second || k.Check.Timeout != 4*time.Second || k.Check.Failures != 3 || k.Check.Successes != 3 {
		t.Errorf("Expected the contract's defaults, got %+v and %+v", d, k)
	}
}

func TestRecordWithChecksIsAGroupOfItsOwnWithSitesOfItsOwn(t *testing.T) {
	_, cfg := goodConfig(t, "all")
	d := cfg.Declarations[0]
	i := len(d.Groups) - 1
	g := d.Groups[i]
	if g.Name != "vpn.auth.example.com" || !reflect.DeepEqual(g.Sites, []string{"vpn.auth.example.com/azure", "vpn.auth.example.com/aws", "vpn.auth.example.com/gcp"}) {
		t.Errorf("Expected the group vpn.auth.example.com with its own three sites, got %+v", g)
	}
	if g.Failback.Mode != health.FailbackManual || g.AllDown != state.AllDownLast || g.Cells[0].TTL != 30 || g.Cells[0].At != nil {
		t.Errorf("Expected the record's own policy and the sites' own addresses, got %+v", g)
	}
	sites := siteIndex(&cfg)
	if s := sites["vpn.auth.example.com/azure"]; s == nil || s.Target.Bare() != "vpn.azure.example.net" || len(s.Checks) != 1 {
		t.Errorf("Expected a site vpn.auth.example.com/azure with the record's target and check, got %+v", s)
	}
}

func TestBlockWithoutPropertiesDeclaresNothingAndServesItsZone(t *testing.T) {
	c, cfg := goodConfig(t, "all")
	if len(cfg.Declarations) != 2 {
		t.Errorf("Expected 2 declarations from 3 blocks, got %d", len(cfg.Declarations))
	}
	if zones := c.zones(); len(zones) != 3 || zones[0] != zones[1] {
		t.Errorf("Expected the DoT block to serve the zone of the first, got %v", zones)
	}
}

func TestFailbackManualAnswersWithTheLastSiteUnlessToldOtherwise(t *testing.T) {
	for _, c := range []struct {
		lines string
		want  state.AllDown
	}{
		{"", state.AllDownPrimary},
		{"failback manual", state.AllDownLast},
		{"failback manual\nall-down primary", state.AllDownPrimary},
		{"failback after 5m", state.AllDownPrimary},
	} {
		text := "a.example {\nfailover {\nprimary x {\naddress 192.0.2.9\n}\nnameserver ns.example.net\n" + c.lines + "\n}\n}\n"
		cf, err := corefileOf(text)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := cf.config()
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Declarations[0].Groups[0].AllDown; got != c.want {
			t.Errorf("%q: Expected all-down %s, got %s", c.lines, c.want, got)
		}
	}
}

func TestSnippetsAndEnvironmentVariablesWorkInsideTheBlock(t *testing.T) {
	t.Setenv("AZURE_IP", "203.0.113.77")
	text := `(azure) {
    primary azure {
        address {$AZURE_IP}
    }
}
a.example {
    failover {
        import azure
        nameserver ns.example.net
    }
}
`
	c, err := corefileOf(text)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.config()
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Declarations[0].Sites[0].Addresses[0].String(); got != "203.0.113.77" {
		t.Errorf("Expected the address of the environment variable, got %s", got)
	}
}

func TestFlattenedTargetNeedsAResolver(t *testing.T) {
	text := "a.example {\nfailover {\nprimary x {\ntarget x.example.net flatten\n}\nnameserver ns.example.net\n%s\n}\n}\n"
	want := "Corefile:4: target x.example.net is flattened, and no resolver is named; write: resolver IP"
	if got := messageOf(t, fmt.Sprintf(text, "")); got != want {
		t.Errorf("Expected %q, got %q", want, got)
	}
	c, err := corefileOf(fmt.Sprintf(text, "resolver 192.0.2.53"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.config()
	if err != nil {
		t.Fatalf("Expected a flattened target at the apex with a resolver to be good, got %v", err)
	}
	d := cfg.Declarations[0]
	if s := d.Sites[0]; !s.Flatten || s.Target.Bare() != "x.example.net" || answerAt(&d.Groups[0].Cells[0], 0, &s) != "addresses of x.example.net" {
		t.Errorf("Expected site x to be flattened, got %+v", s)
	}
}

func TestNearestWordIsProposedOnlyWhenItIsNear(t *testing.T) {
	known := []string{"address", "target", "check", "min-healthy"}
	for word, want := range map[string]string{
		"adress": "address", "adrdess": "address", "chekc": "check", "minhealthy": "min-healthy", "wibble": "", "": "", strings.Repeat("x", 200): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q: Expected %q, got %q", word, want, got)
		}
	}
}
