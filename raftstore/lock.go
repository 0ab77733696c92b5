package raftstore

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

const lockFile = "lock"

// lockDir takes the directory for this process. Closing the file, or the end of the process, gives it back.
func lockDir(dir string) (*os.File, error) {
	if err := ownDir(dir, os.Geteuid()); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("the data directory %q is in use by another process: stop that one, or give this one a directory of its own", dir)
	}
	return nil, fmt.Errorf("lock the data directory %q: %w", dir, err)
}

// ownDir refuses root in another user's directory, the service's most of all: that user could not open what root writes
// there.
func ownDir(dir string, me int) error {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return fmt.Errorf("look at the data directory %q: %w", dir, err)
	}
	if me != 0 || st.Uid == 0 {
		return nil
	}
	owner := strconv.FormatUint(uint64(st.Uid), 10)
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	return fmt.Errorf("the data directory %q belongs to %s, who could not read what root writes there: run this as that user (runuser -u %s -- failoverdns ...), or give root the directory", dir, owner, owner)
}
