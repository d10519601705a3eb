package election

import "fmt"

// Behavior is why an election was started; it decides how long it may run.
type Behavior uint8

// The behaviors.
const (
	Priority   Behavior = iota // the account's turn in its balance bucket
	Hinted                     // others vote for the block
	Optimistic                 // the head of an account with much that is unconfirmed
	Manual                     // asked for by hand; asks for votes at once
	Forked                     // two blocks of one root are known; likewise
	behaviors                  // how many there are
)

// String returns the name that the RPC uses.
func (b Behavior) String() string {
	return name(int(b), "priority", "hinted", "optimistic", "manual", "fork")
}

// State is how far an election is.
type State uint8

// The states.
const (
	Passive   State = iota // waits for votes to come by themselves
	Active                 // asks for votes
	Confirmed              // decided; waits to be cemented, or was
	Expired                // ran out of time
	Cancelled              // ended from outside
)

// String returns the name that the RPC uses.
func (s State) String() string {
	return name(int(s), "passive", "active", "confirmed", "expired", "cancelled")
}

// Reason is why Start started no election, or that it did.
type Reason uint8

// The reasons. Only Started and Upgraded mean that an election runs on behalf
// of the candidate.
const (
	Started           Reason = iota
	Upgraded                 // a hinted or optimistic election of the root became the candidate's
	AlreadyRunning           // the root has an election; use Fork for another block of it
	RecentlyConfirmed        // the block is confirmed
	Full                     // too many elections of this behavior run
	Behind                   // too many confirmed elections wait to be cemented
	reasons
)

// String returns the reason in words.
func (r Reason) String() string {
	return name(int(r), "started", "upgraded", "already running", "recently confirmed", "full", "cementing is behind")
}

// Result is what became of a vote for one block.
type Result uint8

// The results.
const (
	Used          Result = iota // changed a tally
	Replay                      // nothing new: not later than what is known
	Indeterminate               // no election for this block: worth caching
	Late                        // the block is confirmed
	Weightless                  // the representative has no weight
	Throttled                   // changed its mind too soon
	Conflict                    // changed a tally, and contradicts the representative's own final vote
	Crowded                     // too light among too many voters
	Repeat                      // for the same block, later, or finally again: somebody has asked for it
	results
)

// String returns the result in words.
func (r Result) String() string {
	return name(int(r), "used", "replay", "indeterminate", "late", "weightless", "throttled", "conflict", "crowded", "repeat")
}

func name(i int, names ...string) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}
