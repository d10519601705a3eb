// Package sim runs several real nodes in one process on one goroutine: real
// actors, real databases, the real codec, but virtual time, a simulated network
// and disk, and one seed that decides everything else. It breaks what can break
// and checks after every commit that the laws of the ledger hold.
//
// The same seed gives the same run, to the byte: a trace hash proves it. A
// failing seed is a bug report; what to run to see it again stands in the error.
//
// It is for finding what nobody thought of. It does not measure speed, and what
// only real sockets, clocks and processes do is tested elsewhere.
package sim
