package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// What is done to a member, and the last part of its path: POST /v1/cluster/promote and so on.
const (
	MemberPromote  = "promote"
	MemberDemote   = "demote"
	MemberRemove   = "remove"
	MemberTransfer = "transfer"
)

// MemberRequest is POST /v1/cluster/promote, demote, remove or transfer. Force goes past what guards the quorum.
type MemberRequest struct {
	Who
	Node  string `json:"node"` // ID; of transfer it may be empty: whoever takes the lead
	Force bool   `json:"force,omitempty"`
}

// MemberPlan is what a change of a member would do to the cluster's votes, as its leader sees them.
type MemberPlan struct {
	Change    string   `json:"change"` // MemberPromote and so on
	ID        string   `json:"id"`
	Address   string   `json:"address"`
	Role      string   `json:"role"`
	Suffrage  string   `json:"suffrage"`
	Leader    bool     `json:"leader"` // it leads: before it loses its vote it hands the lead over
	Reachable bool     `json:"reachable"`
	Before    Majority `json:"before"`
	After     Majority `json:"after"`
}

// Majority is what a cluster decides by.
type Majority struct {
	Voters    int  `json:"voters"`
	Live      int  `json:"live_voters"`
	Needed    int  `json:"needed"` // so many voters decide
	Quorum    bool `json:"quorum"` // so many answer
	Tolerates int  `json:"tolerates"`
	Probers   int  `json:"probing_nodes"` // whose votes make verdicts
}

// JoinRequest is POST /v1/cluster/join: the asked node itself joins a running cluster.
type JoinRequest struct {
	Address string `json:"address"` // HOST:PORT of any member
	Token   string `json:"token"`   // the text of a join token
}

// Joined is the answer to JoinRequest: the node is let in, and takes the log.
type Joined struct {
	Meta
	Joined bool `json:"joined"`
}

// ChangeMember does one change of the cluster's membership.
func (c *Client) ChangeMember(ctx context.Context, change string, q MemberRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPost, "/v1/cluster/"+change, nil, q, plan)
}

// JoinCluster has the asked node join a running cluster.
func (c *Client) JoinCluster(ctx context.Context, q JoinRequest) (*Joined, error) {
	b, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	a := new(Joined)
	return a, c.do(ctx, &call{method: http.MethodPost, path: "/v1/cluster/join", body: b}, a)
}
