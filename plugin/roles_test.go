package failover

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/node"
	"failoverdns/state"
)

// silent is a source that is a witness's.
type silent struct{ fixed }

func (silent) Answers() bool { return false }

func TestWitnessAnswersRefusedAndTransfersNothing(t *testing.T) {
	_, cfg := goodConfig(t, "smallest")
	f := handler("auth.example.com.", true, silent{fixed{loaded(declared(t, cfg)), false}})
	for _, qname := range []string{"login.auth.example.com.", "auth.example.com.", "nosuch.auth.example.com."} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeSOA} {
			if rcode, m := ask(t, f, question(qname, qtype)); rcode != dns.RcodeRefused || m != nil {
				t.Errorf("%s: Expected REFUSED by the server, got %s and %v", qname, dns.RcodeToString[rcode], m)
			}
		}
	}
	if f.Ready() {
		t.Error("Expected a witness not to be ready for queries")
	}
	if _, err := f.Transfer("auth.example.com.", 0); err == nil || !strings.Contains(err.Error(), "witness") {
		t.Errorf("Expected no transfer, got %v", err)
	}
}

func TestVotersAndWitnessesProbeAndReplicasOnlyIfTold(t *testing.T) {
	for lines, want := range map[string]node.Config{
		"role voter":              {Role: state.Voter, Probe: true},
		"role witness":            {Role: state.Witness, Probe: true},
		"role replica":            {Role: state.Replica},
		"role replica\nprobe on":  {Role: state.Replica, Probe: true},
		"role witness\nprobe off": {Role: state.Witness},
		"probe off":               {Role: state.Voter},
	} {
		c, err := corefileOf("auth.example.com {\nfailover {\nprimary azure {\naddress 192.0.2.1\n}\nnameserver ns1.auth.example.com 192.0.2.1\ncluster {\nid ns4\nlisten 192.0.2.4:7000\ntls a b c\njoin 192.0.2.1:7000 token\n" + lines + "\n}\n}\n}\n")
		if err != nil {
			t.Fatalf("%s: %v", lines, err)
		}
		cfg, err := c.config()
		if err != nil || cfg.Role != want.Role || cfg.Probe != want.Probe || cfg.Join == nil || cfg.Join.Address != "192.0.2.1:7000" {
			t.Errorf("%q: Expected role %s and probing %t, got %+v (%v)", lines, want.Role, want.Probe, cfg, err)
		}
	}
}
