package messages

import (
	"time"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Wallet is every message that the wallet actor accepts. Reply is called once,
// when what was done is safe, or with the reason why nothing was; it must not
// block. Secrets belong to the actor from then on.
//
//sumtype:decl
type Wallet interface{ toWallet() }

// CreateWallet makes a wallet. Sealed is its keystore, empty for one that only
// watches; Secret opens it at once.
type CreateWallet struct {
	ID       wallet.ID
	Settings wallet.Settings
	Sealed   []byte
	Secret   wallet.Secret
	Accounts []wallet.Account
	Reply    func(error)
}

// SealWallet replaces the keystore of a wallet, and adds the account of Key if
// there is one; the keystore holds it already.
type SealWallet struct {
	ID     wallet.ID
	Sealed []byte
	Key    *crypto.Seed
	Reply  func([]wallet.Account, error)
}

// UnlockWallet gives a wallet its secret until a time; zero: until it is locked.
type UnlockWallet struct {
	ID     wallet.ID
	Secret wallet.Secret
	Until  time.Time
	Reply  func(error)
}

// LockWallet takes the secret of a wallet away.
type LockWallet struct {
	ID    wallet.ID
	Reply func(error)
}

// ConfigureWallet replaces the settings of a wallet.
type ConfigureWallet struct {
	ID       wallet.ID
	Settings wallet.Settings
	Reply    func(error)
}

// DeriveAccounts adds accounts of the seed: that with Index, or the next Count.
type DeriveAccounts struct {
	ID    wallet.ID
	Index *uint32
	Count int
	Reply func([]wallet.Account, error)
}

// WatchAccounts adds accounts without keys.
type WatchAccounts struct {
	ID       wallet.ID
	Accounts []lattice.Account
	Reply    func(error)
}

// RemoveAccount takes an account out of a wallet.
type RemoveAccount struct {
	ID      wallet.ID
	Account lattice.Account
	Reply   func(error)
}

// MakeBlock has a wallet send, receive or change. The reply comes when the
// ledger of this node has the block.
type MakeBlock struct {
	Request wallet.Request
	Reply   func(lattice.Hash, error)
}

// SignHash has 32 bytes signed with the key of an account.
type SignHash struct {
	ID      wallet.ID
	Account lattice.Account
	Hash    lattice.Hash
	Reply   func(crypto.Signature, error)
}

// SearchReceivable has a wallet look at all of its accounts.
type SearchReceivable struct {
	ID    wallet.ID
	Reply func(error)
}

// SetReceiveMinimum sets the least that is received without being asked for.
type SetReceiveMinimum struct {
	Amount lattice.Amount
	Reply  func(error)
}

// WalletBlockProcessed tells what the ledger made of a wallet's block.
type WalletBlockProcessed struct {
	Op  uint64
	Err error
}

// MailboxControl lets the answer pass a full queue.
func (*WalletBlockProcessed) MailboxControl() {}

// WalletWork tells the end of a search for work.
type WalletWork struct {
	Account lattice.Account
	Root    lattice.Root
	Nonce   uint64
	Err     error
}

// MailboxControl lets the answer pass a full queue.
func (*WalletWork) MailboxControl() {}

// Refused tells who waits.
func (m *CreateWallet) Refused(err error) { m.Secret.Wipe(); m.Reply(err) }

// Refused tells who waits.
func (m *SealWallet) Refused(err error) { m.Reply(nil, err) }

// Refused tells who waits.
func (m *UnlockWallet) Refused(err error) { m.Secret.Wipe(); m.Reply(err) }

// Refused tells who waits.
func (m *LockWallet) Refused(err error) { m.Reply(err) }

// Refused tells who waits.
func (m *ConfigureWallet) Refused(err error) { m.Reply(err) }

// Refused tells who waits.
func (m *DeriveAccounts) Refused(err error) { m.Reply(nil, err) }

// Refused tells who waits.
func (m *WatchAccounts) Refused(err error) { m.Reply(err) }

// Refused tells who waits.
func (m *RemoveAccount) Refused(err error) { m.Reply(err) }

// Refused tells who waits.
func (m *MakeBlock) Refused(err error) { m.Reply(lattice.Hash{}, err) }

// Refused tells who waits.
func (m *SignHash) Refused(err error) { m.Reply(crypto.Signature{}, err) }

// Refused tells who waits.
func (m *SearchReceivable) Refused(err error) { m.Reply(err) }

// Refused tells who waits.
func (m *SetReceiveMinimum) Refused(err error) { m.Reply(err) }

func (*CreateWallet) toWallet()         {}
func (*SealWallet) toWallet()           {}
func (*UnlockWallet) toWallet()         {}
func (*LockWallet) toWallet()           {}
func (*ConfigureWallet) toWallet()      {}
func (*DeriveAccounts) toWallet()       {}
func (*WatchAccounts) toWallet()        {}
func (*RemoveAccount) toWallet()        {}
func (*MakeBlock) toWallet()            {}
func (*SignHash) toWallet()             {}
func (*SearchReceivable) toWallet()     {}
func (*SetReceiveMinimum) toWallet()    {}
func (*WalletBlockProcessed) toWallet() {}
func (*WalletWork) toWallet()           {}
func (*BlocksCemented) toWallet()       {}
func (*Tick) toWallet()                 {}
