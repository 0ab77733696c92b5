package probes

import (
	"net/netip"
	"testing"

	"failoverdns/health"
)

func TestTargetsThatNobodyMeansToProbeAreDenied(t *testing.T) {
	tests := []struct {
		address string
		denied  bool
	}{
		{"169.254.169.254", true}, {"169.254.0.1", true}, {"::ffff:169.254.169.254", true},
		{"64:ff9b::169.254.169.254", true}, {"::169.254.169.254", true},
		{"fe80::1", true}, {"fe80::1%eth0", true}, {"fd00:ec2::254", true}, {"fd20:ce::254", true},
		{"100.100.100.200", true}, {"192.0.0.192", true}, {"168.63.129.16", true},
		{"0.0.0.0", true}, {"::", true}, {"224.0.0.1", true}, {"ff02::1", true}, {"255.255.255.255", true},
		{"127.0.0.1", false}, {"::1", false}, {"10.0.0.1", false}, {"203.0.113.10", false}, {"2001:db8::1", false},
		{"fd00::1", false}, {"64:ff9b::203.0.113.10", false}, {"100.100.100.201", false},
	}
	for _, test := range tests {
		a := netip.MustParseAddr(test.address)
		if why := (&Env{}).denied(a, false); (why != "") != test.denied {
			t.Errorf("%s: denied %q, want %v", test.address, why, test.denied)
		}
		all := &Env{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
		if why := all.denied(a, true); why != "" {
			t.Errorf("%s: denied although allowed: %s", test.address, why)
		}
	}
}

func TestLoopbackIsDeniedToChecksMadeThroughTheAPI(t *testing.T) {
	at := serve(t, block)
	probe := target(t, "tcp://:1", at)
	expect(t, &Env{}, probe, "", "")
	probe.FromAPI = true
	expect(t, &Env{}, probe, health.Denied, "127.0.0.1 is loopback")
	expect(t, &Env{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, probe, "", "")
	for _, a := range []string{"::1", "127.8.8.8", "::ffff:127.0.0.1"} {
		if (&Env{}).denied(netip.MustParseAddr(a), true) == "" {
			t.Errorf("%s is not denied", a)
		}
	}
}

func TestNamesAreJudgedByTheirAddresses(t *testing.T) {
	env := dialTo(nil) // any dial would be a failure
	env.Resolver = &fixedNames{addrs: map[string][]string{"innocent.example.com.": {"169.254.169.254", "fd00:ec2::254"}}}
	probe := target(t, "http://login.example.com/", netip.AddrPort{})
	probe.Host = "innocent.example.com"
	expect(t, env, probe, health.Denied, "169.254.169.254 is link-local")
}
