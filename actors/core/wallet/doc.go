// Package wallet holds what a node's wallets do, as a machine without clock,
// disk or network: which accounts they have, how blocks are composed, and the
// way of each block from a wish to its confirmation.
//
// # The journal
//
// What must survive is told as records, which the driver writes to a journal
// in order and gives to Replay when it starts again. The way of a block:
//
//	reserved   a send with an id was asked for            (record, when it has an id)
//	stored     composed, signed, work found               (record, on the disk before it is published)
//	published  the ledger of this node has it
//	confirmed  by the network                             (record)
//
// A block is published only after the record that holds its bytes is safe, and
// published again byte for byte until it is confirmed. So an account never
// signs two blocks for one place, whatever is cut off when, and one id stands
// for one send for as long as the wallet lives.
//
// The blocks of one account are made one after the other: the next is composed
// when the ledger has the one before it.
//
// The package does not seal secrets (see crypto), does not know where the
// journal is, and does not decide who may spend.
package wallet
