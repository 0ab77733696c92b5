package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// wallOffset is added to the wall clock, in seconds. It is in a file that another program writes.
var wallOffset = mapOffset()

func mapOffset() *int64 {
	path, some := syscall.Getenv("FAILOVERDNS_WALL_OFFSET")
	if !some {
		return new(int64)
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		panic("open " + path + ": " + err.Error())
	}
	b, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("map " + path + ": " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&b[0]))
}

func offset() int64 { return atomic.LoadInt64(wallOffset) }
