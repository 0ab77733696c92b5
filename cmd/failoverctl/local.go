package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/api"
	"failoverdns/emergency"
)

// defaultData is the server's own default.
const defaultData = "./failoverdns-data"

func localCommand(s *session) *cobra.Command {
	c := group("local", "This machine's emergency file; works on a file, asks no server", localPin(s), localClear(s))
	c.Long = "local writes the emergency file of the node on this machine. It stands above everything that is measured, agreed or\nordered, on this node alone, and needs neither a quorum nor the admin API. Write it on each node that is to answer so."
	return c
}

// localWritten is what local says as JSON.
type localWritten struct {
	File    string         `json:"file"`
	Pinned  *localLine     `json:"pinned,omitempty"`
	Cleared []localCleared `json:"cleared,omitempty"`
}

type localLine struct {
	Group   string    `json:"group"`
	Site    string    `json:"site"`
	Expires time.Time `json:"expires"`
	Reason  string    `json:"reason"`
}

type localCleared struct {
	Group string `json:"group"`
	Site  string `json:"site"`
}

func localPin(s *session) *cobra.Command {
	var data, reason string
	var lasts time.Duration
	c := &cobra.Command{Use: "pin GROUP|all SITE", Short: "Have this node answer for a group, or for all that have the site, with a site", Args: cobra.ExactArgs(2), RunE: func(_ *cobra.Command, args []string) error {
		switch {
		case strings.TrimSpace(reason) == "":
			return usage("local pin needs --reason TEXT: whoever finds the file wants to know why")
		case lasts < time.Second:
			return usage("--for %q is no duration from 1s on (30m, 24h); the emergency file knows no never", lasts)
		}
		p := emergency.Pin{Group: emergency.Group(args[0]), Site: args[1], Expires: s.t.now().Add(lasts).UTC().Truncate(time.Second), Reason: strings.TrimSpace(reason)}
		if err := emergency.Set(data, p, s.t.now()); err != nil {
			return err
		}
		return s.saidPinned(data, p)
	}}
	c.Flags().StringVar(&reason, "reason", "", "why; written to the file, and required")
	c.Flags().DurationVar(&lasts, "for", api.DefaultFor, "how long it stands, by this machine's clock")
	dataFlag(c, &data)
	return c
}

func (s *session) saidPinned(data string, p emergency.Pin) error {
	if s.output == "json" {
		return s.t.json(localWritten{File: emergency.Path(data), Pinned: &localLine{p.Group, p.Site, p.Expires, p.Reason}})
	}
	what := "group " + p.Group
	if p.Group == emergency.All {
		what = "every group that has it and no line of its own"
	}
	s.t.printf("Wrote %s: %s is what this node answers %s with, until %s.\n", emergency.Path(data), p.Site, what, when(p.Expires, s.t.now()))
	s.t.printf("It has effect within a second, on this node alone; other nodes need their own.\nSee it:   failoverctl status   (of this node; it also says if there is no such group or site)\nUndo it:  failoverctl local clear %s%s\n", p.Group, dataWord(data))
	return nil
}

func localClear(s *session) *cobra.Command {
	var data string
	c := &cobra.Command{Use: "clear GROUP|all", Short: "Take a group's line, or the whole file, away", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
		cleared, err := emergency.Clear(data, args[0])
		if errors.Is(err, emergency.ErrNoLine) {
			return errors.New("there is nothing to clear for " + args[0] + " in " + emergency.Path(data))
		}
		if err != nil {
			return err
		}
		return s.saidCleared(data, cleared)
	}}
	c.Long = "clear takes a group's line out of the emergency file. With all it removes the file, a broken one too."
	dataFlag(c, &data)
	return c
}

func (s *session) saidCleared(data string, cleared []emergency.Pin) error {
	out := localWritten{File: emergency.Path(data), Cleared: []localCleared{}}
	for _, p := range cleared {
		out.Cleared = append(out.Cleared, localCleared{p.Group, p.Site})
	}
	if s.output == "json" {
		return s.t.json(out)
	}
	for _, p := range cleared {
		s.t.printf("Cleared %s, which was pinned to %s.\n", p.Group, p.Site)
	}
	if len(cleared) == 0 {
		s.t.printf("Removed %s, which had no effect.\n", out.File)
	}
	s.t.printf("Within a second this node answers as the cluster says again.\nSee it:   failoverctl status   (of this node)\n")
	return nil
}

func dataFlag(c *cobra.Command, data *string) {
	c.Flags().StringVar(data, "data", defaultData, "the node's data directory, as the Corefile's cluster block has it")
}

// dataWord repeats --data where it is not the default.
func dataWord(data string) string {
	if data == defaultData {
		return ""
	}
	return " --data " + data
}
