package actors

import (
	"fmt"
	"strings"
	"time"

	"github.com/smallnano/smallnano/actors/core/election"
	"github.com/smallnano/smallnano/actors/core/quorum"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire/rpc"
)

const (
	// shortAfter is how long the representatives that are connected have less weight
	// than a decision needs before more peers are dialled: those that are new have yet
	// to say who they are.
	shortAfter = 3 * time.Second
	// namedSilent is how many silent representatives are named in a reason.
	namedSilent = 3
)

// reachable is the weight of the representatives that have attested to vote behind
// connections, and of this node's own.
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

// weigh posts whether those that are connected have less weight than a decision
// needs.
func (a *electionManager) weigh(now time.Time) {
	if len(*a.board.peers.Load()) == 0 || !a.reachable().Less(a.quorum.Delta()) {
		a.enoughAt = now
	}
	a.board.short.Store(now.Sub(a.enoughAt) >= shortAfter)
}

// shippedUntil is how many blocks must be confirmed here before the own weights
// count; 0 where the network came with none.
func (a *electionManager) shippedUntil() uint64 {
	if a.net.Shipped == nil {
		return 0
	}
	return a.net.Shipped.Until
}

// stalled says why nothing is confirmed although blocks wait, and nil when all
// is well. A contested root is no reason: its owner has brought that about.
func (a *electionManager) stalled(live []quorum.RepLiveness, now time.Time) *rpc.Stall {
	after := 2 * a.net.VoteSpacing
	if now.Sub(a.decidedAt) < after {
		return nil
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
		return nil
	}
	have, votes := oldest.Final, "final votes"
	if !oldest.Leading {
		have, votes = oldest.Tally, "votes"
	}
	s := &rpc.Stall{
		Since: a.decidedAt, Waiting: waiting, Oldest: oldest.Winner, Have: have, Final: oldest.Leading,
		Missing: oldest.Delta.SatSub(have), Silent: a.silent(&oldest, live),
	}
	s.Reason = fmt.Sprintf("nothing was confirmed for %v, blocks that wait: %d; the %s for the oldest have %v smn, a confirmation needs %v%s%s",
		now.Sub(a.decidedAt).Round(time.Second), waiting, votes, have, oldest.Delta, silentText(s.Silent), a.early())
	return s
}

// silent returns the principal representatives that have not voted, heaviest
// first.
func (a *electionManager) silent(e *election.Info, live []quorum.RepLiveness) []rpc.SilentRepresentative {
	among, last := make([]lattice.Account, len(live)), make(map[lattice.Account]time.Time, len(live))
	for i := range live {
		among[i], last[live[i].Representative] = live[i].Representative, live[i].Last
	}
	missing := e.Missing(among)
	out := make([]rpc.SilentRepresentative, len(missing))
	for i, rep := range missing {
		out[i] = rpc.SilentRepresentative{Account: rep, Weight: a.quorum.Weight(rep), LastVote: last[rep]}
	}
	return out
}

// silentText names the heaviest of those that are silent.
func silentText(silent []rpc.SilentRepresentative) string {
	if len(silent) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("; silent: ")
	for i, s := range silent[:min(namedSilent, len(silent))] {
		if i > 0 {
			b.WriteString(", ")
		}
		since := "no vote since this node was started"
		if !s.LastVote.IsZero() {
			since = "last vote " + s.LastVote.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(&b, "%v (%v smn, %s)", s.Account, s.Weight, since)
	}
	if more := len(silent) - namedSilent; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// early says that a node goes by the representatives of long ago: it has most of
// its ledger unconfirmed, and nothing else to reckon with.
func (a *electionManager) early() string {
	var counts lattice.Counts
	err := a.env.Store.View(func(r storage.Reader) (err error) {
		counts, err = r.Counts()
		return err
	})
	if err != nil || a.shipped || counts.Blocks < 2*counts.Cemented {
		return ""
	}
	return fmt.Sprintf("; weights are those of the %d blocks of %d that are confirmed here: if who had weight then is gone for good, "+
		"start with a network file that has later weights (\"smallnano network weights\" writes them on a node that has everything)", counts.Cemented, counts.Blocks)
}
