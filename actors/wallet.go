package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
	"github.com/smallnano/smallnano/wire/rpc"
)

// Bounds of the wallet actor.
const (
	walletMailbox = 2048
	// maxWalletTurn is how many messages one write to the journal gathers.
	maxWalletTurn = 256
	// maxWaiters is how many requests wait for their blocks.
	maxWaiters = 4096
)

// walletActor carries out what the wallets' machine says: the journal first,
// then the rest. Nobody is answered before what was done for them is safe.
type walletActor struct {
	env   *Env
	refs  *refs
	net   *lattice.Network
	board *board
	shelf *walletShelf
	inbox *mailbox.Inbox
	kill  *killPoint
	log   *slog.Logger

	machine *wallet.Machine
	journal *journal
	waiters map[uint64][]func(lattice.Hash, error)
	waiting int
	after   []func() // answers that wait for the journal
	undo    []func() // the same, if the journal fails
	turn    int
	shown   uint64 // version of the machine that is on the shelf
	life    context.CancelFunc
}

// Receive implements actor.Actor.
func (a *walletActor) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case *actor.Restarting, *actor.Stopping:
		a.stop()
	case messages.Wallet:
		a.handle(m)
		a.turn++
		if a.inbox.Len() == 0 || a.turn >= maxWalletTurn {
			a.turn = 0
			a.flush()
		}
	}
}

// start makes the machine of the journal and opens the wallets without a
// password.
func (a *walletActor) start() {
	if err := os.MkdirAll(a.shelf.dir, 0o700); err != nil {
		a.shelf.failed(err)
		panic(fmt.Errorf("actors: cannot make the folder of the wallets: %w", err))
	}
	a.machine = wallet.New(a.net, wallet.DefaultConfig(), a.env.rand(nameWallet))
	a.waiters = map[uint64][]func(lattice.Hash, error){}
	j, err := openJournal(a.shelf.dir, a.machine.Replay)
	if err != nil {
		a.shelf.failed(err)
		panic(fmt.Errorf("actors: %w", err))
	}
	a.journal = j
	a.compact()
	a.show()
	life, cancel := context.WithCancel(context.Background())
	a.life = cancel
	views, ref := a.machine.Views(), *a.refs.wallet
	a.env.Workers.Go(func() { a.shelf.openUnprotected(life, views, ref, a.log) })
}

func (a *walletActor) stop() {
	if a.life != nil {
		a.life()
	}
	if a.machine != nil {
		a.machine.Wipe()
	}
	for _, refuse := range a.undo {
		refuse()
	}
	for _, list := range a.waiters {
		for _, reply := range list {
			reply(lattice.Hash{}, mailbox.ErrFailed)
		}
	}
	a.waiters, a.after, a.undo = nil, nil, nil
	if a.journal != nil {
		if err := a.journal.close(); err != nil {
			a.log.Error("cannot close the journal of the wallets", "err", err)
		}
	}
}

// reply answers after the journal was written, or tells that it was not.
func (a *walletActor) reply(answer func(), refused func(error)) {
	a.after = append(a.after, answer)
	a.undo = append(a.undo, func() { refused(mailbox.ErrFailed) })
}

func (a *walletActor) done(m interface{ Refused(error) }, reply func(error), err error) {
	a.reply(func() { reply(err) }, m.Refused)
}

