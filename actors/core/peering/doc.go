// Package peering decides with whom a node is connected and who is told what.
//
// Peers is the machine: it keeps the book of known addresses and the slots for
// connections, says when to dial, whom to refuse and when to close, remembers
// who misbehaved, and picks the connections that a block or a vote is sent to.
// Beside it stand plain parts for the connections themselves: Filter finds
// messages that were seen before, TokenBucket limits a rate, Offences keeps
// scores and bans.
//
// Nothing here opens a socket or reads a clock. The driver resolves names,
// dials, listens and shakes hands; it calls a verb for what happened, with the
// time, and then carries out what Ready returns. The same calls give the same
// outputs. No container grows past its named bound, whatever peers send.
//
// Peers, TokenBucket and Offences belong to one goroutine. Filter may be shared.
package peering
