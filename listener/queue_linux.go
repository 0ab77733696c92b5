package listener

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// queue is what the kernel says of a socket's receive queue.
type queue struct {
	held, room uint32 // octets, with the kernel's own for each packet
	dropped    uint32 // packets for which there was no room; it wraps
}

// Places in the answer to SO_MEMINFO (SK_MEMINFO_ of linux/sock_diag.h).
const (
	memHeld, memRoom, memDropped = 0, 1, 8
	memPlaces                    = 9
)

func queueOf(fd int) (queue, error) {
	var info [memPlaces]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return queue{}, errno
	}
	return queue{info[memHeld], info[memRoom], info[memDropped]}, nil
}

// crowded says whether more than half of the queue is taken: then this socket's goroutine does not keep up, and what
// it spends on one packet is soon another's loss.
func (q queue) crowded() bool { return q.held > q.room/2 }

// pressed says whether the socket is under more load than it can bear, after a receive of n packets. Without a limit
// nothing would follow from it.
func (s *socket) pressed(n int) bool {
	if n < batchSize || s.active.limit == nil {
		return false
	}
	q, err := queueOf(s.fd)
	return err == nil && q.crowded()
}

// lost is how many packets the kernel has dropped since the socket is there. Callers hold mu.
func (s *socket) lost() uint64 {
	raw, err := s.file.SyscallConn()
	if err != nil || s.shared {
		return s.dropped
	}
	_ = raw.Control(func(fd uintptr) { // on a closed file it fails: what was counted stays
		if q, err := queueOf(int(fd)); err == nil {
			s.dropped += uint64(q.dropped - uint32(s.dropped))
		}
	})
	return s.dropped
}
