// Package load offers blocks to running nodes and notes when each node has
// confirmed them. It is what "smallnano bench" and smallnano-load share: an
// account that makes its blocks by itself, a load at a rate that does not wait
// for answers, the news of confirmations, and the report of what was measured.
// The keys are made up and known to all: use it on a network for tests only.
package load
