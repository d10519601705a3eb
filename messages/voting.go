package messages

import "github.com/smallnano/smallnano/messages/lattice"

// Voting is every message that the voting actor accepts.
//
//sumtype:decl
type Voting interface{ toVoting() }

// CastVotes asks for votes of this node's representative. It is repeated by
// the election manager for as long as the votes matter.
type CastVotes struct{ Requests []VoteRequest }

// VoteRequest is the wish for one vote.
type VoteRequest struct {
	Root  lattice.QualifiedRoot
	Hash  lattice.Hash
	Final bool
}

// MailboxSource queues this node's own elections before the wishes of peers.
func (*CastVotes) MailboxSource() Source { return fromConsensus }

// FinalVotesStored says what is stored, durably, for each root: only a vote
// for that hash may ever be signed.
type FinalVotesStored struct{ Votes []lattice.FinalVote }

// MailboxControl lets the answer pass a full queue.
func (*FinalVotesStored) MailboxControl() {}

// VotesAsked is a peer's wish for votes.
type VotesAsked struct {
	Conn   ConnID
	Asked  []AskedBlock
	Credit Credit
}

// AskedBlock names a block, and its account so that a node which has pruned
// the block can answer with the account's confirmed frontier.
type AskedBlock struct {
	Account lattice.Account
	Hash    lattice.Hash
}

// MailboxSource puts each peer's wishes in a queue of their own.
func (m *VotesAsked) MailboxSource() Source { return m.Conn.source() }

// Refused gives back what the message holds.
func (m *VotesAsked) Refused(error) { Release(m.Credit) }

func (*CastVotes) toVoting()        {}
func (*FinalVotesStored) toVoting() {}
func (*VotesAsked) toVoting()       {}
func (*Tick) toVoting()             {}
func (*Wake) toVoting()             {}
