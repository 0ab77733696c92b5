package raftstore

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func openTestRecorder(t *testing.T, dir string) (*recorder, uint64, error) {
	t.Helper()
	return openRecorder(dir, true, slog.New(slog.DiscardHandler))
}

// recordAll writes each index for itself and closes the file.
func recordAll(t *testing.T, dir string, indexes ...uint64) {
	t.Helper()
	r, _, err := openTestRecorder(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range indexes {
		r.want.Store(i)
		r.flush()
	}
	r.file.Close()
}

func TestAppliedIndexSurvives(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []uint64{0, 7, 8, 100, 101, 1 << 40} {
		if want > 0 {
			recordAll(t, dir, want)
		}
		r, got, err := openTestRecorder(t, dir)
		if err != nil || got != want {
			t.Fatalf("%d, %v, want %d", got, err, want)
		}
		r.file.Close()
	}
}

func TestTornSlotLeavesTheOtherOne(t *testing.T) {
	for name, tear := range map[string]func(b []byte){
		"half written": func(b []byte) { clear(b[slotSize/2:]) },
		"one bit":      func(b []byte) { b[9] ^= 1 },
		"foreign":      func(b []byte) { copy(b, "something else!!") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			recordAll(t, dir, 5, 6) // slots 1 and 0
			damage(t, dir, 0, tear)
			r, got, err := openTestRecorder(t, dir)
			if err != nil || got != 5 {
				t.Fatalf("after damage to the newest slot: %d, %v, want 5", got, err)
			}
			if r.slot != 0 {
				t.Fatal("the next write would hit the slot that is still good")
			}
			r.file.Close()
			damage(t, dir, 1, tear)
			if _, _, err := openTestRecorder(t, dir); !errors.Is(err, errNoSlot) {
				t.Fatalf("after damage to both: %v", err)
			}
		})
	}
}

func TestTornFirstWriteIsIndexZero(t *testing.T) {
	dir := t.TempDir()
	recordAll(t, dir, 5)
	damage(t, dir, 1, func(b []byte) { b[15] ^= 1 })
	if _, got, err := openTestRecorder(t, dir); got != 0 || err != nil {
		t.Fatalf("%d, %v", got, err)
	}
}

func damage(t *testing.T, dir string, slot int64, f func([]byte)) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, appliedFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b := make([]byte, slotSize)
	if _, err := file.ReadAt(b, slot*slotStride); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	f(b)
	if _, err := file.WriteAt(b, slot*slotStride); err != nil {
		t.Fatal(err)
	}
}

func TestAppliedIndexIsOnDiskWithin100ms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r, _, err := openTestRecorder(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		go r.run()
		for i := uint64(1); i <= 20; i++ {
			r.record(i)
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(93 * time.Millisecond)
		if got, _, err := readSlots(r.file); got != 20 || err != nil {
			t.Fatalf("%d, %v, want 20", got, err)
		}
		r.record(21)
		r.stop()
		<-r.ended
		if _, got, err := openTestRecorder(t, dir); got != 21 || err != nil {
			t.Fatalf("after stop %d, %v, want 21", got, err)
		}
	})
}
