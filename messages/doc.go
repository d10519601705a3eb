// Package messages is what the node's actors say to each other. For every actor
// there is one sealed interface of the messages it accepts, so that a message
// for another actor does not compile, and a file with those messages.
//
// Messages are pointers to structs that nobody changes after sending; slices
// are handed over. Commands are verbs, facts are in the past tense. A message
// that carries a Credit or a reply must be answered exactly once: by the actor
// that handled it, or by Refused when a mailbox would not take it.
//
//	receiver         from                              file
//	BlockProcessor   peer, RPC, bootstrap, elections   block_processor.go
//	Scheduler        block processor, elections, RPC   scheduler.go
//	Elections        scheduler, votes, blocks, RPC     elections.go
//	Votes            peer, voting, elections           votes.go
//	Voting           elections, block processor, peer  voting.go
//	PeerSupervisor   peer, links, everybody who sends  peers.go
//	Peer             its link, peer supervisor         peers.go
//	Bootstrap        peer, block processor, scheduler  bootstrap.go
//	BootstrapServer  peer                              bootstrap.go
//	Pruner           block processor, settings         pruner.go
//	Work             RPC, wallet                       work.go
package messages
