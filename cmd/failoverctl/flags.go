package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// wanted is what a flag of a type takes, for people.
var wanted = map[string]string{
	"duration": "a duration like 30s, 10m or 24h",
	"uint32":   "a whole number from 0 to 4294967295",
	"uint64":   "a whole number from 0 on",
	"int":      "a whole number",
	"bool":     "true or false; without a value it is true",
}

// flagError says of a flag's value what it should be, where the library speaks of the function that it called.
func flagError(_ *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		if want := wanted[bad.GetFlag().Value.Type()]; want != "" {
			return usage("--%s %q is not %s", bad.GetFlag().Name, bad.GetValue(), want)
		}
	}
	return &usageError{err}
}

// plainDefaults shows the defaults of durations as people type them, in help and manual pages.
func plainDefaults(c *cobra.Command) {
	show := func(f *pflag.Flag) {
		if d, err := time.ParseDuration(f.DefValue); err == nil && d != 0 {
			f.DefValue = plain(d)
		}
	}
	c.LocalFlags().VisitAll(show)
	for _, sub := range c.Commands() {
		plainDefaults(sub)
	}
}
