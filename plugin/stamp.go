package failover

import (
	"fmt"
	"os"
	"strings"
)

// stamps is equal while no file of a list has changed: sizes and times of change, or why a file cannot be looked at.
// A file that is replaced by renaming another over it changes its time too.
func stamps(files []string) string {
	var b strings.Builder
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			fmt.Fprintln(&b, err)
			continue
		}
		fmt.Fprintln(&b, info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}
