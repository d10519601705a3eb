// Package bootstrap brings a ledger up to what the network has confirmed, and
// helps others to do so.
//
// Client is the asking side: a machine that finds the accounts of which peers
// know more than the local ledger, pulls their blocks upwards from the local
// frontier, follows missing sources by their hash, and falls nearly silent when
// nothing new is found. AnswerFrontiers and AnswerBlocks decide what the
// answering side says. Gaps holds blocks that came before what they depend on.
//
// Nothing here touches a socket or a disk, or reads a clock: the driver tells
// what happened, with the time, lends a Ledger to look things up in, and
// carries out what Ready returns. No answer of a peer is believed further than
// it was checked, and every block goes the way of any other block: what a false
// or silent peer can cost is time. No container grows past its named bound.
package bootstrap