func (a *walletActor) handle(m messages.Wallet) {
	now := a.env.Clock.Now()
	switch m := m.(type) {
	case *messages.CreateWallet:
		a.done(m, m.Reply, a.create(m))
	case *messages.SealWallet:
		accounts, err := a.seal(m)
		a.reply(func() { m.Reply(accounts, err) }, m.Refused)
	case *messages.UnlockWallet:
		err := a.machine.Unlock(m.ID, m.Secret, m.Until)
		if err != nil {
			m.Secret.Wipe()
		}
		a.done(m, m.Reply, err)
	case *messages.LockWallet:
		a.done(m, m.Reply, a.machine.Lock(m.ID))
	case *messages.ConfigureWallet:
		a.done(m, m.Reply, a.machine.Configure(m.ID, m.Settings))
	case *messages.DeriveAccounts:
		accounts, err := a.machine.Derive(m.ID, m.Index, m.Count)
		a.reply(func() { m.Reply(accounts, err) }, m.Refused)
	case *messages.WatchAccounts:
		a.done(m, m.Reply, a.machine.Add(m.ID, watched(m.Accounts)))
	case *messages.RemoveAccount:
		a.done(m, m.Reply, a.machine.Remove(m.ID, m.Account))
	case *messages.MakeBlock:
		a.makeBlock(now, m)
	case *messages.SignHash:
		signature, err := a.machine.Sign(m.ID, m.Account, m.Hash)
		a.reply(func() { m.Reply(signature, err) }, m.Refused)
	case *messages.SearchReceivable:
		err := a.machine.Search(m.ID)
		if err == nil {
			a.tick(now)
		}
		a.done(m, m.Reply, err)
	case *messages.SetReceiveMinimum:
		a.machine.SetReceiveMinimum(m.Amount)
		a.done(m, m.Reply, nil)
	case *messages.WalletBlockProcessed:
		a.kill.pass(killProcessed)
		a.machine.Processed(now, m.Op, m.Err)
	case *messages.WalletWork:
		a.workEnded(now, m)
	case *messages.BlocksCemented:
		a.machine.Cemented(m.Blocks)
		a.view(func(r storage.Reader) error { return a.machine.Receive(now, r) })
	case *messages.Tick:
		a.tick(m.Now)
	}
}

func watched(keys []lattice.Account) []wallet.Account {
	out := make([]wallet.Account, len(keys))
	for i, k := range keys {
		out[i] = wallet.Account{Key: k, Origin: wallet.Watched}
	}
	return out
}

// create makes a wallet: its keystore first, so that no account is shown whose
// key is not kept.
func (a *walletActor) create(m *messages.CreateWallet) error {
	if len(m.Sealed) > 0 {
		if err := writeKeystore(a.shelf.dir, m.ID, m.Sealed); err != nil {
			return err
		}
	}
	if err := a.machine.Create(m.ID, len(m.Sealed) == 0, m.Settings); err != nil {
		return errors.Join(err, os.Remove(keystorePath(a.shelf.dir, m.ID)))
	}
	if err := a.machine.Add(m.ID, m.Accounts); err != nil || len(m.Sealed) == 0 {
		return err
	}
	return a.machine.Unlock(m.ID, m.Secret, time.Time{})
}

func (a *walletActor) seal(m *messages.SealWallet) ([]wallet.Account, error) {
	if err := writeKeystore(a.shelf.dir, m.ID, m.Sealed); err != nil || m.Key == nil {
		return nil, err
	}
	account, err := a.machine.AddKey(m.ID, *m.Key)
	return []wallet.Account{account}, err
}

// makeBlock begins a block, or finds the one that was begun with the same id.
func (a *walletActor) makeBlock(now time.Time, m *messages.MakeBlock) {
	if a.waiting >= maxWaiters {
		m.Refused(mailbox.ErrFull)
		return
	}
	a.kill.pass(killRequested)
	var answer wallet.Answer
	err := a.env.Store.View(func(r storage.Reader) (err error) {
		answer, err = a.machine.Request(now, r, m.Request)
		return err
	})
	switch {
	case err != nil:
		a.reply(func() { m.Reply(lattice.Hash{}, err) }, m.Refused)
	case answer.State >= wallet.StatePublished:
		a.reply(func() { m.Reply(answer.Hash, nil) }, m.Refused)
	default:
		a.waiters[answer.Op] = append(a.waiters[answer.Op], m.Reply)
		a.waiting++
	}
}

func (a *walletActor) workEnded(now time.Time, m *messages.WalletWork) {
	if m.Err == nil {
		a.machine.WorkFound(m.Account, m.Root, m.Nonce)
		return
	}
	a.machine.WorkFailed(now, m.Account, m.Root, m.Err, errors.Is(m.Err, rpc.ErrWorkDisabled))
}

func (a *walletActor) tick(now time.Time) {
	online := a.board.quorum.Load().online
	reps := make([]wallet.Representative, len(online))
	for i, r := range online {
		reps[i] = wallet.Representative{Account: r.Account, Weight: r.Weight}
	}
	a.machine.SetOnline(reps)
	a.view(func(r storage.Reader) error { return a.machine.Tick(now, r) })
}

