package state

import (
	"net/netip"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/record"
)

// TestSerialStaysWhereClientsSeeNoDifference: an edit of how sites are probed and chosen shows only when the choice does.
func TestSerialStaysWhereClientsSeeNoDifference(t *testing.T) {
	zone := record.MustParseName("auth.example.com")
	declared := func() *Declaration {
		one := func(name, address string) SiteDecl {
			return SiteDecl{Name: name, Addresses: []netip.Addr{netip.MustParseAddr(address)}, MinHealthy: 1}
		}
		return &Declaration{Zone: zone, Source: "Corefile:1", Sites: []SiteDecl{one("azure", "203.0.113.10"), one("aws", "198.51.100.20")},
			Groups: []GroupDecl{{Name: "auth.example.com", Sites: []string{"azure", "aws"}, Failback: health.Failback{Mode: health.FailbackAuto},
				AllDown: AllDownPrimary, Cells: []CellDecl{{Names: []record.Name{zone}, TTL: 60}}}}}
	}
	for _, c := range []struct {
		edit  string
		do    func(d *Declaration)
		rises uint32
	}{
		{"another order of the sites, aws pinned", func(d *Declaration) { d.Groups[0].Sites = []string{"aws", "azure"} }, 0},
		{"another rule for the time without a quorum", func(d *Declaration) { d.NoQuorum = NoQuorum{NoQuorumRefuse, time.Minute} }, 0},
		{"another failback", func(d *Declaration) { d.Groups[0].Failback.Mode = health.FailbackManual }, 0},
		{"another rule for all down", func(d *Declaration) { d.Groups[0].AllDown = AllDownAll }, 0},
		{"another agreement", func(d *Declaration) { d.Agree = health.AgreeAll }, 0},
		{"another TTL", func(d *Declaration) { d.Groups[0].Cells[0].TTL = 30 }, 1},
		{"another address of the active site", func(d *Declaration) { d.Sites[1].Addresses[0] = netip.MustParseAddr("198.51.100.21") }, 1},
		{"another address of the other site", func(d *Declaration) { d.Sites[0].Addresses[0] = netip.MustParseAddr("203.0.113.11") }, 0},
	} {
		s, _ := New().Configure(1, []Member{{ID: "ns1", Voter: true}})
		edited := declared()
		c.do(edited)
		for i, body := range []Body{&Declare{Node: "ns1", Declarations: []*Declaration{declared()}},
			&SetPin{Group: "auth.example.com", Site: "aws", Force: true}, &Declare{Node: "ns1", Declarations: []*Declaration{edited}}} {
			before := s
			var r Result
			if s, r = s.Apply(uint64(2+i), Command{Body: body}); r.Refusal != nil {
				t.Fatalf("%s: %s", c.edit, r.Refusal)
			}
			if i < 2 {
				continue
			}
			was, _ := before.Zones.Get(ZoneKey(zone))
			if is, _ := s.Zones.Get(ZoneKey(zone)); is.Digest == was.Digest || is.Serial != was.Serial+c.rises {
				t.Errorf("%s: in force %v, the serial went from %d to %d", c.edit, is.Digest != was.Digest, was.Serial, is.Serial)
			}
		}
	}
}
