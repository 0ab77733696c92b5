package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// The file of the applied index: two slots, written in turn, so that a torn write leaves the other one. A slot is
// magic, index and CRC-32C over both, big-endian. The slots are a disk block apart: one bad sector spares one of them.
const (
	appliedFile = "applied"
	slotSize    = 4 + 8 + 4
	slotStride  = 4096
	slotMagic   = 0x46414931 // "FAI1"

	// syncPause is the least time between two syncs. With it the recorded index is at most 100 ms behind on any disk
	// that syncs in 50.
	syncPause = 50 * time.Millisecond
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errNoSlot is a file of the applied index with no valid slot.
var errNoSlot = errors.New("the file of the applied index is damaged in both slots")

// recorder keeps on disk which log index this node has applied, off the path that applies.
type recorder struct {
	file   *os.File
	noSync bool
	log    *slog.Logger

	want  atomic.Uint64
	wake  chan struct{}
	quit  chan struct{}
	ended chan struct{}

	// Owned by run.
	slot    int
	written uint64
}

// openRecorder opens the file in dir and gives the index it holds, 0 for a new one. On errNoSlot there is a recorder,
// too.
func openRecorder(dir string, noSync bool, log *slog.Logger) (*recorder, uint64, error) {
	path := filepath.Join(dir, appliedFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open the file of the applied index: %w", err)
	}
	r := &recorder{file: file, noSync: noSync, log: log, wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	index, slot, err := readSlots(file)
	if err == nil || errors.Is(err, errNoSlot) {
		r.slot, r.written = 1-slot, index
		r.want.Store(index)
		return r, index, err
	}
	file.Close()
	return nil, 0, fmt.Errorf("read %q: %w", path, err)
}

// readSlots finds the greatest valid index, and its slot. A slot never written, all zero or beyond the end, holds 0.
func readSlots(f io.ReaderAt) (index uint64, slot int, err error) {
	valid := false
	for i := range 2 {
		b := make([]byte, slotSize)
		if _, err := f.ReadAt(b, int64(i)*slotStride); err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		if at, ok := decodeSlot(b); ok && (!valid || at > index) {
			index, slot, valid = at, i, true
		}
	}
	if !valid {
		return 0, 0, errNoSlot
	}
	return index, slot, nil
}

func encodeSlot(index uint64) []byte {
	b := binary.BigEndian.AppendUint32(nil, slotMagic)
	b = binary.BigEndian.AppendUint64(b, index)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeSlot(b []byte) (uint64, bool) {
	if bytes.Equal(b, make([]byte, slotSize)) {
		return 0, true
	}
	if binary.BigEndian.Uint32(b) != slotMagic {
		return 0, false
	}
	if crc32.Checksum(b[:12], castagnoli) != binary.BigEndian.Uint32(b[12:]) {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[4:]), true
}

// record asks for an index to be written. It never waits.
func (r *recorder) record(index uint64) {
	r.want.Store(index)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run writes until stop, and then once more.
func (r *recorder) run() {
	defer close(r.ended)
	for {
		select {
		case <-r.wake:
			r.flush()
		case <-r.quit:
			r.flush()
			if err := r.file.Close(); err != nil {
				r.log.Error("close the file of the applied index", "error", err)
			}
			return
		}
		select {
		case <-time.After(syncPause):
		case <-r.quit:
		}
	}
}

// flush writes and syncs. A failed write is tried again with the next index: until then a restart begins a little
// further back.
func (r *recorder) flush() {
	index := r.want.Load()
	if index <= r.written {
		return
	}
	_, err := r.file.WriteAt(encodeSlot(index), int64(r.slot)*slotStride)
	if err == nil && !r.noSync {
		err = r.file.Sync()
	}
	if err != nil {
		r.log.Error("record the applied index", "index", index, "error", err)
		return
	}
	r.slot, r.written = 1-r.slot, index
}

// stop ends run; its end is seen on ended.
func (r *recorder) stop() { close(r.quit) }