// view reads the ledger. What could not be read now is tried again at the next
// tick.
func (a *walletActor) view(f func(storage.Reader) error) {
	if err := a.env.Store.View(f); err != nil {
		a.log.Error("cannot read the ledger for the wallets", "err", err)
	}
}

// flush writes what happened and then lets it have its effects. A journal that
// cannot be written makes the actor fail: it starts again with what is safe,
// and its protected wallets are locked.
func (a *walletActor) flush() {
	now := a.env.Clock.Now()
	a.view(func(r storage.Reader) error { return a.machine.Step(now, r) })
	ready := a.machine.Ready()
	if len(ready.Records) > 0 {
		a.write(ready.Records)
	}
	a.compact()
	a.show()
	answers := a.after
	a.after, a.undo = nil, nil
	for _, answer := range answers {
		answer()
	}
	for i := range ready.Publish {
		a.publish(&ready.Publish[i])
		a.kill.pass(killPublished)
	}
	for _, w := range ready.Work {
		a.wantWork(w)
	}
	for _, d := range ready.Done {
		list := a.waiters[d.Op]
		delete(a.waiters, d.Op)
		a.waiting -= len(list)
		for _, reply := range list {
			reply(d.Hash, d.Err)
		}
		a.kill.pass(killAnswered)
	}
}

// write appends to the journal.
func (a *walletActor) write(records []wallet.Record) {
	stored, reserved := hasKind(records, wallet.KindStored), hasKind(records, wallet.KindReserved)
	switch {
	case stored && a.kill.is(killTorn):
		a.journal.tear(records)
		a.kill.pass(killTorn)
	case stored:
		a.kill.pass(killSigned)
	case hasKind(records, wallet.KindConfirmed):
		a.kill.pass(killConfirmed)
	}
	if err := a.journal.append(records); err != nil {
		panic(fmt.Errorf("actors: cannot write the journal of the wallets: %w", err))
	}
	if reserved {
		a.kill.pass(killReserved)
	}
	if stored {
		a.kill.pass(killStored)
	}
}

// compact replaces a journal that has grown too far. One that cannot be replaced
// now goes on growing, and is tried again with the next block.
func (a *walletActor) compact() {
	if !a.journal.grown() {
		return
	}
	before := a.journal.size
	if err := a.journal.replace(a.machine.Compact); err != nil {
		a.log.Error("cannot shorten the journal of the wallets", "err", err)
		return
	}
	a.log.Info("the journal of the wallets was shortened", "from", before, "to", a.journal.size)
}

// show posts the wallets for those who only look.
func (a *walletActor) show() {
	if v := a.machine.Version() + 1; v != a.shown {
		a.shown = v
		a.shelf.show(a.machine.Views(), a.machine.ReceiveMinimum())
	}
}

func (a *walletActor) publish(p *wallet.Publication) {
	op, self := p.Op, *a.refs.wallet
	a.refs.blocks.Tell(&messages.ProcessBlock{
		Block: p.Block, Hash: a.net.HashOf(&p.Block),
		Reply: func(r messages.BlockResult) { self.Tell(&messages.WalletBlockProcessed{Op: op, Err: r.Err}) },
	})
	if p.Again {
		a.refs.flood(a.net, publish(&p.Block), messages.ReachOwnBlock, 0)
	}
}

func (a *walletActor) wantWork(w wallet.WorkWanted) {
	self := *a.refs.wallet
	a.refs.work.Tell(&messages.GenerateWork{
		Root: w.Root, Threshold: w.Threshold,
		Reply: func(nonce uint64, err error) {
			self.Tell(&messages.WalletWork{Account: w.Account, Root: w.Root, Nonce: nonce, Err: err})
		},
	})
}

// openSecret opens a keystore file.
func openSecret(password, sealed []byte) (wallet.Secret, error) {
	b, err := crypto.OpenKeystore(password, sealed)
	if err != nil {
		return wallet.Secret{}, err
	}
	defer clear(b)
	return wallet.ParseSecret(b)
}
