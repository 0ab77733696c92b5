package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// load is what one run of dnsperf saw.
type load struct {
	answered, lost int
	mean, worst    time.Duration // latency
}

// ask runs dnsperf against a port of 127.0.0.1: four sockets with 100 queries under way in all, as fast as answers come or
// at a rate (queries a second), the queries of the file again and again.
func ask(ctx context.Context, queries string, port int, length time.Duration, rate int) (load, error) {
	argv := []string{"-s", "127.0.0.1", "-p", strconv.Itoa(port), "-d", queries, "-l", fmt.Sprintf("%.0f", length.Seconds()),
		"-c", "4", "-T", "1", "-q", "100", "-t", "2"}
	if rate > 0 {
		argv = append(argv, "-Q", strconv.Itoa(rate))
	}
	cmd := exec.CommandContext(ctx, "dnsperf", argv...)
	var out []byte
	err := onCore(clientCore, func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	if err != nil {
		return load{}, fmt.Errorf("dnsperf (make bench-peers installs it): %w\n%s", err, out)
	}
	return parseDnsperf(string(out))
}

var (
	completedLine = regexp.MustCompile(`Queries completed:\s+(\d+)`)
	lostLine      = regexp.MustCompile(`Queries lost:\s+(\d+)`)
	latencyLine   = regexp.MustCompile(`Average Latency \(s\):\s+([0-9.]+) \(min [0-9.]+, max ([0-9.]+)\)`)
)

func parseDnsperf(out string) (l load, err error) {
	number := func(re *regexp.Regexp) int {
		m := re.FindStringSubmatch(out)
		if m == nil {
			err = fmt.Errorf("dnsperf did not say %s:\n%s", re, out)
			return 0
		}
		n, _ := strconv.Atoi(m[1]) // the pattern lets only digits through
		return n
	}
	l.answered, l.lost = number(completedLine), number(lostLine)
	m := latencyLine.FindStringSubmatch(out)
	if m == nil && l.answered > 0 {
		return l, fmt.Errorf("dnsperf said no latency:\n%s", out)
	}
	if m != nil {
		l.mean, l.worst = seconds(m[1]), seconds(m[2])
	}
	return l, err
}

func seconds(s string) time.Duration {
	f, _ := strconv.ParseFloat(s, 64) // the pattern lets only numbers through
	return time.Duration(f * float64(time.Second))
}
