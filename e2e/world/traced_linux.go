package world

import (
	"os"
	"strings"
)

// traced says whether a thread, by its status file, has a tracer. One that has ended meanwhile does not matter.
func traced(status string) bool {
	b, err := os.ReadFile(status)
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(b), "TracerPid:")
	id, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(id) != "0"
}
