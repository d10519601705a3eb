package actors

import (
	"fmt"
	"strings"
	"time"

	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

const (
	// crawlMin and crawlMax are the pauses between two searches for
	// representatives: they double while nothing comes of it.
	crawlMin = 3 * time.Second
	crawlMax = time.Minute
	// namedSilent is how many silent representatives are named in a reason.
	namedSilent = 3
)

// crawler finds out behind which connections representatives are, while those
// that are known have less weight than a decision needs: peers are asked to vote
// on a block that is confirmed, which only representatives answer.
type crawler struct {
	block messages.SolicitedBlock // confirmed lately
	at    time.Time               // of the next search
	pause time.Duration
	found lattice.Amount // weight behind connections at the last search
}

// loadConfirmed takes the last confirmed block out of the ledger.
func (a *electionManager) loadConfirmed() error {
	return a.env.Store.View(func(r storage.Reader) error {
		counts, err := r.Counts()
		if err != nil {
			return err
		}
		last, err := r.Confirmations(counts.Cemented, 1)
		if err == nil && len(last) == 1 {
			a.crawl.block = messages.SolicitedBlock{Account: last[0].Account, Hash: last[0].Hash}
		}
		return err
	})
}

// reachable is the weight of the representatives that speak through connections,
// and of this node's own.
func (a *electionManager) reachable() (sum lattice.Amount) {
	seen := map[lattice.Account]struct{}{}
	add := func(rep lattice.Account) {
		if _, twice := seen[rep]; !twice {
			seen[rep] = struct{}{}
			sum = sum.SatAdd(a.quorum.Weight(rep))
		}
	}
	for _, rep := range a.own {
		add(rep)
	}
	for _, p := range *a.board.peers.Load() {
		for _, rep := range p.Representatives {
			add(rep)
		}
	}
	return sum
}

// search asks peers who they speak for, if too little is known of that.
func (a *electionManager) search(now time.Time) {
	c := &a.crawl
	if now.Before(c.at) || len(*a.board.peers.Load()) == 0 || c.block.Hash.IsZero() {
		return
	}
	found := a.reachable()
	if c.pause == 0 || found != c.found {
		c.pause = crawlMin
	}
	c.at, c.found = now.Add(c.pause), found
	if !found.Less(a.quorum.Delta()) {
		return
	}
	c.pause = min(2*c.pause, crawlMax)
	a.refs.votes.Tell(&messages.RepresentativesAsked{Hash: c.block.Hash})
	a.refs.peers.Tell(&messages.Solicit{Blocks: []messages.SolicitedBlock{c.block}})
}

// stalled says why nothing is confirmed although blocks wait, and "" when all
// is well. A contested root is no reason: its owner has brought that about.
func (a *electionManager) stalled(now time.Time) string {
	after := 2 * a.net.VoteSpacing
	if now.Sub(a.decidedAt) < after {
		return ""
	}
	waiting, oldest := 0, election.Info{}
	for _, e := range a.elections.List() {
		if e.State != election.Active || now.Sub(e.Started) < after {
			continue
		}
		info, _ := a.elections.Info(e.Root)
		if len(info.Blocks) > 1 {
			continue
		}
		if waiting++; waiting == 1 {
			oldest = info
		}
	}
	if waiting == 0 {
		return ""
	}
	have, votes := oldest.Final, "final votes"
	if !oldest.Leading {
		have, votes = oldest.Tally, "votes"
	}
	return fmt.Sprintf("nothing was confirmed for %v, blocks that wait: %d; the %s for the oldest have %v smn, a confirmation needs %v%s",
		now.Sub(a.decidedAt).Round(time.Second), waiting, votes, have, oldest.Delta, a.silent(&oldest))
}

// silent names the heaviest principal representatives that have not voted.
func (a *electionManager) silent(e *election.Info) string {
	principals := a.quorum.Principals()
	among := make([]lattice.Account, len(principals))
	for i := range principals {
		among[i] = principals[i].Representative
	}
	missing := e.Missing(among)
	if len(missing) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("; silent: ")
	for i, rep := range missing[:min(namedSilent, len(missing))] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%v (%v smn)", rep, a.quorum.Weight(rep))
	}
	if more := len(missing) - namedSilent; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}
