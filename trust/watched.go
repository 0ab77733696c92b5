package trust

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"sync"
)

// watched is files that are used together, and what was last read of them.
type watched struct {
	paths []string

	mu   sync.Mutex // guards read
	read [][]byte   // nil before the first time
}

// reload reads the files and, if they differ from the last time, gives their contents to take, in the order of paths. What
// take refuses is not given to it again.
func (w *watched) reload(take func(contents [][]byte) error) (changed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := make([][]byte, len(w.paths))
	for i, path := range w.paths {
		if now[i], err = os.ReadFile(path); err != nil {
			return false, fmt.Errorf("read a certificate file: %w", err)
		}
	}
	if slices.EqualFunc(now, w.read, bytes.Equal) {
		return false, nil
	}
	w.read = now
	if err := take(now); err != nil {
		return false, err
	}
	return true, nil
}
