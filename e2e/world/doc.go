// Package world builds hosts on this machine for the end-to-end tests: network namespaces with an address each, on one
// bridge, between which packets are dropped as a test says; wires on which they are late, doubled and out of order; small
// and failing disks.
//
// It promises: nothing is left behind by Close, and two networks, of one program or of several, never meet. It needs
// Linux, root, and the programs ip and nft; Possible says what is missing. Wires need /dev/net/tun. This program stays
// outside of all namespaces and reaches every host, whatever is cut between them: it is the outside observer.
//
// Methods may be called from any goroutine.
package world
