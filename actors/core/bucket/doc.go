// Package bucket shares what is scarce among blocks by the balance of their
// account, so that flooding with small amounts delays only small amounts, and
// flooding from few accounts delays only those.
//
// Table cuts all balances into 62 buckets. Scheduler decides which block gets an
// election next, Backlog which unconfirmed block goes when there are too many:
// both take the buckets in turn and serve, inside a bucket, the account first
// that was used least recently. "Used" is the local time of the account's block
// before the one in question; for an account's first block, its own arrival.
//
// Admission holds new blocks of flooded buckets back in the same order. Window
// decides how much of what nobody has a share in those who flood may have: what
// the others do not miss.
//
// The machines promise their bounds, the same outputs for the same calls, and
// that no bucket with something to do waits for ever while others are served.
// They hold names of blocks and nothing of the ledger: the caller tells them
// what came, ended or went away.
package bucket
