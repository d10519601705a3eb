// Package actors drives the rules: one thin actor for each subsystem, spawned
// and supervised by Node. An actor does four things with a message: lifecycle,
// translate, call the machine in actors/core, carry out what the machine says.
// If a test needs an actor to check a rule, the rule stands in the wrong place.
//
// Start order, and in reverse the stop order:
//
//	clock             tells everybody the time
//	block_processor   owns the write transaction; inserts, rolls back, cements
//	vote_processor    checks the signatures of votes, heaviest first
//	election_manager  elections, quorum, what to vote for and what is confirmed
//	voting            this node's own votes; final votes are stored before they are signed
//	bucket_scheduler  which block is elected next
//	work              proof of work for the RPC and the wallet
//	bootstrap_server  answers peers that ask for frontiers and blocks
//	bootstrap_client  asks peers for what this node misses
//	telemetry         tells peers about this node, keeps what they tell of themselves
//	peers             the peer supervisor; below it one actor for each connection
//	health            measures the node against its budget
//	rpc_gateway       listens for JSON-RPC
//
// Everything from outside the process comes in through Env: time, randomness,
// the network, the store, the goroutines that actors run on. Given a
// deterministic Env the node is deterministic.
package actors
