package failover

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// manyBlocks is a Corefile of so many blocks, each with a group at shared sites.
func manyBlocks(count int) string {
	var b strings.Builder
	sites := "primary one {\naddress 192.0.2.1\n}\nsecondary two {\naddress 192.0.2.2\n}"
	for i := range count {
		fmt.Fprintf(&b, "zone-%d.example {\nfailover {\n%s\nnameserver ns1.zone-%d.example 127.0.0.1\n}\n}\n", i, sites, i)
		sites = "primary one\nsecondary two"
	}
	return b.String()
}

// What a Corefile takes is counted in memory, all of it that was used for a moment, for that depends on no clock.
func TestACorefileTakesAsMuchForEachBlockWhateverTheirNumber(t *testing.T) {
	taken := func(blocks int) uint64 {
		text := manyBlocks(blocks)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, err := corefileOf(text)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := c.config()
		if err != nil {
			t.Fatal(err)
		}
		if err := describe(io.Discard, &cfg); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if len(cfg.Declarations) != blocks {
			t.Fatalf("Expected %d zones, got %d", blocks, len(cfg.Declarations))
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := taken(250), taken(2000)
	if ratio := float64(many) / float64(few); ratio > 2*2000/250 {
		t.Errorf("Expected 2,000 blocks to take 8 times as much as 250, got %.1f times (%d bytes and %d)", ratio, few, many)
	}
}

// A list of all zones in each block would take a gigabyte with ten thousand of them.
func TestABlockAsksTheCacheToPassItsOwnZoneOnly(t *testing.T) {
	all, err := corefileOf(manyBlocks(3))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all.blocks {
		f := handler(b.zone.String(), true, nil)
		if zones := f.CacheBypassZones(); !slices.Equal(zones, []string{b.zone.String()}) {
			t.Errorf("Expected %s, got %v", b.zone, zones)
		}
	}
}
