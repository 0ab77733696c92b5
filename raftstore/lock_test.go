package raftstore

import (
	"os"
	"strings"
	"testing"
)

// TestRootLeavesAnotherUsersDirectoryAlone: what it wrote there the service could not open.
func TestRootLeavesAnotherUsersDirectoryAlone(t *testing.T) {
	dir := t.TempDir()
	owner := os.Geteuid()
	if err := ownDir(dir, owner); err != nil {
		t.Errorf("its owner is refused: %v", err)
	}
	if owner == 0 {
		owner = 65534
		if err := os.Chown(dir, owner, -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := ownDir(dir, 0); err == nil || !strings.Contains(err.Error(), "runuser -u ") {
		t.Errorf("root in the directory of user %d: %v, want the way out", owner, err)
	}
	if err := ownDir(dir, owner); err != nil {
		t.Errorf("its owner is refused: %v", err)
	}
}
