package peering

import (
	"fmt"
	"time"
)

// Kind groups the messages of a peer by what they cost.
type Kind uint8

// The kinds of messages that are limited. Answers are not among them: only what
// was asked for is taken.
const (
	KindBlock   Kind = iota // a block
	KindVote                // a vote
	KindConfirm             // a request for votes
	KindPull                // a request for blocks or frontiers
	KindChat                // addresses, telemetry
	kinds
)

// Rate is so many a second, and so many at once after a pause.
type Rate struct{ PerSecond, Burst int64 }

// Limits is what is taken from one peer. They are far above what a node sends
// that keeps to the protocol, and far below what one line can carry.
type Limits struct {
	// Messages limits the messages of each kind. What is above is not looked at,
	// and counts as flooding.
	Messages [kinds]Rate
	// Signatures limits the signatures that are checked for a peer: blocks and
	// votes that are new. What is above is dropped as if it had not come, and is no
	// offence: a busy network looks like this, too.
	Signatures Rate
	// Answers limits the bytes that are given to requests for votes, which are
	// short and make others work.
	Answers Rate
}

// DefaultLimits returns the limits for a public network.
func DefaultLimits() Limits {
	return Limits{
		Messages: [kinds]Rate{
			KindBlock: {5000, 20_000}, KindVote: {5000, 20_000}, KindConfirm: {200, 1000},
			KindPull: {4000, 8000}, KindChat: {4, 40},
		},
		Signatures: Rate{2000, 10_000},
		Answers:    Rate{128 << 10, 1 << 20},
	}
}

// DevLimits returns the limits for many nodes on one machine, which may be made
// to do as much as it can.
func DevLimits() Limits {
	l := DefaultLimits()
	for i := range l.Messages {
		l.Messages[i].PerSecond *= 10
		l.Messages[i].Burst *= 10
	}
	l.Signatures = Rate{20_000, 100_000}
	l.Answers = Rate{4 << 20, 16 << 20}
	return l
}

func (l *Limits) validate() error {
	all := append(append([]Rate{}, l.Messages[:]...), l.Signatures, l.Answers)
	for i, r := range all {
		if err := r.validate(fmt.Sprint("limit ", i)); err != nil {
			return err
		}
	}
	return nil
}

func (r Rate) validate(name string) error {
	if r.PerSecond < 1 || r.PerSecond > maxTokens || r.Burst < 1 || r.Burst > maxTokens {
		return fmt.Errorf("peering: %s is %d a second and %d at once, want 1 to 2^32", name, r.PerSecond, r.Burst)
	}
	return nil
}

// reportFlooding is the pause between two reports of one peer's flooding.
const reportFlooding = time.Second

// Allowance is what one connection may still do. It belongs to one goroutine.
type Allowance struct {
	messages            [kinds]*TokenBucket
	signatures, answers *TokenBucket
	ignored             uint64
	flooding            bool // since the last report
	reportAt            time.Time
}

// NewAllowance returns a full allowance.
func NewAllowance(l *Limits, now time.Time) *Allowance {
	bucket := func(r Rate) *TokenBucket { return NewTokenBucket(r.PerSecond, r.Burst, now) }
	a := &Allowance{signatures: bucket(l.Signatures), answers: bucket(l.Answers)}
	for i := range a.messages {
		a.messages[i] = bucket(l.Messages[i])
	}
	return a
}

// Message reports whether one more message of a kind is looked at.
func (a *Allowance) Message(k Kind, now time.Time) bool {
	if a.messages[k].Take(1, now) {
		return true
	}
	a.ignored++
	a.flooding = true
	return false
}

// Signature reports whether one more signature is checked.
func (a *Allowance) Signature(now time.Time) bool { return a.count(a.signatures.Take(1, now)) }

// Answer reports whether an answer of so many bytes is given to a request for
// votes.
func (a *Allowance) Answer(bytes int, now time.Time) bool {
	return a.count(a.answers.Take(int64(bytes), now))
}

func (a *Allowance) count(allowed bool) bool {
	if !allowed {
		a.ignored++
	}
	return allowed
}

// Flooding reports, at most once a second, that the peer sent more messages than
// it may.
func (a *Allowance) Flooding(now time.Time) bool {
	if !a.flooding || now.Before(a.reportAt) {
		return false
	}
	a.flooding = false
	a.reportAt = now.Add(reportFlooding)
	return true
}

// Ignored returns how many messages were not looked at.
func (a *Allowance) Ignored() uint64 { return a.ignored }
