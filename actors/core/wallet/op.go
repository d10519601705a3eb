package wallet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

// op is one block from the wish to its confirmation.
type op struct {
	number uint64
	wallet ID
	intent Intent
	id     string // of a send; "" without
	auto   bool   // nobody asked for it
	state  State

	block  lattice.Block // from StateStored on
	hash   lattice.Hash
	height uint64
	asked  bool // the ledger was given the block and has not answered
	at     time.Time
	pause  time.Duration
}

// lane is the blocks of one account that are not in the ledger yet, in order.
type lane struct {
	queue  []*op
	last   lattice.Hash // of the newest own block that the ledger had; zero: none is open
	wanted lattice.Root // of work that is being found
	retry  time.Time    // when to ask for work again
}

// sendKey is the digest of a wallet and an id; no two ids share one but with a
// chance of 2^-64.
type sendKey [16]byte

// sent is what became of a send with an id.
type sent struct {
	params [16]byte // digest of what was asked for
	op     uint64
	hash   lattice.Hash // zero until it is signed
	state  State
}

type foundWork struct {
	root  lattice.Root
	nonce uint64
}

// refusals are the answers of a ledger that stay the same for the same block.
var refusals = []error{
	ledger.InsufficientWork, ledger.OpenedBurnAccount, ledger.BadSignature, ledger.Unreceivable, ledger.BalanceMismatch, ledger.NoChange,
}

func keyOfSend(wallet ID, id string) sendKey {
	sum := crypto.Sum256([]byte("smallnano-send-v1"), wallet[:], []byte(id))
	return sendKey(sum[:16])
}

func (i *Intent) digest() [16]byte {
	amount := i.Amount.Bytes()
	sum := crypto.Sum256([]byte{byte(i.Subtype)}, i.Account[:], i.Link[:], amount[:], i.Representative[:])
	return [16]byte(sum[:16])
}

// Request is what somebody wants a wallet to do. Sends may have an ID: asking
// again with it is answered with the same block.
type Request struct {
	Wallet ID
	Intent Intent
	ID     string
}

// Answer is what a request led to. While State is below StatePublished an
// Outcome of the op will follow.
type Answer struct {
	Op    uint64
	Hash  lattice.Hash // zero until it is signed
	State State
}

// Request begins a block. The error says why there will be none; nothing was
// changed then.
func (m *Machine) Request(now time.Time, l Ledger, r Request) (Answer, error) {
	w, err := m.wallet(r.Wallet)
	if err != nil {
		return Answer{}, err
	}
	if r.ID != "" {
		if a, known, err := m.repeated(&r); known || err != nil {
			return a, err
		}
	}
	if _, err := w.key(r.Intent.Account); err != nil {
		return Answer{}, err
	}
	if len(m.ops) >= MaxOpen {
		return Answer{}, fmt.Errorf("%w: %d blocks are on their way", ErrFull, MaxOpen)
	}
	if a, done, err := m.check(l, &r.Intent); done || err != nil {
		return a, err
	}
	return m.begin(now, &r, false), nil
}

// repeated answers a request whose id was seen before.
func (m *Machine) repeated(r *Request) (a Answer, known bool, err error) {
	if len(r.ID) > MaxSendID || r.Intent.Subtype != lattice.Send {
		return a, false, fmt.Errorf("%w: an id is for a send and has at most %d bytes", ErrInvalid, MaxSendID)
	}
	s, owner, known := m.sentBefore(r)
	switch {
	case !known && len(m.sends) >= MaxSendIDs:
		return a, false, fmt.Errorf("%w: %d ids are remembered; begin a new wallet", ErrFull, MaxSendIDs)
	case !known:
		return a, false, nil
	case s.params != r.Intent.digest():
		return a, true, ErrIDReused
	case s.state == StateFailed:
		return a, true, fmt.Errorf("%w: block %v; ask with another id", ErrTaken, s.hash)
	case s.state == StateReserved && owner.secret == nil:
		return a, true, ErrLocked
	}
	return Answer{s.op, s.hash, s.state}, true, nil
}

// sentBefore returns the send that has the id of a request, and its wallet. Another
// wallet with the same account, say of the same words, counts if it was asked for
// the very same: who tries again may mean either.
func (m *Machine) sentBefore(r *Request) (s sent, owner *wallet, known bool) {
	own := m.wallets[r.Wallet]
	if s, known = m.sends[keyOfSend(r.Wallet, r.ID)]; known {
		return s, own, true
	}
	for _, id := range m.order {
		other := m.wallets[id]
		if id == r.Wallet || !m.has(other, r.Intent.Account) {
			continue
		}
		if s, known = m.sends[keyOfSend(id, r.ID)]; known && s.params == r.Intent.digest() {
			return s, other, true
		}
	}
	return sent{}, own, false
}

