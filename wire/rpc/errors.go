package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/smallnano/smallnano/actors/core/ledger"
)

// Error is an answer that says why something was not done.
type Error struct {
	Code   string // for programs: never changes its meaning
	Text   string // the words that the tools of the field compare
	Detail string // what is wrong, and where; may be empty

	more object // further members of the answer, for example of a pruned block
}

// Error returns text and detail.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Text
	}
	return e.Text + ": " + e.Detail
}

// with adds a member to the answer.
func (e *Error) with(name string, value any) *Error {
	e.more.set(name, value)
	return e
}

// errorKind is one way to be refused. The table of them is part of the
// contract: see rpc.discover.
type errorKind struct {
	code, text string
	number     int64 // in JSON-RPC
}

// Numbers of JSON-RPC errors. Programs should look at the code in the data
// instead: it tells more.
const (
	numberParse    = -32700
	numberRequest  = -32600
	numberMethod   = -32601
	numberParams   = -32602
	numberInternal = -32603
	numberRefused  = -32000 // asked rightly, but the ledger or the node says no
	numberControl  = -32001
	numberBusy     = -32005
)

// Ways in which any call can fail.
var (
	badJSON         = &errorKind{"bad_json", "Unable to parse JSON", numberParse}
	tooDeep         = &errorKind{"too_deep", "Max JSON depth exceeded", numberParse}
	duplicateKey    = &errorKind{"duplicate_key", "Unable to parse JSON", numberParse}
	bodyTooLarge    = &errorKind{"body_too_large", "Request is too large", numberRequest}
	badRequest      = &errorKind{"bad_request", "Invalid request", numberRequest}
	ambiguous       = &errorKind{"ambiguous_request", "Ambiguous request", numberRequest}
	batchTooLarge   = &errorKind{"batch_too_large", "Batch is too large", numberRequest}
	tooSlow         = &errorKind{"too_slow", "Request took too long", numberRequest}
	onlyPost        = &errorKind{"only_post", "Can only POST requests", numberRequest}
	badHost         = &errorKind{"bad_host", "Host is not allowed", numberRequest}
	crossOrigin     = &errorKind{"cross_origin", "Requests from other sites are not allowed", numberRequest}
	unknownCommand  = &errorKind{"unknown_command", "Unknown command", numberMethod}
	notServed       = &errorKind{"not_served", "Not served here", numberControl}
	controlDisabled = &errorKind{"control_disabled", "RPC control is disabled", numberControl}
	missing         = &errorKind{"missing_parameter", "Missing parameter", numberParams}
	badParameter    = &errorKind{"bad_parameter", "Invalid parameter", numberParams}
	overloaded      = &errorKind{"overloaded", "Node is overloaded", numberBusy}
	rateLimited     = &errorKind{"rate_limited", "Too many requests", numberBusy}
	timedOut        = &errorKind{"timeout", "Node did not answer in time", numberRefused}
	stopping        = &errorKind{"stopping", "Node is stopping", numberRefused}
	internalError   = &errorKind{"internal", "Internal error", numberInternal}
)

// commonErrors can answer any action.
var commonErrors = []*errorKind{
	badJSON, tooDeep, duplicateKey, bodyTooLarge, badRequest, ambiguous, batchTooLarge, tooSlow, onlyPost, badHost, crossOrigin,
	unknownCommand, notServed, controlDisabled, missing, badParameter, overloaded, rateLimited, timedOut, stopping, internalError,
}

