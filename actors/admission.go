package actors

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/bucket"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/storage"
)

const (
	// maxHeld is how many blocks of crowded buckets wait here for their turn.
	maxHeld = 1024
	// heldPortion is how many of them go into one commit.
	heldPortion = 8
	// overPause is the pause between two portions of peers' blocks while there are
	// half as many unconfirmed blocks again as there may be: rolling back has to be
	// faster. It never stops: among them are those of accounts that nobody floods.
	overPause = 50 * time.Millisecond

	// commitTime is how long one commit should take at most while live traffic
	// flows: what is confirmed, voted for or paid next waits for its end.
	commitTime = 10 * time.Millisecond
	// minBatchBlocks is how many blocks one commit may have in any case.
	minBatchBlocks = 32
)

// admission holds back the blocks of crowded buckets, before their signatures
// cost anything. Those that were made here and those of peers wait apart.
type admission struct {
	table  bucket.Table
	local  portions
	peers  portions
	waking bool // a Wake is on its way
}

// portions is blocks that go a portion at a time.
type portions struct {
	held *bucket.Admission[*messages.ProcessBlock]
	next time.Time // when the next portion goes
	out  bool      // a portion is part of the commit
}

func newAdmission() admission {
	box := func() portions { return portions{held: bucket.NewAdmission[*messages.ProcessBlock](maxHeld)} }
	return admission{table: bucket.NewTable(bucket.Shift), local: box(), peers: box()}
}

// admit divides new blocks into those that go now, which it returns, and those
// that wait. Nothing waits that this node asked for.
func (a *blockProcessor) admit(blocks []*messages.ProcessBlock) []*messages.ProcessBlock {
	crowd := a.board.crowd.Load()
	if len(blocks) == 0 || !crowd.Any() {
		return blocks
	}
	now := make([]*messages.ProcessBlock, 0, len(blocks))
	var later []*messages.ProcessBlock
	var places []place
	err := a.env.Store.Look(func(r storage.Lookup) error {
		for _, m := range blocks {
			p, err := a.place(r, m)
			if err != nil {
				return err
			}
			if m.Bootstrap || crowd.Admits(p.bucket, p.used) {
				now = append(now, m)
				continue
			}
			later, places = append(later, m), append(places, p)
		}
		return nil
	})
	if err != nil {
		a.log.Error("cannot read the database", "err", err)
		return blocks // the transaction will say so too
	}
	for i, m := range later {
		a.hold(m, places[i])
	}
	a.postHeld()
	return now
}

// place is where a block stands among others.
type place struct {
	bucket int
	used   time.Time
}

// place finds out what the account of a block has, and when it was used. What
// the block says of itself is not believed, unless nothing else is known.
func (a *blockProcessor) place(r storage.Lookup, m *messages.ProcessBlock) (place, error) {
	info, err := r.Account(m.Block.Account)
	if err != nil {
		return place{}, err
	}
	if !info.Opened() {
		return place{a.admission.table.Index(m.Block.Balance), a.env.Clock.Now()}, nil
	}
	return place{a.admission.table.Index(info.Balance), info.Modified}, nil
}

// hold keeps a block back. Its credit is given back: what waits behind it on its
// connection may be votes.
func (a *blockProcessor) hold(m *messages.ProcessBlock, at place) {
	to := &a.admission.peers
	if m.Conn == 0 {
		to = &a.admission.local
	}
	messages.Release(m.Credit)
	m.Credit = nil
	if dropped, full := to.held.Put(at.bucket, at.used, m); full {
		dropped.Refused(mailbox.ErrFull)
	}
}

// release returns the portions whose time has come, and has itself woken for the
// rest.
func (a *blockProcessor) release(now time.Time) []*messages.ProcessBlock {
	ad := &a.admission
	out := ad.local.take(now)
	out = append(out, ad.peers.take(now)...)
	a.postHeld()
	if ad.waking || ad.local.held.Len()+ad.peers.held.Len() == 0 {
		return out
	}
	at := ad.local.next
	if ad.local.held.Len() == 0 || ad.peers.held.Len() > 0 && ad.peers.next.Before(at) {
		at = ad.peers.next
	}
	ad.waking = true
	after(a.env, max(at.Sub(now), bucket.AdmitPause(0, 1000)), a.refs.blocks, messages.BlockProcessor(&messages.Wake{}))
	return out
}

func (p *portions) take(now time.Time) []*messages.ProcessBlock {
	if now.Before(p.next) && p.next.Sub(now) <= time.Minute { // or the clock was set back
		return nil
	}
	out := p.held.Take(heldPortion)
	p.out = len(out) > 0
	return out
}

// paid notes how long the commit took: that long, and more, pass until the next
// portion.
func (a *blockProcessor) paid(began, now time.Time) {
	pause := bucket.AdmitPause(now.Sub(began), int(a.board.window.Load()))
	if p := &a.admission.local; p.out {
		p.next, p.out = now.Add(pause), false
	}
	if p := &a.admission.peers; p.out {
		if a.board.backlog.Load() > int64(a.maxBacklog)*3/2 {
			pause = max(pause, overPause)
		}
		p.next, p.out = now.Add(pause), false
	}
}

// postHeld shows how many wait.
func (a *blockProcessor) postHeld() {
	own := a.admission.local.held.Len()
	a.board.heldOwn.Store(int64(own))
	a.board.held.Store(int64(own + a.admission.peers.held.Len()))
}

// giveBackHeld answers all that waits.
func (a *blockProcessor) giveBackHeld(err error) {
	for _, p := range []*portions{&a.admission.local, &a.admission.peers} {
		for _, m := range p.held.Take(maxHeld) {
			m.Refused(err)
		}
	}
}

// room is how many blocks the batch may have.
func (a *blockProcessor) room() int {
	if a.live == 0 || a.perBlock <= 0 {
		return maxBatchBlocks
	}
	return min(max(int(commitTime/a.perBlock), minBatchBlocks), maxBatchBlocks)
}

// learn notes how long the blocks of a commit took.
func (a *blockProcessor) learn(blocks int, took time.Duration) {
	if blocks > 0 {
		a.perBlock = (3*a.perBlock + took/time.Duration(blocks)) / 4
	}
}
