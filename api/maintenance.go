package api

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Maintenance is GET /v1/maintenance: windows in the order in which they were planned.
type Maintenance struct {
	Meta
	Windows []Window `json:"windows"`
}

// Window is a maintenance window: an override planned ahead.
type Window struct {
	ID         uint64     `json:"id"`
	Scope      string     `json:"scope"` // site, address, endpoint, check or node
	Target     string     `json:"target"`
	Word       string     `json:"word"` // down, up or mute
	Forced     bool       `json:"forced,omitempty"`
	BreakGlass bool       `json:"break_glass,omitempty"`
	Author     string     `json:"author"`
	Reason     string     `json:"reason"`
	Planned    time.Time  `json:"planned,omitzero"` // when it was accepted
	Starts     time.Time  `json:"starts,omitzero"`
	Ends       *time.Time `json:"ends,omitempty"`    // absent: it runs, and was extended for ever
	Standing   string     `json:"standing"`          // planned, running, ended, refused or cancelled
	Why        string     `json:"why,omitempty"`     // it was refused, or cancelled
	Overdue    bool       `json:"overdue,omitempty"` // it would have started, but nothing starts without a leader
}

// The standings of a window. One that was refused at its start has no effect.
const (
	WindowPlanned   = "planned"
	WindowRunning   = "running"
	WindowEnded     = "ended"
	WindowRefused   = "refused"
	WindowCancelled = "cancelled"
)

// MaintenanceRequest is POST /v1/maintenance. It starts at At or after In.
type MaintenanceRequest struct {
	Who
	Scope      string     `json:"scope"`
	Target     string     `json:"target"`
	Word       string     `json:"word"`
	At         *time.Time `json:"at,omitempty"`
	In         string     `json:"in,omitempty"` // a Go duration
	For        string     `json:"for"`          // likewise
	Force      bool       `json:"force,omitempty"`
	BreakGlass bool       `json:"break_glass,omitempty"` // past safety rules
}

// CancelRequest is DELETE /v1/maintenance; its fields travel in the query.
type CancelRequest struct {
	Who
	ID uint64 `json:"id"`
}

// Maintenance asks for all kept windows.
func (c *Client) Maintenance(ctx context.Context) (*Maintenance, error) {
	a := new(Maintenance)
	return a, c.get(ctx, "/v1/maintenance", nil, a)
}

// PlanMaintenance plans an override. With plan nothing is written.
func (c *Client) PlanMaintenance(ctx context.Context, r MaintenanceRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPost, "/v1/maintenance", nil, r, plan)
}

// CancelMaintenance ends a window before its start.
func (c *Client) CancelMaintenance(ctx context.Context, r CancelRequest, plan bool) (*Written, error) {
	q := r.Who.query()
	q.Set("id", strconv.FormatUint(r.ID, 10))
	return c.write(ctx, http.MethodDelete, "/v1/maintenance", q, nil, plan)
}
