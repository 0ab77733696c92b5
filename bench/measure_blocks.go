package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// blocked is what a Corefile of many server blocks costs, in CPU time and memory.
type blocked struct {
	check, start time.Duration
	resident     int64
}

// blocks measures a Corefile of 1,000 server blocks beside one of 10,000, each block with a group at shared sites: what
// -check takes, and what a new node takes up to its answer for the last of them.
func blocks(ctx context.Context, s settings) error {
	rows := [][]string{{"server blocks", "check, CPU s", "first start to answer, CPU s", "memory, MiB"}}
	for _, count := range []int{manyZones / 10, manyZones} {
		b, err := s.blocked(ctx, count)
		if err != nil {
			return fmt.Errorf("%d server blocks: %w", count, err)
		}
		rows = append(rows, []string{fmt.Sprint(count), fmt.Sprintf("%.2f", b.check.Seconds()), fmt.Sprintf("%.2f", b.start.Seconds()), fmt.Sprint(b.resident >> 20)})
		progress("%s", rows[len(rows)-1])
	}
	fmt.Printf("\n## Many server blocks in one Corefile\n\nEach has a group at shared sites; one node on one core, logs synced to disk. CPU time is the process's; memory is resident %s after the answer.\n\n%s", blocksSettle, table(rows))
	return nil
}

// blocksSettle is for what a start leaves to be done.
const blocksSettle = 5 * time.Second

func (s settings) blocked(ctx context.Context, count int) (b blocked, err error) {
	dir, err := os.MkdirTemp(s.dir, "blocks-")
	if err != nil {
		return b, err
	}
	port, err := twoPorts()
	if err != nil {
		return b, err
	}
	path, err := write(dir, "Corefile", "%s", manyBlocks(port, count))
	if err != nil {
		return b, err
	}
	program := filepath.Join(s.binaries, "failoverdns")
	check := exec.CommandContext(ctx, program, "-check", "-conf", path)
	if err := check.Run(); err != nil {
		return b, fmt.Errorf("check: %w", err)
	}
	b.check = check.ProcessState.UserTime() + check.ProcessState.SystemTime()
	running, err := start("failoverdns", dir, program, "-conf", path)
	if err != nil {
		return b, err
	}
	defer running.stop()
	if err := waitAnswer(ctx, running, port, manyZone(count-1)+"."); err != nil {
		return b, err
	}
	if b.start, err = running.cpu(); err != nil {
		return b, err
	}
	if err := pause(ctx, blocksSettle); err != nil {
		return b, err
	}
	b.resident, err = running.resident()
	return b, err
}

// manyBlocks is a Corefile of server blocks, of which the first defines the sites and the node.
func manyBlocks(port, count int) string {
	var b strings.Builder
	first := fmt.Sprintf(`primary one {
address 192.0.2.1
check tcp://:9
}
secondary two {
address 192.0.2.2
check tcp://:9
}
admin 127.0.0.1:%d
cluster {
data data
}`, port+1)
	for i := range count {
		fmt.Fprintf(&b, "%s:%d {\nbind 127.0.0.1\nerrors\nfailover {\n%s\nnameserver ns1.%[1]s 127.0.0.1\n}\n}\n", manyZone(i), port, first)
		first = "primary one\nsecondary two"
	}
	return b.String()
}
