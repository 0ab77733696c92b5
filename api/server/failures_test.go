package server

import (
	"net/netip"
	"testing"
	"time"
)

func TestFailuresDrainWithTime(t *testing.T) {
	var f failures
	a, now := netip.MustParseAddr("192.0.2.1"), time.Unix(1e9, 0)
	for i := range failureBurst {
		if wait, _ := f.add(a, now); wait != 0 {
			t.Fatalf("failure %d waits %s", i+1, wait)
		}
	}
	if wait, _ := f.add(a, now); wait != failureEvery {
		t.Errorf("one more waits %s, want %s", wait, failureEvery)
	}
	if wait, _ := f.add(a, now.Add(failureEvery)); wait != 0 {
		t.Errorf("after %s one more waits %s", failureEvery, wait)
	}
}

func TestFailuresOfManyAddressesTakeBoundedMemory(t *testing.T) {
	var f failures
	now := time.Unix(1e9, 0)
	for i := range 20 * maxFailing {
		f.add(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
		if len(f.by) > maxFailing {
			t.Fatalf("%d addresses are remembered", len(f.by))
		}
	}
}

func TestFailuresOfOneNetworkOfIPv6CountTogether(t *testing.T) {
	var f failures
	now := time.Unix(1e9, 0)
	for i := range failureBurst {
		f.add(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)}), now)
	}
	if wait, _ := f.add(netip.MustParseAddr("2001:db8::ffff"), now); wait == 0 {
		t.Error("another address of the same /64 starts anew")
	}
	if wait, _ := f.add(netip.MustParseAddr("2001:db8:0:1::1"), now); wait != 0 {
		t.Error("another /64 waits")
	}
	for range failureBurst {
		f.add(netip.MustParseAddr("::ffff:192.0.2.1"), now)
	}
	if wait, _ := f.add(netip.MustParseAddr("192.0.2.1"), now); wait == 0 {
		t.Error("an IPv4 address in IPv6 form is another one")
	}
}
