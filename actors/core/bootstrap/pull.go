package bootstrap

import (
	"container/list"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/peering"
	"github.com/smallnano/smallnano/messages/lattice"
)

// maxAhead is how many blocks of one account may be unsettled when more are asked
// for.
const maxAhead = 4 * MaxPullBlocks

// askBlocks asks for blocks as long as there is something to ask for, somebody
// to ask, and room for the answers.
func (c *Client) askBlocks(local Ledger, now time.Time, rng *rand.Rand) error {
	if now.Before(c.pausedUntil) {
		return nil
	}
	if !c.paused {
		c.askAhead(now)
	}
	for c.mayAsk() && c.anyUsable(now) {
		e := c.next()
		if e == nil {
			return nil
		}
		t := e.Value.(*task)
		p, left := c.choose(t, now, rng)
		if p == nil {
			if left { // whoever is left to ask for this one is busy
				t.due = now.Add(c.cfg.RetryMin / 4)
				c.move(t, c.waiting, false)
			} else {
				c.fruitless(t, now)
			}
			continue
		}
		if err := c.ask(t, p, local, now); err != nil {
			return err
		}
	}
	return nil
}

// votedPart is the part of MaxUnconfirmed that what is voted for may take above it.
const votedPart = 4

// next returns what to ask for next; nil is nothing. What is voted for and all else
// take turns: votes for many blocks that cannot come in yet must not keep those from
// coming that they stand on.
func (c *Client) next() *list.Element {
	voted := c.voted.Front()
	if c.paused || !c.allowed(0) {
		if !c.allowed(c.cfg.MaxUnconfirmed / votedPart) {
			return nil
		}
		return voted
	}
	other := c.urgent.Front()
	if other == nil && (c.room == 0 || c.roomy() || c.blocked.Len() == 0) {
		other = c.scanned.Front()
	}
	if c.turn = !c.turn; voted != nil && (c.turn || other == nil) {
		return voted
	}
	return other
}

// mayAsk reports whether there is room for one more answer.
func (c *Client) mayAsk() bool {
	return len(c.open) < c.cfg.MaxInFlight && c.outstanding+MaxPullBlocks <= c.cfg.MaxDelivered
}

// askAhead asks for what follows blocks that are still being processed: on a long
// chain nobody shall wait for the other. Only the peer that gave those is asked,
// and only while it has time; else what follows is asked for when they are settled.
func (c *Client) askAhead(now time.Time) {
	later := c.long[:0]
	for i, t := range c.long {
		if !c.mayAsk() || !c.allowed(0) {
			later = append(later, c.long[i:]...)
			break
		}
		p := c.peer(t.from)
		if t.in != c.delivered || t.ahead || t.complete || p == nil || !c.usable(p, now) {
			continue
		}
		if t.target.Height <= t.lastHeight {
			continue // it was delivered anew since, up to its end
		}
		if t.blocks > maxAhead {
			later = append(later, t)
			continue
		}
		t.ahead = true
		count := min(t.target.Height-t.lastHeight, uint64(t.batch))
		c.send(&request{task: t, ahead: true, prev: t.last, Request: Request{
			Kind: AskBlocks, Mode: ByAccount, Account: t.account(), Height: t.lastHeight + 1, Count: int(count),
		}}, p, now)
	}
	clear(c.long[len(later):])
	c.long = later
}

// notAhead gives up on an answer that was asked for ahead: what is settled is asked
// for again from where the chain ends.
func (c *Client) notAhead(r *request) {
	t := r.task
	if t.in != c.delivered || t.last != r.prev {
		return // it has been asked for anew, or waits for something
	}
	t.ahead = false
	if t.blocks == 0 {
		c.queue(t, true)
	}
}

// pulledAhead takes an answer that was asked for ahead.
func (c *Client) pulledAhead(r *request, a *Blocks, now time.Time) {
	t := r.task
	switch {
	case t.in != c.delivered || t.last != r.prev:
	case a.Code == OK && len(a.Blocks) > 0 && a.Blocks[0].Previous == r.prev:
		c.deliver(t, r.Conn, a, now, len(a.Blocks) < r.Count)
	default: // it is found out what to make of it when what it should follow is settled
		c.notAhead(r)
	}
}

func (c *Client) anyUsable(now time.Time) bool {
	return slices.ContainsFunc(c.peers, func(p *peer) bool { return c.usable(p, now) })
}

// choose returns whom to ask for a task: who told of it, else of those not yet
// tried the one from whom an answer is to be expected first. If there is none
// now, left tells whether one only has its hands full.
func (c *Client) choose(t *task, now time.Time, rng *rand.Rand) (best *peer, left bool) {
	ties := 0
	for _, p := range c.peers {
		if slices.Contains(t.tried, p.conn) || now.Before(p.until) {
			continue
		}
		left = true
		if !c.usable(p, now) {
			continue
		}
		switch {
		case p.conn == t.via && !now.Before(p.distrusted):
			return p, true
		case best == nil || load(p) < load(best):
			best, ties = p, 1
		case load(p) == load(best):
			if ties++; rng.IntN(ties) == 0 {
				best = p
			}
		}
	}
	return best, left
}

