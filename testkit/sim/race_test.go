//go:build race

package sim

// racing: the race detector watches, and all takes ten times as long. A world is
// one goroutine, so there is little for it to find.
const racing = true