// check refuses what cannot be done as things stand, and finds what is being
// done already.
func (m *Machine) check(l Ledger, i *Intent) (a Answer, done bool, err error) {
	switch i.Subtype {
	case lattice.Send:
		return a, false, m.checkFunds(l, i)
	case lattice.Receive:
		entry, found, err := l.Receivable(lattice.ReceivableKey{Destination: i.Account, Send: lattice.Hash(i.Link)})
		if err == nil && !found {
			err = fmt.Errorf("%w: send %v", ErrNotReceivable, i.Link)
		}
		i.Amount = entry.Amount
		if o := m.receiving(i.Account, i.Link); o != nil && err == nil {
			return Answer{o.number, o.hash, o.state}, true, nil
		}
		return a, false, err
	case lattice.Change:
		info, err := l.Account(i.Account)
		if lane := m.lanes[i.Account]; err == nil && (lane == nil || len(lane.queue) == 0) {
			_, err = Compose(info, *i, lattice.Account{})
		}
		return a, false, err
	}
	panic("wallet: a request without a subtype")
}

// checkFunds refuses a send of more than there is after those that wait.
func (m *Machine) checkFunds(l Ledger, i *Intent) error {
	info, err := l.Account(i.Account)
	if err != nil {
		return err
	}
	if lane := m.lanes[i.Account]; lane != nil {
		for _, o := range lane.queue {
			_, counted, err := l.Block(o.hash) // its answer may still be on the way
			if err != nil {
				return err
			}
			if o.intent.Subtype == lattice.Send && !counted {
				info.Balance = info.Balance.SatSub(o.intent.Amount)
			}
		}
	}
	_, err = Compose(info, *i, lattice.Account{})
	return err
}

// receiving returns the op that receives a send.
func (m *Machine) receiving(account lattice.Account, link lattice.Link) *op {
	if lane := m.lanes[account]; lane != nil {
		for _, o := range lane.queue {
			if o.intent.Subtype == lattice.Receive && o.intent.Link == link {
				return o
			}
		}
	}
	return nil
}

func (m *Machine) begin(now time.Time, r *Request, auto bool) Answer {
	number := m.next
	if r.ID != "" {
		m.emit(Record{Kind: KindReserved, Wallet: r.Wallet, Op: number, Intent: r.Intent, Text: r.ID})
	} else {
		m.add(&op{number: number, wallet: r.Wallet, intent: r.Intent, auto: auto, state: StateReserved})
	}
	m.ops[number].at = now
	return Answer{Op: number, State: StateReserved}
}

// add puts an op in its account's lane: sends before what only receives and is
// not signed yet.
func (m *Machine) add(o *op) {
	m.next = max(m.next, o.number+1)
	m.ops[o.number] = o
	place, _ := slices.BinarySearch(m.open, o.number) // the last one, but in a replay
	m.open = slices.Insert(m.open, place, o.number)
	lane := m.lane(o.intent.Account)
	at := len(lane.queue)
	for !o.auto && at > 0 && lane.queue[at-1].auto && lane.queue[at-1].state == StateReserved {
		at--
	}
	lane.queue = slices.Insert(lane.queue, at, o)
	if o.id != "" {
		m.sends[keyOfSend(o.wallet, o.id)] = sent{params: o.intent.digest(), op: o.number, state: o.state}
	}
}

func (m *Machine) lane(account lattice.Account) *lane {
	if m.lanes[account] == nil {
		m.lanes[account] = &lane{}
		m.active = append(m.active, account)
	}
	return m.lanes[account]
}

// applyOp changes an op by a record.
func (m *Machine) applyOp(r *Record) error {
	o := m.ops[r.Op]
	switch {
	case r.Kind == KindReserved, r.Kind == KindStored && o == nil:
		if o != nil || r.Op < m.next && r.Kind == KindReserved {
			return fmt.Errorf("block %d is there twice", r.Op)
		}
		o = &op{number: r.Op, wallet: r.Wallet, intent: r.Intent, id: r.Text, state: StateReserved}
		m.add(o)
	case o == nil:
		return fmt.Errorf("block %d is not open", r.Op)
	}
	switch r.Kind {
	case KindStored:
		o.block, o.height, o.hash, o.state = r.Block, r.Height, m.net.HashOf(&r.Block), StateStored
		m.byHash[o.hash] = o.number
		m.remember(o)
		m.advance(o)
	case KindConfirmed:
		m.drop(o, StateConfirmed)
	case KindFailed:
		m.drop(o, StateFailed)
	case KindReleased:
		m.drop(o, StateReleased)
	}
	return nil
}

