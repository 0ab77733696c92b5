package api

import "time"

// Audits is GET /v1/audit: the kept writes, oldest first. It is the trail of all members, as replicated as the state.
type Audits struct {
	Meta
	Entries []Audit    `json:"entries"`
	Since   *time.Time `json:"since,omitempty"` // when the oldest kept entry was written; absent: there is none
	Whole   bool       `json:"whole"`           // nothing older has been forgotten
}

// Audit is one write: who asked for what, from where and why, and what came of it.
type Audit struct {
	ID      uint64    `json:"id"`
	Index   uint64    `json:"index"`
	At      time.Time `json:"at,omitzero"`
	Author  string    `json:"author"`           // of what a node's Corefile declares: node:ID
	Node    string    `json:"node,omitempty"`   // where it entered
	Source  string    `json:"source,omitempty"` // the address that it came from
	Request string    `json:"request,omitempty"`
	Action  string    `json:"action"`
	Target  string    `json:"target,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Force   bool      `json:"force,omitempty"`
	Outcome string    `json:"outcome"` // done, or the refusal's code
	Text    string    `json:"text,omitempty"`
}
