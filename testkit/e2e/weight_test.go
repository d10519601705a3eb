package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/testkit"
)

// fullVariable makes this package's tests of consensus as large as promised: set
// it to run 2,000 transfers and 1,000 double spends.
const fullVariable = "SMALLNANO_E2E_FULL"

// sized returns how often to do something.
func sized(small, full int) int {
	if os.Getenv(fullVariable) != "" {
		return full
	}
	return small
}

// thousandths are the shares of five representatives. The last two have 329
// together, which may be missing; the third and the fifth have 340, which may not.
var thousandths = []uint64{280, 200, 191, 180, 149}

// unequalCluster starts five nodes and shares out the supply.
func unequalCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, network: lattice.Dev(), blocks: 1}
	c.genesis = testkit.GenesisWallet(c.network)
	for i := range thousandths {
		key := "dev-genesis"
		if i > 0 {
			key = keyFile(t, representative(i))
		}
		n := newNode(t, "--enable-voting", "--voting-key", key)
		for _, other := range c.nodes {
			n.args = append(n.args, "--peer", other.peering)
		}
		n.start()
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		n.waitPeers(len(c.nodes) - 1)
	}
	for i := 1; i < len(thousandths); i++ {
		c.fund(representative(i), lattice.Supply.MulDiv(thousandths[i], 1000))
	}
	return c
}

// TestWeight has five processes with unequal weights confirm transfers, kills a
// third of the weight, a little more, and starts what was killed.
func TestWeight(t *testing.T) {
	if testing.Short() {
		t.Skip("starts five processes")
	}
	c := unequalCluster(t)
	users := make([]*testkit.Wallet, len(c.nodes)) // each uses one node
	for i := range users {
		users[i] = c.fund(testkit.Key(900+i), lattice.AmountFrom(1_000_000))
	}
	pay := func(node int) lattice.Hash { // moves no weight of those that vote
		user := users[node]
		b := user.Send(user.Account(), lattice.AmountFrom(1))
		hash := user.Advance(b)
		c.process(node, b)
		return hash
	}
	for i := range sized(20, 2000) {
		pay(i % len(c.nodes))
	}
	c.waitConfirmed()

	all := c.nodes
	most := lattice.Supply.MulDiv(99, 100)
	eventually(t, waitLimit, "every node has seen all the others vote", func() (bool, string) {
		pay(0)
		c.waitConfirmed()
		for _, n := range all {
			online := fmt.Sprint(n.must("confirmation_quorum", nil)["online_stake_total"])
			if sum, err := lattice.ParseRaw(online); err != nil || sum.Less(most) {
				return false, n.dir + ": " + online
			}
		}
		return true, ""
	})
	c.nodes[3].kill()
	c.nodes[4].kill()
	c.nodes = all[:3]
	pay(0)
	c.waitConfirmed()

	all[3].start()
	c.nodes = all[:4]
	c.waitConfirmed()
	all[2].kill()
	c.nodes = []*node{all[0], all[1], all[3]}
	hash := pay(1)
	silent := testkit.AccountOf(representative(2)).String()
	eventually(t, waitLimit, "the node says that nothing is confirmed, and who is silent", func() (bool, string) {
		said := fmt.Sprint(all[0].must("health", nil)["reasons"])
		return strings.Contains(said, "nothing was confirmed for") && strings.Contains(said, silent), said
	})
	eventually(t, waitLimit, "confirmation_quorum shows less weight than is needed", func() (bool, string) {
		q := all[0].must("confirmation_quorum", object{"peer_details": true})
		peers, err1 := lattice.ParseRaw(fmt.Sprint(q["peers_stake_total"]))
		delta, err2 := lattice.ParseRaw(fmt.Sprint(q["quorum_delta"]))
		own := lattice.Supply.MulDiv(thousandths[0], 1000)
		return err1 == nil && err2 == nil && peers.SatAdd(own).Less(delta) && !strings.Contains(fmt.Sprint(q["peers"]), silent), fmt.Sprint(q)
	})
	eventually(t, waitLimit, "and what is missing, and who is silent since when", func() (bool, string) {
		q := all[0].must("confirmation_quorum", nil)
		missing, err1 := lattice.ParseRaw(fmt.Sprint(q["missing_stake_total"]))
		delta, err2 := lattice.ParseRaw(fmt.Sprint(q["quorum_delta"]))
		have, err3 := lattice.ParseRaw(fmt.Sprint(q["waiting_stake_total"]))
		who := fmt.Sprint(q["silent"])
		return err1 == nil && err2 == nil && err3 == nil && !missing.IsZero() && missing == delta.SatSub(have) && strings.Contains(who, silent) &&
			strings.Contains(who, testkit.AccountOf(representative(4)).String()) && !strings.Contains(who, testkit.AccountOf(representative(3)).String()) &&
			!strings.Contains(who, "last_vote:0") && fmt.Sprint(q["waiting_hash"]) == hash.String(), fmt.Sprint(q)
	})
	if said := run(t, "status", "--data-dir", all[0].dir).out; !strings.Contains(said, "silent:") || !strings.Contains(said, silent) {
		t.Errorf("status does not say who is silent: %s", said)
	}
	if info := all[0].must("block_info", object{"hash": hash.String()}); fmt.Sprint(info["confirmed"]) == "true" {
		t.Error("660 of 1000 have confirmed a block")
	}
	t.Logf("while it stands still: %v", all[0].must("health", nil)["reasons"])

	all[2].start()
	c.nodes = all[:4]
	c.waitConfirmed()
	all[4].start()
	c.nodes = all
	c.waitConfirmed()
	c.wantEqual()
}

// TestDoubleSpends gives two processes a different block of one account at the
// same time, again and again: one of the two wins, the same one everywhere.
func TestDoubleSpends(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three processes")
	}
	c := newCluster(t)
	const wide = 5 // accounts that spend twice at a time
	spenders := make([]*testkit.Wallet, wide)
	for i := range spenders {
		spenders[i] = c.fund(testkit.Key(950+i), lattice.AmountFrom(1_000_000))
	}
	firsts, spends := 0, sized(2*wide, 1000)
	for done := 0; done < spends; done += wide {
		var pairs [wide][2]*lattice.Block
		var both sync.WaitGroup
		for i, w := range spenders {
			for side := range 2 {
				b := w.Send(testkit.Account(700+side), lattice.AmountFrom(1))
				pairs[i][side] = b
				both.Go(func() { _ = c.nodes[1+side].process(b) }) // the other may have come first: a fork then
			}
		}
		both.Wait()
		c.blocks += wide
		c.waitConfirmed()
		for i, w := range spenders {
			won := fmt.Sprint(c.nodes[0].must("account_info", object{"account": w.Account().String()})["confirmation_height_frontier"])
			winner := pairs[i][0]
			switch won {
			case c.network.HashOf(pairs[i][0]).String():
				firsts++
			case c.network.HashOf(pairs[i][1]).String():
				winner = pairs[i][1]
			default:
				t.Fatalf("%v: neither of two blocks is confirmed, but %v", w.Account(), won)
			}
			w.Advance(winner)
		}
		c.wantEqual()
	}
	t.Log(strconv.Itoa(firsts) + " of " + strconv.Itoa(spends) + " were won by the block of the first node")
}
