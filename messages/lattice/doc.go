// Package lattice holds the vocabulary of the ledger: accounts, amounts,
// hashes, blocks, votes, the records that are kept about them, and the
// networks. It is the lowest ring after crypto: values with a text and a
// binary form, no behaviour over time, no input or output.
//
// Every type here is a plain value: copying is safe, the zero value is
// meaningful where it says so, and nothing is shared. What a block may do is
// not decided here but in actors/core/ledger.
package lattice
