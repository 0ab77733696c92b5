// Package cluster runs a real failoverdns cluster on this machine's loopback, as real processes, for the end-to-end
// tests and the demo: nodes from the built binaries, with certificates, Corefiles and data directories of their own,
// and toy sites to be probed. Each process can be killed, stopped, paused and started again.
//
// It promises: nothing is left behind. Close ends every process that was started and removes every file; on Linux the
// kernel ends the processes even when this one is killed. Two clusters at a time, of one program or of several, never
// share a port.
//
// The caller must call RunToy first thing in main or TestMain, since toy sites are this same program once more, and
// must call Close. The binaries failoverdns and failoverctl must have been built.
//
// Methods may be called from any goroutine, but start, stop and Close of one process must not overlap. An Observer
// has one goroutine for each node, which it alone stops.
package cluster
