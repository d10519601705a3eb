package bootstrap

import (
	"container/list"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

// key names a task: an account whose chain is behind, or a block that is
// missing and of which nobody has told us the account.
type key struct {
	mode Mode
	id   [32]byte
}

// task is one thing to pull. It is in one of the client's lists, or asked for.
type task struct {
	key
	urgent bool // something else waits for it; else a scan has found it
	voted  bool // representatives vote for it, or for what waits for it
	target Frontier
	have   uint64           // height of the local chain when it was last looked at
	via    peering.ConnID   // who told the target; 0: nobody in particular
	others bool             // somebody else told of the account, too
	tried  []peering.ConnID // had nothing, since the last progress
	tries  int              // how often all peers had nothing
	forked bool             // the local chain is not the one that peers confirmed
	proof  *proof           // while a peer is asked where the other one leads
	asked  bool
	batch  int // how many blocks to ask for at once

	// What was said since the last try of all peers began.
	pruned   uint64 // the least height up to which somebody has pruned what is asked for
	prunedBy []peering.ConnID
	without  int // peers that know of no such blocks

	in   *list.List // nil while it is asked for
	elem *list.Element
	due  time.Time // waiting
	dead bool

	// Delivered, and not all settled yet.
	last       lattice.Hash
	lastHeight uint64
	blocks     int
	inserted   int // of the blocks
	from       peering.ConnID
	complete   bool // the peer had no more
	ahead      bool // what follows is asked for already
	since      time.Time
	handed     time.Time // when the last of the blocks were delivered

	missing lattice.Hash // blocked
}

func (t *task) account() lattice.Account { return lattice.Account(t.id) }
func (t *task) gone() bool               { return t.dead }

// Behind reports an account of which a block came whose previous one is not
// here. Strangers can cause this at will, so it counts only while there is
// plenty of room.
func (c *Client) Behind(account lattice.Account, now time.Time) {
	if t := c.tasks[key{ByAccount, account}]; t != nil {
		if t.in == c.scanned {
			t.urgent = true
			c.queue(t, false)
		}
		return
	}
	if c.accounts() >= c.cfg.MaxAccounts/2 {
		return
	}
	c.add(key{ByAccount, account}, true)
	c.scan.nudge(now)
}

// Missing reports a block that receives a send which is not here. The account
// waits; the send is asked for by its hash.
func (c *Client) Missing(source lattice.Hash, dependant lattice.Account, now time.Time) {
	t := c.tasks[key{ByAccount, dependant}]
	switch {
	case t == nil:
		t = &task{key: key{ByAccount, dependant}, urgent: true, batch: MaxPullBlocks}
		c.tasks[t.key] = t
		c.scan.nudge(now)
	case t.asked:
		return // the answer will tell again
	case t.in == c.blocked && t.missing == source:
		return
	case t.in == c.delivered && !c.roomy():
		// What followed the blocked one was pulled in vain. Where chains depend on
		// each other closely that would go on and on, so ask for less next time.
		t.batch = min(max(2*t.inserted, minBatch), MaxPullBlocks)
	}
	c.block(t, source, now)
}

// block makes a task wait for a source, and asks for the source.
func (c *Client) block(t *task, source lattice.Hash, now time.Time) {
	c.move(t, nil, false) // first, so that it does not make room for itself
	if c.blocked.Len() >= c.cfg.MaxBlocked {
		c.remove(c.blocked.Front().Value.(*task))
	}
	c.move(t, c.blocked, false)
	t.missing, t.since = source, now
	c.blockedBy[source] = append(c.blockedBy[source], t)
	c.askSource(source, t.voted)
}

// Wanted reports a block that others vote for and that is not here: it is asked
// for by its hash, also while the client pauses because too much is not confirmed.
// What there is may be nothing that ever will be, given by somebody who lies, and
// what is voted for the block that takes its place.
func (c *Client) Wanted(hash lattice.Hash) { c.askSource(hash, true) }

// askSource asks for a block by its hash. Those that are voted for find room though
// all others have taken theirs.
func (c *Client) askSource(source lattice.Hash, voted bool) {
	t, most := c.tasks[key{ByHash, source}], c.cfg.MaxBlocked
	if voted {
		most += maxVoted
	}
	switch {
	case t == nil && c.sources < most:
		c.newTask(key{ByHash, source}, true, voted)
	case t != nil && voted && !t.voted:
		t.voted = true
		if t.in == c.urgent {
			c.queue(t, false)
		}
	}
}

// maxVoted is how many more blocks than MaxBlocked are asked for by their hashes when
// representatives vote for them.
const maxVoted = 64

// Inserted reports a block that was inserted into the ledger, wherever it came
// from.
func (c *Client) Inserted(account lattice.Account, hash lattice.Hash, height uint64, now time.Time) {
	c.stats.Inserted++
	c.unconfirmed++
	c.meter.add(now)
	c.overload = 0
	c.unblock(hash)
	if t := c.tasks[key{ByHash, hash}]; t != nil {
		c.remove(t)
	}
	c.notPrunedAway(account)
	t := c.tasks[key{ByAccount, account}]
	if t == nil {
		return
	}
	t.have = height
	if t.asked {
		return
	}
	if hash == t.target.Hash {
		t.target.Height = height // whatever height the peer told
	}
	reached := t.target.Height > 0 && (hash == t.target.Hash || height >= t.target.Height && !t.forked)
	if t.in != c.delivered {
		if reached {
			c.remove(t)
		} else if t.in == c.blocked {
			c.release(t)
		}
		return
	}
	t.tries, t.tried = 0, nil
	t.inserted++
	c.scan.pulled = true
	if t.blocks > 0 {
		t.blocks--
		c.outstanding--
	}
	if hash != t.last && height < t.lastHeight {
		t.since = now
		c.delivered.MoveToBack(t.elem)
		return
	}
	c.settled(now.Sub(t.handed))
	if reached || t.complete && t.target.Height <= height {
		c.remove(t)
		return
	}
	if p := c.peer(t.from); p != nil {
		p.failed = 0
	}
	t.forked = false
	t.batch = min(2*t.batch, MaxPullBlocks)
	if t.ahead { // the answer is on its way
		t.since = now
		c.delivered.MoveToBack(t.elem)
		return
	}
	c.queue(t, true)
}

// settled notes how long it took until delivered blocks were processed: a slow
// machine must not be given the same again while it still has it.
func (c *Client) settled(took time.Duration) {
	c.settling = max(took, c.settling-c.settling/8)
}

// RolledBack reports that blocks of an account left the ledger. What the account
// waited for may have been the source of a later block than is its next one now,
// and may itself depend on that one; so it is asked for again from where it is.
func (c *Client) RolledBack(account lattice.Account) {
	if t := c.tasks[key{ByAccount, account}]; t != nil && t.in == c.blocked {
		c.release(t)
	}
}

// Known reports a delivered block that was in the ledger already.
func (c *Client) Known(account lattice.Account, hash lattice.Hash, now time.Time) {
	c.unblock(hash)
	t := c.tasks[key{ByAccount, account}]
	if t == nil || t.in != c.delivered {
		return
	}
	if hash == t.last {
		if t.forked && t.inserted == 0 {
			// From the confirmed frontier up this peer has what we have: there is no
			// fork that it could help to settle, and asking it again would go on and on.
			t.forked = false
			c.tried(t, t.from)
		}
		c.queue(t, true) // the look-up before the next request tells how far we are
		return
	}
	t.since = now
	c.delivered.MoveToBack(t.elem)
}

// Failed reports a delivered block that was refused for good: a fork, which
// elections now decide, a gap after a block that failed, or a block that is not
// valid. The account is asked for again after a pause, of somebody else first.
func (c *Client) Failed(account lattice.Account, now time.Time) {
	if t := c.tasks[key{ByAccount, account}]; t != nil && t.in == c.delivered {
		if t.via == t.from {
			t.target = Frontier{}
		}
		c.tried(t, t.from)
		if p := c.peer(t.from); p != nil {
			if p.failed++; p.failed%maxFailed == 0 {
				c.distrust(p, now)
			}
		}
		t.due = now.Add(c.cfg.RetryMin)
		c.move(t, c.waiting, false)
	}
}

// Refused reports that delivered blocks of an account were not processed,
// because there was no room for them. All asking for blocks pauses, once for
// all that is refused together.
func (c *Client) Refused(account lattice.Account, now time.Time) {
	if !now.Before(c.pausedUntil) {
		c.overload = max(c.cfg.OverloadPause, min(2*c.overload, 16*c.cfg.OverloadPause))
		c.pausedUntil = now.Add(c.overload)
	}
	if t := c.tasks[key{ByAccount, account}]; t != nil && t.in == c.delivered {
		c.queue(t, true)
	}
}

// unblock brings back the accounts that waited for a block.
func (c *Client) unblock(hash lattice.Hash) {
	for _, t := range slices.Clone(c.blockedBy[hash]) {
		c.release(t)
	}
}

// release brings a blocked account back, if there is room.
func (c *Client) release(t *task) {
	t.tries, t.tried = 0, nil
	if c.makeRoom(t.urgent) {
		c.queue(t, true)
	} else {
		c.remove(t)
	}
}

// fruitless counts a try that brought nothing, and lets the task wait, longer
// each time, or drops it.
func (c *Client) fruitless(t *task, now time.Time) {
	t.tried = nil
	most := c.cfg.Tries
	if !t.urgent {
		most = min(most, scanTries)
	}
	t.tries++
	if t.tries >= scanTries && !t.forked {
		c.prunedAway(t, now)
	}
	t.pruned, t.prunedBy, t.without = 0, nil, 0
	if t.tries >= most {
		c.giveUp(t)
		return
	}
	t.due = now.Add(c.cfg.RetryMin << min(t.tries-1, 8))
	c.move(t, c.waiting, false)
}

// giveUp drops a task. Accounts that wait for a source that nobody has go with
// it; the next scan finds them again.
func (c *Client) giveUp(t *task) {
	c.stats.GivenUp++
	if t.mode == ByHash {
		for _, d := range slices.Clone(c.blockedBy[lattice.Hash(t.id)]) {
			c.remove(d)
		}
	}
	c.remove(t)
}

func (c *Client) tickTasks(now time.Time) {
	for e := c.waiting.Front(); e != nil; {
		t := e.Value.(*task)
		e = e.Next()
		if !now.Before(t.due) {
			c.queue(t, false)
		}
	}
	patience := max(c.cfg.SettleTimeout, min(4*c.settling, maxSettle))
	for e := c.delivered.Front(); e != nil && now.Sub(e.Value.(*task).since) >= patience; e = c.delivered.Front() {
		c.fruitless(e.Value.(*task), now)
	}
	for e := c.blocked.Front(); e != nil && now.Sub(e.Value.(*task).since) >= blockedRetry; e = c.blocked.Front() {
		t := e.Value.(*task)
		if t.tries++; t.tries >= c.cfg.Tries {
			c.giveUp(t)
			continue
		}
		c.askSource(t.missing, t.voted)
		if c.makeRoom(t.urgent) { // perhaps something else is missing by now
			c.queue(t, false)
		} else {
			c.remove(t)
		}
	}
}

// accounts is how many accounts are known to be behind and not blocked.
func (c *Client) accounts() int { return len(c.tasks) - c.sources - c.blocked.Len() }

// add makes a new task and queues it. It returns nil when there is no room.
func (c *Client) add(k key, urgent bool) *task { return c.newTask(k, urgent, false) }

func (c *Client) newTask(k key, urgent, voted bool) *task {
	if k.mode == ByAccount && !c.makeRoom(urgent) {
		return nil
	}
	t := &task{key: k, urgent: urgent, voted: voted, batch: MaxPullBlocks}
	c.tasks[k] = t
	if k.mode == ByHash {
		c.sources++
	}
	c.queue(t, false)
	return t
}

// makeRoom makes room for one more account. For an urgent one the account that
// a scan found last goes; the scan will find it again.
func (c *Client) makeRoom(urgent bool) bool {
	if c.accounts() < c.cfg.MaxAccounts {
		return true
	}
	if !urgent || c.scanned.Len() == 0 {
		return false
	}
	c.remove(c.scanned.Back().Value.(*task))
	return true
}

// queue makes a task wait for its turn to be asked for.
func (c *Client) queue(t *task, front bool) {
	l := c.scanned
	switch {
	case t.voted:
		l = c.voted
	case t.urgent:
		l = c.urgent
	}
	c.move(t, l, front)
}

// move takes a task out of the list it is in and puts it into another; nil is
// none.
func (c *Client) move(t *task, to *list.List, front bool) {
	if t.in != nil {
		t.in.Remove(t.elem)
		switch t.in {
		case c.delivered:
			c.outstanding -= t.blocks
			t.blocks, t.ahead = 0, false
		case c.blocked:
			rest := slices.DeleteFunc(c.blockedBy[t.missing], func(x *task) bool { return x == t })
			if c.blockedBy[t.missing] = rest; len(rest) == 0 {
				delete(c.blockedBy, t.missing)
			}
		}
	}
	t.in, t.elem = to, nil
	switch {
	case to == nil:
	case front:
		t.elem = to.PushFront(t)
	default:
		t.elem = to.PushBack(t)
	}
}

// remove forgets a task.
func (c *Client) remove(t *task) {
	if t.dead {
		return
	}
	c.move(t, nil, false)
	delete(c.tasks, t.key)
	if t.mode == ByHash {
		c.sources--
	}
	t.dead = true
}

// tried remembers that a peer had nothing for a task.
func (c *Client) tried(t *task, conn peering.ConnID) {
	if t.via == conn {
		t.via = 0
	}
	if !slices.Contains(t.tried, conn) {
		t.tried = append(t.tried, conn)
	}
}
