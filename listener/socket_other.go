//go:build !linux

package listener

import (
	"errors"
	"net"
	"os"
	"sync"

	"failoverdns/record"
)

// socket is what this system has none of.
type socket struct {
	local   *net.UDPAddr
	mu      sync.Mutex
	tallies map[record.Name]*Tally
}

func (s *socket) lost() uint64 { return 0 }

var errSystem = errors.New("the fast path needs Linux")

func open(string, int) ([]*socket, error) { return nil, errSystem }

func adopt([]*os.File, int) ([]*socket, error) { return nil, errSystem }

func leave([]*socket) error { return errSystem }

func (s *socket) run(*port) {}

func (s *socket) close() {}