// Ways in which some actions fail.
var (
	badAccount      = &errorKind{"bad_account", "Bad account number", numberParams}
	otherNetwork    = &errorKind{"address_of_other_network", "Bad account number", numberParams}
	badHash         = &errorKind{"bad_hash", "Invalid block hash", numberParams}
	badKey          = &errorKind{"bad_key", "Bad private key", numberParams}
	badPublicKey    = &errorKind{"bad_public_key", "Bad public key", numberParams}
	badSeed         = &errorKind{"bad_seed", "Bad seed", numberParams}
	badIndex        = &errorKind{"bad_index", "Invalid index", numberParams}
	badAmount       = &errorKind{"bad_amount", "Invalid amount number", numberParams}
	badCount        = &errorKind{"bad_count", "Invalid count limit", numberParams}
	badWork         = &errorKind{"bad_work", "Bad work", numberParams}
	badDifficulty   = &errorKind{"bad_difficulty", "Bad difficulty", numberParams}
	difficultyLimit = &errorKind{"difficulty_limit", "Difficulty above config limit or below publish threshold", numberParams}
	badBlock        = &errorKind{"bad_block", "Block is invalid", numberParams}
	badSubtype      = &errorKind{"bad_subtype", "Invalid block subtype", numberParams}
	tooMany         = &errorKind{"too_many", "Too many entries", numberParams}

	accountNotFound  = &errorKind{"account_not_found", "Account not found", numberRefused}
	blockNotFound    = &errorKind{"block_not_found", "Block not found", numberRefused}
	blockPruned      = &errorKind{"block_pruned", "Block pruned", numberRefused}
	keyMismatch      = &errorKind{"key_mismatch", "Private key does not belong to the account", numberRefused}
	subtypeBalance   = &errorKind{"subtype_balance", "Invalid block balance for given subtype", numberRefused}
	subtypePrevious  = &errorKind{"subtype_previous", "Invalid previous block for given subtype", numberRefused}
	sequenceAhead    = &errorKind{"sequence_ahead", "Sequence number was not reached yet", numberRefused}
	workDisabled     = &errorKind{"work_disabled", "Work generation is disabled", numberRefused}
	workFailed       = &errorKind{"work_failed", "Work generation cancellation or failure", numberRefused}
	workCancelled    = &errorKind{"work_cancelled", "Cancelled", numberRefused}
	badRoot          = &errorKind{"bad_root", "Invalid root hash", numberParams}
	electionNotFound = &errorKind{"election_not_found", "Active confirmation not found", numberRefused}
	readOnly         = &errorKind{"read_only", "Node is in read-only mode", numberRefused}
	actorNotFound    = &errorKind{"actor_not_found", "Actor not found", numberRefused}

	insufficientWork = &errorKind{"insufficient_work", "Block work is less than threshold", numberRefused}
	openedBurn       = &errorKind{"opened_burn_account", "Block attempts to open the burn account", numberRefused}
	oldBlock         = &errorKind{"old", "Old block", numberRefused}
	badSignature     = &errorKind{"bad_signature", "Bad signature", numberRefused}
	forkBlock        = &errorKind{"fork", "Fork", numberRefused}
	gapPrevious      = &errorKind{"gap_previous", "Gap previous block", numberRefused}
	gapSource        = &errorKind{"gap_source", "Gap source block", numberRefused}
	unreceivable     = &errorKind{"unreceivable", "Unreceivable", numberRefused}
	balanceMismatch  = &errorKind{"balance_mismatch", "Balance and amount delta do not match", numberRefused}
	noChange         = &errorKind{"no_change", "Block changes nothing", numberRefused}
)

// outcomes are the answers for a block that the ledger refuses.
var outcomes = map[ledger.Outcome]*errorKind{
	ledger.InsufficientWork:  insufficientWork,
	ledger.OpenedBurnAccount: openedBurn,
	ledger.Old:               oldBlock,
	ledger.BadSignature:      badSignature,
	ledger.Fork:              forkBlock,
	ledger.GapPrevious:       gapPrevious,
	ledger.GapSource:         gapSource,
	ledger.Unreceivable:      unreceivable,
	ledger.BalanceMismatch:   balanceMismatch,
	ledger.NoChange:          noChange,
}

// plain returns the error without a detail.
func (k *errorKind) plain() *Error { return &Error{Code: k.code, Text: k.text} }

// because returns the error with a detail: where it is, and what.
func (k *errorKind) because(format string, args ...any) *Error {
	return &Error{Code: k.code, Text: k.text, Detail: fmt.Sprintf(format, args...)}
}

// numbers finds the JSON-RPC number of a code.
var numbers = func() map[string]int64 {
	m := map[string]int64{}
	for _, k := range allErrors {
		m[k.code] = k.number
	}
	return m
}()

// allErrors is every kind that there is.
var allErrors = slices.Concat(commonErrors, []*errorKind{
	badAccount, otherNetwork, badHash, badKey, badPublicKey, badSeed, badIndex, badAmount, badCount, badWork, badDifficulty,
	difficultyLimit, badBlock, badSubtype, tooMany,
	accountNotFound, blockNotFound, blockPruned, keyMismatch, subtypeBalance, subtypePrevious, sequenceAhead, peerNotFound, badAddress, badStats, badRoot, electionNotFound,
	workDisabled, workCancelled, workFailed, readOnly, actorNotFound,
	insufficientWork, openedBurn, oldBlock, badSignature, forkBlock, gapPrevious, gapSource, unreceivable, balanceMismatch, noChange,
}, walletErrors)

// answerFor turns what a handler or the backend returned into an answer. What
// it does not know is logged by the caller and not shown: it may tell about
// the inside of the node.
func answerFor(err error) (answer *Error, known bool) {
	var e *Error
	if errors.As(err, &e) {
		return e, true
	}
	if o, ok := ledger.OutcomeOf(err); ok && outcomes[o] != nil {
		return outcomes[o].because("%s", err.Error()), true
	}
	if answer := walletAnswer(err); answer != nil {
		return answer, true
	}
	switch {
	case errors.Is(err, ErrOverloaded):
		return overloaded.because("nothing was done; ask again later"), true
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return timedOut.because("it may still be done; look before asking again"), true
	case errors.Is(err, ErrReadOnly):
		return readOnly.because("%s", err.Error()), true
	case errors.Is(err, ErrStopping):
		return stopping.plain(), true
	case errors.Is(err, ErrWorkDisabled):
		return workDisabled.plain(), true
	case errors.Is(err, ErrWorkCancelled):
		return workCancelled.plain(), true
	case errors.Is(err, ErrWorkFailed):
		return workFailed.because("%s", err.Error()), true
	case errors.Is(err, ErrNoStep):
		return badParameter.because("step: %s", err), true
	case errors.Is(err, ErrNoActor):
		return actorNotFound.because("%s", err.Error()), true
	}
	return internalError.because("the log of the node tells more"), false
}