// advance puts an op that was just signed behind the signed ones of its lane and
// before all others. It is there already, but in a replay.
func (m *Machine) advance(o *op) {
	lane := m.lanes[o.intent.Account]
	queue := slices.DeleteFunc(lane.queue, func(q *op) bool { return q == o })
	at := 0
	for at < len(queue) && queue[at].state != StateReserved {
		at++
	}
	lane.queue = slices.Insert(queue, at, o)
}

// remember keeps how far a send with an id is.
func (m *Machine) remember(o *op) {
	if o.id == "" {
		return
	}
	key := keyOfSend(o.wallet, o.id)
	if o.state == StateReleased {
		delete(m.sends, key)
		return
	}
	s := m.sends[key]
	s.hash, s.state = o.hash, o.state
	m.sends[key] = s
}

// drop ends an op.
func (m *Machine) drop(o *op, state State) {
	o.state = state
	m.remember(o)
	delete(m.ops, o.number)
	delete(m.byHash, o.hash)
	if i, found := slices.BinarySearch(m.open, o.number); found {
		m.open = slices.Delete(m.open, i, i+1)
	}
	if lane := m.lanes[o.intent.Account]; lane != nil {
		lane.queue = slices.DeleteFunc(lane.queue, func(q *op) bool { return q == o })
		if lane.last == o.hash && !o.hash.IsZero() {
			lane.last = lattice.Hash{}
		}
		m.tidy(o.intent.Account)
	}
}

// tidy forgets a lane with nothing in it.
func (m *Machine) tidy(account lattice.Account) {
	lane := m.lanes[account]
	if len(lane.queue) == 0 && lane.last.IsZero() && lane.wanted == (lattice.Root{}) {
		delete(m.lanes, account)
		m.active = slices.DeleteFunc(m.active, func(a lattice.Account) bool { return a == account })
	}
}

// end ends an op that will not be, or is confirmed, and tells who waits.
func (m *Machine) end(o *op, state State, err error) {
	reported := o.state == StatePublished
	kind := map[State]Kind{StateConfirmed: KindConfirmed, StateFailed: KindFailed, StateReleased: KindReleased}[state]
	if state == StateReleased && o.id == "" {
		m.drop(o, state) // it was never written
	} else {
		r := Record{Kind: kind, Op: o.number}
		if kind == KindFailed {
			r.Text = err.Error()
		}
		m.emit(r)
	}
	if !reported {
		m.ready.Done = append(m.ready.Done, Outcome{Op: o.number, Hash: o.hash, Err: err})
	}
}

// Step brings every account's next block on its way as far as it goes now.
func (m *Machine) Step(now time.Time, l Ledger) error {
	for _, account := range slices.Clone(m.active) {
		for m.lanes[account] != nil {
			went, err := m.stepLane(now, l, account)
			if err != nil {
				return err
			}
			if !went {
				break
			}
		}
	}
	return nil
}

// stepLane looks at the first op of a lane; true: look at the next one.
func (m *Machine) stepLane(now time.Time, l Ledger, account lattice.Account) (bool, error) {
	lane := m.lanes[account]
	if len(lane.queue) == 0 {
		return false, nil
	}
	o := lane.queue[0]
	if o.state == StateReserved {
		if err := m.compose(now, l, lane, o); err != nil {
			return false, err
		}
	}
	switch {
	case o.state == StateReleased:
		return true, nil
	case o.state == StateStored && !o.asked && due(now, o.at, m.cfg.RepublishMost):
		m.publish(o)
	}
	return false, nil
}

func (m *Machine) publish(o *op) {
	o.asked = true
	m.ready.Publish = append(m.ready.Publish, Publication{Op: o.number, Block: o.block, Again: o.state == StatePublished})
}

// compose makes and signs the block of an op, if nothing is missing for it.
func (m *Machine) compose(now time.Time, l Ledger, lane *lane, o *op) error {
	key, err := m.wallets[o.wallet].key(o.intent.Account)
	switch {
	case errors.Is(err, ErrLocked):
		return nil // waits
	case err != nil:
		m.end(o, StateReleased, err)
		return nil
	}
	if !lane.last.IsZero() { // never on top of another chain while the own one may come back
		if _, found, err := l.Block(lane.last); err != nil || !found {
			return err
		}
	}
	info, err := l.Account(o.intent.Account)
	if err != nil {
		return err
	}
	block, err := m.blockFor(l, info, o)
	if err != nil {
		m.end(o, StateReleased, err)
		return nil
	}
	if block.Work, err = m.workFor(now, lane, &block, o.intent.Subtype); err != nil {
		return nil // waits for it
	}
	block.Sign(m.net.ID, key)
	m.emit(Record{
		Kind: KindStored, Wallet: o.wallet, Op: o.number, Intent: o.intent, Text: o.id, Block: block, Height: info.Height + 1,
	})
	o.at, o.pause = now, m.cfg.Republish
	return nil
}

