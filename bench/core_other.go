//go:build !linux

package main

import (
	"context"
	"errors"
	"time"
)

// onCore is for Linux alone, as all measurements here are: they read /proc.
func onCore(int, func() error) error { return errors.New("measurements need Linux") }

// floodFrom is, too.
func floodFrom(context.Context, int, int) (int, time.Duration, error) {
	return 0, 0, errors.New("measurements need Linux")
}
