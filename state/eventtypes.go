package state

// EventType is one kind of event.
type EventType struct {
	Name  string
	Text  string // what it says, for people
	Quiet bool   // one step on the way to another event, or the cluster's own business: a person asks for it
}

// EventTypes are all kinds of events, in the order in which people should learn of them.
var EventTypes = []EventType{
	{Name: "flip", Text: "a group's active site changed"},
	{Name: "site-down", Text: "a site is down in a group"},
	{Name: "site-up", Text: "a site is up again in a group"},
	{Name: "hold", Text: "a site that is up again waits for failback"},
	{Name: "hold-ended", Text: "a site no longer waits for failback"},
	{Name: "pin-set", Text: "a group was pinned to a site"},
	{Name: "pin-cleared", Text: "a pin was ended"},
	{Name: "pin-expired", Text: "a pin ended by itself"},
	{Name: "pin-expiring", Text: "a pin ends soon"},
	{Name: "switch-set", Text: "a routing switch was turned"},
	{Name: "drill-started", Text: "a drill moved a group to another site"},
	{Name: "drill-ended", Text: "a drill ended; its reason is the outcome"},
	{Name: "drill-skipped", Text: "a scheduled drill was not begun"},
	{Name: "drill-report", Text: "all that was measured of a drill is there"},
	{Name: "override-set", Text: "an override was set, or extended"},
	{Name: "override-cleared", Text: "an override was ended"},
	{Name: "override-expired", Text: "an override ended by itself"},
	{Name: "override-expiring", Text: "an override ends soon"},
	{Name: "maintenance-planned", Text: "a maintenance window was planned"},
	{Name: "maintenance-started", Text: "a maintenance window began: its override stands"},
	{Name: "maintenance-refused", Text: "a maintenance window was refused at its start, and has no effect"},
	{Name: "maintenance-cancelled", Text: "a maintenance window was cancelled before its start"},
	{Name: "declared", Text: "a zone's declaration came into force, or something of it is gone"},
	{Name: "drift", Text: "a node's files differ from what is in force"},
	{Name: "zone-deleted", Text: "a zone was deleted"},
	{Name: "withdrawn", Text: "a node's files do not have a zone any more"},
	{Name: "records", Text: "dynamic record sets changed", Quiet: true},
	{Name: "node", Text: "a node became a member, left, announced itself, or counts as a probing node"},
	{Name: "member-promote", Text: "a member is given a vote"},
	{Name: "member-demote", Text: "a member's vote is taken away"},
	{Name: "member-remove", Text: "a member is taken out of the cluster"},
	{Name: "member-transfer", Text: "the lead is handed over"},
	{Name: "restored", Text: "the state was restored from an archive"},
	{Name: "webhook-forgotten", Text: "deliveries to a webhook were forgotten"},
	{Name: "token-created", Text: "an API or join token was made"},
	{Name: "token-revoked", Text: "a token was revoked"},
	{Name: "token-used", Text: "a join token was used"},
	{Name: "token-expired", Text: "a token ended by itself"},
	{Name: "verdict", Text: "the cluster's opinion of an endpoint changed", Quiet: true},
	{Name: "vote", Text: "one node's opinion of an endpoint changed", Quiet: true},
	{Name: "session", Text: "a node's votes count from now on, or are void", Quiet: true},
	{Name: "level", Text: "a higher feature level is in force", Quiet: true},
	{Name: "resolved", Text: "a flattened target has other addresses", Quiet: true},
	{Name: "upload-dropped", Text: "a large change was never completed", Quiet: true},
}
