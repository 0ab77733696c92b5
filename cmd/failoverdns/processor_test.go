package main

import (
	"runtime"
	"testing"
)

func TestOneProcessorIsSharedByTwoUnlessToldOtherwise(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		told       string
		have, want int
	}{{"", 1, 2}, {"1", 1, 1}, {"", 3, 3}} {
		t.Setenv("GOMAXPROCS", c.told)
		runtime.GOMAXPROCS(c.have)
		if shareOneProcessor(); runtime.GOMAXPROCS(0) != c.want {
			t.Errorf("Expected %d of %d with GOMAXPROCS=%q, got %d", c.want, c.have, c.told, runtime.GOMAXPROCS(0))
		}
	}
}