// load orders peers by how soon a good answer is to be expected.
func load(p *peer) int { return p.inFlight + 1000*(p.silent+p.failed) }

// ask sends the request for a task, or finds that nothing is needed any more.
func (c *Client) ask(t *task, p *peer, local Ledger, now time.Time) error {
	r := &request{task: t, Request: Request{Kind: AskBlocks, Mode: t.mode, Count: 1}}
	if t.mode == ByHash {
		r.Hash = lattice.Hash(t.id)
	} else {
		info, err := local.Account(t.account())
		if err != nil {
			t.due = now.Add(c.cfg.RetryMin)
			c.move(t, c.waiting, false)
			return ledgerError("pull its blocks", t.account(), err)
		}
		have, err := c.compare(&t.target, &info, local)
		if err != nil {
			t.due = now.Add(c.cfg.RetryMin)
			c.move(t, c.waiting, false)
			return ledgerError("compare its frontier", t.account(), err)
		}
		switch have {
		case here, contradicted:
			c.notPrunedAway(t.account())
			c.remove(t)
			return nil
		case forked:
			t.forked = true
		}
		t.have = info.Height
		r.Account, r.Height, r.prev = t.account(), info.Height+1, info.Frontier
		if t.forked {
			r.forked, r.Height, r.prev = true, info.ConfirmedHeight+1, info.ConfirmedFrontier
		}
		r.Count = t.batch
		if t.target.Height >= r.Height {
			r.Count = int(min(t.target.Height-r.Height+1, uint64(t.batch)))
		}
	}
	c.move(t, nil, false)
	t.asked, t.proof = true, nil
	c.send(r, p, now)
	return nil
}

// relation is how a frontier that a peer told stands to the local chain.
type relation uint8

const (
	ahead        relation = iota // the peer has more, or nothing is known of it
	here                         // we have it
	forked                       // we have another block at that height
	contradicted                 // we have confirmed another block at that height
)

// compare tells how a frontier stands to the local chain.
func (c *Client) compare(f *Frontier, info *lattice.AccountInfo, local Ledger) (relation, error) {
	switch {
	case f.Height == 0 || f.Height > info.Height:
		return ahead, nil
	case f.Hash == info.Frontier, f.Hash == info.ConfirmedFrontier, f.Height <= info.PrunedHeight:
		return here, nil
	}
	_, known, err := local.Block(f.Hash)
	switch {
	case err != nil:
		return ahead, err
	case known:
		return here, nil
	case f.Height <= info.ConfirmedHeight:
		return contradicted, nil
	}
	return forked, nil
}

// Pulled takes the answer to a request for blocks. It is checked as a whole: if
// anything is wrong with it nothing of it is used, and the peer is blamed. An
// error is the ledger's, and the answer is as if it had not come.
func (c *Client) Pulled(conn peering.ConnID, id uint64, answer Blocks, local Ledger, now time.Time) error {
	r := c.answered(conn, id, AskBlocks, now)
	if r == nil {
		return nil
	}
	t := r.task
	if why := checkBlocks(&r.Request, &answer); why != 0 {
		c.blame(conn, why)
		c.unanswered(r, now)
		return nil
	}
	switch {
	case t.gone():
		return nil
	case r.ahead && answer.Code != Busy:
		c.pulledAhead(r, &answer, now)
		return nil
	case answer.Code == Busy:
		if p := c.peer(conn); p != nil {
			p.until = now.Add(c.cfg.RetryMin)
		}
		if r.ahead {
			c.notAhead(r)
		} else {
			c.queue(t, true)
		}
		return nil
	case answer.Code == Pruned:
		if t.mode == ByAccount && !slices.Contains(t.prunedBy, conn) {
			t.prunedBy = append(t.prunedBy, conn)
			if t.pruned == 0 || answer.Pruned < t.pruned {
				t.pruned = answer.Pruned
			}
		}
		c.tried(t, conn)
		c.queue(t, true)
		return nil
	case answer.Code == Unknown || len(answer.Blocks) == 0:
		c.nothing(r, now)
		return nil
	case t.mode == ByHash:
		return c.sourceFound(r, &answer, local, now)
	}
	return c.pulled(r, &answer, local, now)
}

