package api

import (
	"context"
	"net/http"
	"time"
)

// Switches is GET /v1/switches: routing switches, and the safety rules over them.
type Switches struct {
	Meta
	Switches []Switch `json:"switches"`
	Rules    []Rule   `json:"rules"`
}

// Switch is a routing switch: while it is off, its sites are out in every group.
type Switch struct {
	Name       string    `json:"name"`
	Zone       string    `json:"zone"` // whose declaration has it
	On         bool      `json:"on"`
	Sites      []string  `json:"sites"`
	Out        []string  `json:"out_by_override,omitempty"` // of Sites: forced down, so that rules count the switch as off
	Author     string    `json:"author,omitempty"`          // of the last change; empty before the first
	Reason     string    `json:"reason,omitempty"`
	Since      time.Time `json:"since,omitzero"`
	BrokeGlass bool      `json:"broke_glass,omitempty"` // the last change went against a rule
}

// Rule is a safety rule.
type Rule struct {
	Name     string     `json:"name"`
	Zone     string     `json:"zone"`
	Kind     string     `json:"kind"` // assertion or gating
	Switches []string   `json:"switches"`
	Gates    []string   `json:"gates,omitempty"`
	Least    int        `json:"least,omitempty"`
	Most     int        `json:"most,omitempty"` // 0: no bound
	Wait     float64    `json:"wait_seconds"`
	Demands  string     `json:"demands"` // in words
	On       int        `json:"on"`      // of those that the rule counts
	Kept     bool       `json:"kept"`    // of an assertion; a gating rule's gates are open
	Waits    *time.Time `json:"waits_until,omitempty"`
}

// SwitchRequest is PUT /v1/switches: all of it takes effect, or nothing.
type SwitchRequest struct {
	Who
	Set        []SwitchPosition `json:"set"`
	Force      bool             `json:"force,omitempty"`       // past a group's last site that is up
	BreakGlass bool             `json:"break_glass,omitempty"` // past safety rules
}

// SwitchPosition is the position that one switch is to have.
type SwitchPosition struct {
	Name string `json:"name"`
	On   bool   `json:"on"`
}

// Switches asks for all switches and safety rules.
func (c *Client) Switches(ctx context.Context) (*Switches, error) {
	a := new(Switches)
	return a, c.get(ctx, "/v1/switches", nil, a)
}

// SetSwitches turns switches, all or none. With plan nothing is written.
func (c *Client) SetSwitches(ctx context.Context, r SwitchRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPut, "/v1/switches", nil, r, plan)
}
