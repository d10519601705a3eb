package rpc

var bucketActions = []*action{
	{
		name: "buckets", role: Public, cost: 2,
		summary: "The buckets of balances in which blocks wait for their elections, all 62, and the limits.",
		result: []field{
			has("buckets", formList, "from the smallest balances up"),
			has("buckets[].bucket", formNumber, "its number, from 0"),
			has("buckets[].minimum", formAmount, "smallest balance in it"),
			has("buckets[].waiting", formCount, "blocks that wait for an election"),
			has("buckets[].elections", formCount, "elections that run"),
			has("buckets[].unconfirmed", formCount, "unconfirmed blocks that count in the backlog"),
			has("buckets[].oldest", formTime, "when the account that is served next was used before; 0 when nothing waits"),
			has("buckets[].newest", formTime, "likewise of the one that is served last"),
			has("buckets[].pushed", formCount, "blocks that came since the start"),
			has("buckets[].started", formCount, "of them, elections that were started"),
			has("buckets[].ended", formCount, "elections that ended"),
			has("buckets[].dropped", formCount, "blocks without a place in the full queue"),
			has("buckets[].cancelled", formCount, "elections that made room for an account that was used longer ago"),
			has("queue", formCount, "most blocks that wait in one bucket"),
			has("reserved", formCount, "elections that each bucket may always have"),
			has("max", formCount, "elections that a bucket may have while there is room"),
			has("elections", formCount, "elections of all buckets together"),
			has("backlog", formCount, "unconfirmed blocks in the ledger, without those that came by bootstrap"),
			has("max_backlog", formCount, "above it the most recently used ones are rolled back"),
		},
		handle: buckets,
	},
}

func buckets(c *call) (any, error) {
	state, err := c.backend.Buckets(c.ctx)
	if err != nil {
		return nil, err
	}
	shown := []object{}
	for i := range state.Buckets {
		b := &state.Buckets[i]
		shown = append(shown, obj("bucket", b.Bucket, "minimum", b.Min, "waiting", b.Waiting, "elections", b.Running,
			"unconfirmed", state.Unconfirmed[b.Bucket], "oldest", b.Oldest, "newest", b.Newest, "pushed", b.Pushed,
			"started", b.Started, "ended", b.Ended, "dropped", b.Dropped, "cancelled", b.Cancelled))
	}
	l := state.Limits
	return obj("buckets", shown, "queue", l.Queue, "reserved", l.Reserved, "max", l.Max, "elections", l.Elections,
		"backlog", state.Backlog, "max_backlog", state.MaxBacklog), nil
}