// checkBlocks checks an answer against its request alone; 0 means that it is in
// order.
func checkBlocks(q *Request, a *Blocks) Reason {
	blocks := a.Blocks
	switch {
	case a.Code > Busy, a.Code != OK && len(blocks) > 0, a.Code == Pruned && q.Mode == ByAccount && a.Pruned < q.Height:
		return BadCode
	case len(blocks) > q.Count:
		return TooMany
	case len(blocks) == 0:
		return 0
	case q.Mode == ByAccount && a.First != q.Height, q.Mode == ByHash && blocks[0].Hash != q.Hash,
		a.First == 0, (a.First == 1) != blocks[0].Previous.IsZero():
		return WrongStart
	}
	account := q.Account
	if q.Mode == ByHash {
		account = blocks[0].Account
	}
	for i := range blocks {
		if blocks[i].Account != account {
			return WrongAccount
		}
		if i > 0 && blocks[i].Previous != blocks[i-1].Hash {
			return NotConsecutive
		}
	}
	return 0
}

// nothing deals with a peer that has no such blocks. If it had told a frontier
// that promised them, it lied.
func (c *Client) nothing(r *request, now time.Time) {
	t := r.task
	t.without++
	if t.mode == ByAccount && t.via == r.Conn && t.target.Height >= r.Height {
		c.blame(r.Conn, FalseFrontier)
		if p := c.peer(r.Conn); p != nil {
			c.distrust(p, now)
		}
		t.target = Frontier{}
		if !t.urgent && !t.others {
			c.remove(t)
			return
		}
	}
	c.tried(t, r.Conn)
	c.queue(t, true)
}

// pulled delivers blocks that follow the local chain. If they follow another
// block than our frontier, our unconfirmed blocks are a fork, and the chain is
// asked for again from the confirmed frontier up, where no fork can be.
func (c *Client) pulled(r *request, a *Blocks, local Ledger, now time.Time) error {
	t := r.task
	if a.Blocks[0].Previous != r.prev {
		if r.forked {
			c.blame(r.Conn, WrongChain)
			c.tried(t, r.Conn)
		}
		t.forked = true
		c.queue(t, true)
		return nil
	}
	if r.forked && t.voted && t.target.Height > 0 {
		return c.prove(r, a, local, now)
	}
	c.deliver(t, r.Conn, a, now, len(a.Blocks) < r.Count)
	return nil
}

// deliver hands blocks of a task's account to the block processor.
func (c *Client) deliver(t *task, conn peering.ConnID, a *Blocks, now time.Time, complete bool) {
	n := len(a.Blocks)
	t.last, t.lastHeight = a.Blocks[n-1].Hash, a.First+uint64(n)-1
	t.complete, t.since, t.handed = complete, now, now
	unsettled := 0
	if t.in == c.delivered { // asked for ahead
		unsettled = t.blocks
	}
	c.move(t, c.delivered, false)
	t.blocks, t.from = unsettled+n, conn
	if unsettled == 0 {
		t.inserted = 0
	}
	c.outstanding += t.blocks // move has taken off what was unsettled
	if !complete && !t.forked && t.target.Height > t.lastHeight && len(c.long) < c.cfg.MaxAccounts {
		c.long = append(c.long, t)
	}
	c.stats.Delivered += uint64(n)
	d := Delivery{Conn: conn, Account: t.account(), First: a.First, Blocks: a.Blocks}
	if t.forked {
		d.Head = t.last
	}
	c.ready.Deliver = append(c.ready.Deliver, d)
}

// sourceFound has learnt whose block a missing source is. If it is that
// account's next block it is delivered; otherwise the account is pulled from
// its local frontier up to there, which brings the source in its turn.
func (c *Client) sourceFound(r *request, a *Blocks, local Ledger, now time.Time) error {
	b := a.Blocks[0]
	target := Frontier{Account: b.Account, Hash: b.Hash, Height: a.First}
	info, err := local.Account(b.Account)
	have := ahead
	if err == nil {
		have, err = c.compare(&target, &info, local)
	}
	if err != nil {
		c.queue(r.task, false)
		return ledgerError("place a missing source", b.Account, err)
	}
	if have == contradicted {
		c.blame(r.Conn, WrongChain)
		c.tried(r.task, r.Conn)
		c.queue(r.task, true)
		return nil
	}
	c.remove(r.task)
	if have == here {
		c.unblock(b.Hash)
		return nil
	}
	t := c.tasks[key{ByAccount, b.Account}]
	if t == nil {
		if t = c.add(key{ByAccount, b.Account}, true); t == nil {
			return nil
		}
	}
	t.voted = t.voted || r.task.voted
	if t.target.Height < target.Height || r.task.voted {
		t.target, t.via = target, r.Conn
	}
	if t.asked || t.in == c.delivered || t.in == c.blocked {
		return nil
	}
	t.urgent = true
	if have == ahead && a.First == info.Height+1 && b.Previous == info.Frontier {
		c.deliver(t, r.Conn, a, now, false)
		return nil
	}
	t.forked = have == forked
	c.queue(t, false)
	return nil
}
