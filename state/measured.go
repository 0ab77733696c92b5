package state

import "time"

// Measure is how the command that began an incident came to one node's answers.
type Measure struct {
	Node     string        `json:"node"`
	Leader   bool          `json:"leader,omitempty"`   // it led then: Commit is known, and its times are by one clock
	Commit   time.Duration `json:"commit,omitempty"`   // the leader's log to the disks of a majority
	Apply    time.Duration `json:"apply,omitempty"`    // the node's own work
	Swapped  time.Duration `json:"swapped,omitempty"`  // the leader's log to the node's answers
	Proposed time.Duration `json:"proposed,omitempty"` // its proposing the deciding vote to its own answers
	Error    string        `json:"error,omitempty"`    // why there is none
}

// maxMeasures bounds what one command brings; a cluster has fewer nodes.
const maxMeasures = 64

// Measured keeps with the incidents of an index how fast each node followed: nodes keep it in memory only. The leader
// sends it once.
type Measured struct {
	At    uint64    `json:"at"` // the log index at which the incidents began
	Nodes []Measure `json:"nodes"`
}

func (*Measured) kind() kind { return kindMeasured }

func (c *Measured) apply(t *txn) *Refusal {
	if len(c.Nodes) == 0 || len(c.Nodes) > maxMeasures {
		return refuse(RefusedInvalid, "%d measures are not from 1 to %d", len(c.Nodes), maxMeasures)
	}
	for _, in := range t.s.Unmeasured() {
		if in.Index == c.At {
			t.editIncident(in.ID, func(in *Incident) { in.Measures = c.Nodes })
		}
	}
	return nil
}

// Unmeasured are the incidents of which nobody has kept yet how fast the nodes followed, oldest first.
func (s *State) Unmeasured() (out []*Incident) {
	for _, in := range s.Incidents.All() {
		if in.Measures == nil {
			out = append(out, in)
		}
	}
	return out
}