func (m *Machine) blockFor(l Ledger, info lattice.AccountInfo, o *op) (lattice.Block, error) {
	var opener lattice.Account
	if o.intent.Subtype == lattice.Receive {
		entry, found, err := l.Receivable(lattice.ReceivableKey{Destination: o.intent.Account, Send: lattice.Hash(o.intent.Link)})
		if err != nil {
			return lattice.Block{}, err
		}
		if !found {
			return lattice.Block{}, ErrNotReceivable
		}
		o.intent.Amount = entry.Amount
		if !info.Opened() {
			opener = m.opener(o)
		}
	}
	return Compose(info, o.intent, opener)
}

// opener chooses the representative of an account that is opened.
func (m *Machine) opener(o *op) lattice.Account {
	if rep := m.wallets[o.wallet].settings.Representative; !rep.IsZero() {
		return rep
	}
	if rep, found := Draw(m.rng, m.online, m.cfg.RepresentativeCap); found {
		return rep
	}
	return o.intent.Account
}

var errNoWork = errors.New("work is being found")

// workFor returns work for a block, or has it found.
func (m *Machine) workFor(now time.Time, lane *lane, b *lattice.Block, s lattice.Subtype) (uint64, error) {
	root, threshold := b.Root(), m.net.Threshold(s)
	if w := m.work[b.Account]; w.root == root && work.Valid(root, w.nonce, threshold) {
		return w.nonce, nil
	}
	if lane.wanted != root && due(now, lane.retry, m.cfg.Republish) {
		m.want(lane, b.Account, root, threshold)
	}
	return 0, errNoWork
}

func (m *Machine) want(lane *lane, account lattice.Account, root lattice.Root, threshold uint64) {
	lane.wanted = root
	m.ready.Work = append(m.ready.Work, WorkWanted{account, root, threshold})
}

// WorkFound gives the machine work that it wanted.
func (m *Machine) WorkFound(account lattice.Account, root lattice.Root, nonce uint64) {
	lane := m.lanes[account]
	if lane == nil || lane.wanted != root {
		return
	}
	lane.wanted = lattice.Root{}
	if len(lane.queue) == 0 && len(m.owners[account]) > 0 { // for later: keep it through a restart
		m.emit(Record{Kind: KindWork, Account: Account{Key: account}, Hash: lattice.Hash(root), Nonce: nonce})
	} else {
		m.work[account] = foundWork{root, nonce}
	}
	m.tidy(account)
}

// WorkFailed says that there will be no work for now, or never: then what waits
// for it ends with the error.
func (m *Machine) WorkFailed(now time.Time, account lattice.Account, root lattice.Root, err error, never bool) {
	lane := m.lanes[account]
	if lane == nil || lane.wanted != root {
		return
	}
	lane.wanted, lane.retry = lattice.Root{}, now.Add(m.cfg.Republish)
	if never {
		for _, o := range slices.Clone(lane.queue) {
			if o.state == StateReserved {
				m.end(o, StateReleased, err)
			}
		}
	}
	if m.lanes[account] != nil {
		m.tidy(account)
	}
}

// Processed tells what the ledger of this node made of a published block: nil or
// ledger.Old when it has it.
func (m *Machine) Processed(now time.Time, number uint64, err error) {
	o := m.ops[number]
	if o == nil {
		return // confirmed in the meantime
	}
	o.asked = false
	o.at = now.Add(o.pause)
	o.pause = min(max(2*o.pause, m.cfg.Republish), m.cfg.RepublishMost)
	switch {
	case err == nil || errors.Is(err, ledger.Old):
		if o.state == StateStored {
			m.arrived(o)
		}
	case permanent(err):
		m.end(o, StateFailed, err)
	}
}

// arrived takes a block out of its lane: the next one may follow.
func (m *Machine) arrived(o *op) {
	lane := m.lanes[o.intent.Account]
	lane.queue = slices.DeleteFunc(lane.queue, func(q *op) bool { return q == o })
	lane.last = o.hash
	o.state = StatePublished
	m.remember(o)
	m.ready.Done = append(m.ready.Done, Outcome{Op: o.number, Hash: o.hash})
	if w := m.wallets[o.wallet]; len(lane.queue) == 0 && w.secret != nil {
		m.want(lane, o.intent.Account, lattice.Root(o.hash), m.net.SendThreshold) // find it ahead: the next block may be anything
	}
}
