package failover

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

const noQuorumZone = `auth.example.com {
    failover {
        primary azure {
            address 203.0.113.10
        }
        nameserver ns1.auth.example.com 192.0.2.1
        no-quorum %s
    }
}
`

func TestNoQuorumRulesAreRead(t *testing.T) {
	for text, want := range map[string]state.NoQuorum{
		"hold": {Mode: state.NoQuorumHold}, "refuse 2m": {Mode: state.NoQuorumRefuse, After: 2 * time.Minute}, "local 60s": {Mode: state.NoQuorumLocal, After: time.Minute},
	} {
		c, err := corefileOf(fmt.Sprintf(noQuorumZone, text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		cfg, err := c.config()
		if err != nil || cfg.Declarations[0].NoQuorum != want {
			t.Errorf("%s: Expected %+v, got %+v (%v)", text, want, cfg.Declarations[0].NoQuorum, err)
		}
	}
}

// served is a source whose one zone, with one steered name, bears a mark.
type served struct{ zones *zone.Set }

func (s served) Zones() *zone.Set      { return s.zones }
func (s served) Ready() (bool, string) { return true, "" }
func (served) Answers() bool           { return true }

func servedWith(t *testing.T, m zone.Mark) *Failover {
	t.Helper()
	c, err := corefileOf(fmt.Sprintf(noQuorumZone, "refuse 2m"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.config()
	if err != nil {
		t.Fatal(err)
	}
	s := zone.NewSet()
	apex := record.MustParseName("auth.example.com")
	s.Mark(map[string]zone.Mark{state.ZoneKey(apex): m})
	s.Load(declared(t, cfg))
	return &Failover{zone: apex, declared: true, source: func() source { return served{s} }}
}

func TestZoneOfThisNodeAloneIsNotTransferred(t *testing.T) {
	if _, err := servedWith(t, zone.Mark{}).Transfer("auth.example.com.", 0); err != nil {
		t.Errorf("Expected a transfer, got %v", err)
	}
	if ch, err := servedWith(t, zone.Mark{Local: true}).Transfer("auth.example.com.", 0); err == nil || ch != nil {
		t.Errorf("Expected a refusal, got %v (%v)", ch, err)
	}
}

func TestWithheldNamesGetServfailFromTheServerAndStaticOnesAnAnswer(t *testing.T) {
	f := servedWith(t, zone.Mark{Local: true, Withheld: []string{"auth.example.com"}})
	for name, want := range map[string]int{"auth.example.com.": dns.RcodeServerFailure, "ns1.auth.example.com.": dns.RcodeSuccess} {
		if _, rcode := f.answer(new(dns.Msg).SetQuestion(name, dns.TypeA)); rcode != want {
			t.Errorf("%s: Expected %s, got %s", name, dns.RcodeToString[want], dns.RcodeToString[rcode])
		}
	}
}
