package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// median is the middle of the values, which must not be none; of an even number the lower one of the two.
func median[T int | int64 | float64 | time.Duration](values []T) T { return quantile(values, 0.5) }

// quantile is the least value that at least the share q of all values does not exceed.
func quantile[T int | int64 | float64 | time.Duration](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	i := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// spread is "median (least–most)" in a unit.
func spread(values []float64, format string) string {
	if len(values) == 1 {
		return fmt.Sprintf(format, values[0])
	}
	return fmt.Sprintf(format+" ("+format+"–"+format+")", median(values), slices.Min(values), slices.Max(values))
}

// table prints rows of cells in Markdown; the first row is the head.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	return b.String()
}
