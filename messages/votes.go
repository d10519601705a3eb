package messages

import "github.com/smallnano/smallnano/messages/lattice"

// Votes is every message that the vote processor accepts.
//
//sumtype:decl
type Votes interface{ toVotes() }

// VoteArrived carries a vote whose signature is not checked yet, or one that
// was made here and needs no check.
type VoteArrived struct {
	Vote    *lattice.Vote
	Conn    ConnID // 0: made here
	Credit  Credit
	Restore func() // as in ProcessBlock
}

// MailboxSource puts each peer's votes in a queue of their own.
func (m *VoteArrived) MailboxSource() Source {
	if m.Conn == 0 {
		return fromConsensus
	}
	return m.Conn.source()
}

// Refused gives back what the message holds.
func (m *VoteArrived) Refused(error) {
	Release(m.Credit)
	if m.Restore != nil {
		m.Restore()
	}
}

// WeightsChanged carries a copy of the confirmed weights that nobody changes.
type WeightsChanged struct {
	Weights map[lattice.Account]lattice.Amount
}

// MailboxControl lets the weights be known under load.
func (*WeightsChanged) MailboxControl() {}

func (*VoteArrived) toVotes()    {}
func (*WeightsChanged) toVotes() {}
func (*BlocksCemented) toVotes() {}
func (*Tick) toVotes()           {}
