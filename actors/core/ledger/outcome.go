package ledger

import (
	"errors"
	"fmt"
)

// Outcome is why a block was refused, or that it was not. It is an error; what
// Validate returns wraps one, so that errors.Is(err, ledger.Fork) works.
type Outcome uint8

// The outcomes, in the words of the protocol. Progress is the outcome of a
// block that was inserted; as an error it is never returned.
const (
	Progress Outcome = iota
	InsufficientWork
	OpenedBurnAccount
	Old
	BadSignature
	Fork
	GapPrevious
	GapSource
	Unreceivable
	BalanceMismatch
	NoChange
)

var outcomes = [...]struct{ word, why string }{
	Progress:          {"progress", "the block was inserted"},
	InsufficientWork:  {"insufficient_work", "the work does not reach the threshold; find work for the block's root"},
	OpenedBurnAccount: {"opened_burn_account", "the account with the key zero cannot have blocks"},
	Old:               {"old", "the block is in the ledger already"},
	BadSignature:      {"bad_signature", "the signature is not the account's over this block on this network"},
	Fork:              {"fork", "another block of the account stands in this place"},
	GapPrevious:       {"gap_previous", "the previous block is not in the ledger"},
	GapSource:         {"gap_source", "the block that sent the amount is not in the ledger"},
	Unreceivable:      {"unreceivable", "nothing from this block is there for the account to receive"},
	BalanceMismatch:   {"balance_mismatch", "balance and link do not fit together"},
	NoChange:          {"no_change", "neither balance nor representative differs from the block before"},
}

// String returns the protocol's word, for example "gap_previous".
func (o Outcome) String() string {
	if int(o) < len(outcomes) {
		return outcomes[o].word
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Error returns the protocol's word and what it means.
func (o Outcome) Error() string {
	if int(o) < len(outcomes) {
		return outcomes[o].word + ": " + outcomes[o].why
	}
	return o.String()
}

// OutcomeOf returns the outcome that an error of Validate or Precheck stands
// for: Progress for nil. It returns false for any other error, which says
// nothing about the block.
func OutcomeOf(err error) (Outcome, bool) {
	if err == nil {
		return Progress, true
	}
	var o Outcome
	if errors.As(err, &o) {
		return o, true
	}
	return 0, false
}

// refuse wraps an outcome with what was found.
func refuse(o Outcome, format string, args ...any) error {
	return fmt.Errorf("%w (%s)", o, fmt.Sprintf(format, args...))
}
