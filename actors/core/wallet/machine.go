package wallet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Machine is all wallets of a node. It is used from one goroutine. Verbs change
// it and fill Ready, which the driver drains after each.
type Machine struct {
	net    *lattice.Network
	cfg    Config
	rng    *rand.Rand
	online []Representative

	wallets map[ID]*wallet
	order   []ID                     // of creation
	owners  map[lattice.Account][]ID // wallets that hold an account

	ops    map[uint64]*op // not ended
	open   []uint64       // their numbers, in order
	cursor int            // of the check of open ones
	lanes  map[lattice.Account]*lane
	active []lattice.Account // lanes with something in them, in order
	byHash map[lattice.Hash]uint64
	sends  map[sendKey]sent
	work   map[lattice.Account]foundWork
	next   uint64
	budget bucket // of blocks that receive without being asked for

	version uint64
	ready   Ready
}

// wallet is one wallet. secret is nil while it is locked.
type wallet struct {
	id       ID
	settings Settings
	noSecret bool // made to watch only
	accounts []Account
	index    map[lattice.Account]int // place in accounts
	next     uint32                  // least index above all derived ones

	secret *Secret
	keys   map[lattice.Account]int // place of an ad-hoc key in secret
	until  time.Time               // zero: until it is locked

	cursor int                              // of the search for what can be received
	dirty  []lattice.Account                // look at these first
	scan   map[lattice.Account]lattice.Hash // where to go on in a long list of entries
	rescan time.Time
}

// Ready is what a driver has to do, in this order: append Records to the
// journal, and wait for the disk if one of them must be Safe; then the rest, in
// any order. When the journal cannot be written the driver must forget the machine
// and make a new one by Replay.
type Ready struct {
	Records []Record
	Publish []Publication
	Work    []WorkWanted
	Done    []Outcome
}

// Publication is a block that the ledger of this node is to be given. The answer
// goes to Processed.
type Publication struct {
	Op    uint64
	Block lattice.Block
	Again bool // the ledger had it before: others may not
}

// WorkWanted is a root that work is wanted for. The answer goes to WorkFound or
// WorkFailed.
type WorkWanted struct {
	Account   lattice.Account
	Root      lattice.Root
	Threshold uint64
}

// Outcome is an op's arrival in the ledger of this node, or its end without
// that.
type Outcome struct {
	Op   uint64
	Hash lattice.Hash
	Err  error
}

// New returns a machine without wallets.
func New(n *lattice.Network, cfg Config, rng *rand.Rand) *Machine {
	return &Machine{
		net: n, cfg: cfg, rng: rng,
		wallets: map[ID]*wallet{}, owners: map[lattice.Account][]ID{},
		ops: map[uint64]*op{}, lanes: map[lattice.Account]*lane{}, byHash: map[lattice.Hash]uint64{},
		sends: map[sendKey]sent{}, work: map[lattice.Account]foundWork{}, next: 1,
	}
}

// Ready returns what is to be done since the last call.
func (m *Machine) Ready() Ready {
	r := m.ready
	m.ready = Ready{}
	return r
}

// Idle reports whether Ready would be empty.
func (m *Machine) Idle() bool {
	r := &m.ready
	return len(r.Records)+len(r.Publish)+len(r.Work)+len(r.Done) == 0
}

// Replay takes over a record of the journal. All are replayed, in order, before
// anything else is asked.
func (m *Machine) Replay(r *Record) error {
	if err := m.apply(r); err != nil {
		return fmt.Errorf("record of kind %d: %w", r.Kind, err)
	}
	return nil
}

// emit carries out a record and has it written.
func (m *Machine) emit(r Record) {
	if err := m.apply(&r); err != nil {
		panic("wallet: a record of its own does not fit: " + err.Error())
	}
	m.ready.Records = append(m.ready.Records, r)
}

// apply changes the state by a record, the same way when it is new and when it
// is replayed.
func (m *Machine) apply(r *Record) error {
	switch r.Kind {
	case KindStored, KindReserved, KindConfirmed, KindFailed, KindReleased:
		return m.applyOp(r)
	case KindSent:
		return m.applySent(r)
	case KindWork:
		m.work[r.Account.Key] = foundWork{lattice.Root(r.Hash), r.Nonce}
		return nil
	case KindMinimum:
		m.cfg.ReceiveMinimum = r.Intent.Amount
		return nil
	}
	m.version++
	w := m.wallets[r.Wallet]
	if r.Kind == KindCreated {
		if w != nil {
			return fmt.Errorf("wallet %v %w", r.Wallet, ErrExists)
		}
		m.wallets[r.Wallet] = &wallet{id: r.Wallet, settings: r.Settings, noSecret: r.Flag, index: map[lattice.Account]int{}, scan: map[lattice.Account]lattice.Hash{}}
		m.order = append(m.order, r.Wallet)
		return nil
	}
	if w == nil {
		return fmt.Errorf("%w: %v", ErrUnknownWallet, r.Wallet)
	}
	switch r.Kind {
	case KindSettings:
		w.settings = r.Settings
	case KindAdded:
		m.applyAdded(w, r.Account)
	case KindRemoved:
		if r.Account.Origin == Derived {
			w.next = max(w.next, r.Account.Index+1)
		}
		m.applyRemoved(w, r.Account.Key)
	}
	return nil
}

func (m *Machine) applyAdded(w *wallet, a Account) {
	if a.Origin == Derived {
		w.next = max(w.next, a.Index+1)
	}
	if at, known := w.index[a.Key]; known { // a watched one whose key was found
		w.accounts[at] = a
		return
	}
	w.index[a.Key] = len(w.accounts)
	w.accounts = append(w.accounts, a)
	m.owners[a.Key] = append(m.owners[a.Key], w.id)
}

func (m *Machine) applyRemoved(w *wallet, key lattice.Account) {
	at, known := w.index[key]
	if !known {
		return
	}
	w.accounts = slices.Delete(w.accounts, at, at+1)
	delete(w.index, key)
	delete(w.scan, key)
	for i := at; i < len(w.accounts); i++ {
		w.index[w.accounts[i].Key] = i
	}
	m.owners[key] = slices.DeleteFunc(m.owners[key], func(id ID) bool { return id == w.id })
	if len(m.owners[key]) == 0 {
		delete(m.owners, key)
		if m.lanes[key] == nil {
			delete(m.work, key)
		}
	}
}

func (m *Machine) wallet(id ID) (*wallet, error) {
	if w := m.wallets[id]; w != nil {
		return w, nil
	}
	return nil, fmt.Errorf("%w: %v", ErrUnknownWallet, id)
}

func checkSettings(s Settings) error {
	if len(s.Label) > MaxLabel {
		return fmt.Errorf("%w: a label of %d bytes, want at most %d", ErrInvalid, len(s.Label), MaxLabel)
	}
	return nil
}

// Create makes a wallet, locked; noSecret makes one that only watches.
func (m *Machine) Create(id ID, noSecret bool, s Settings) error {
	if err := checkSettings(s); err != nil {
		return err
	}
	if m.wallets[id] != nil {
		return fmt.Errorf("wallet %v %w", id, ErrExists)
	}
	if len(m.wallets) >= MaxWallets {
		return fmt.Errorf("%w for another wallet: there are %d, the most that a node holds", ErrFull, MaxWallets)
	}
	m.emit(Record{Kind: KindCreated, Wallet: id, Flag: noSecret, Settings: s})
	return nil
}

// Configure replaces the settings of a wallet.
func (m *Machine) Configure(id ID, s Settings) error {
	w, err := m.wallet(id)
	if err == nil {
		err = checkSettings(s)
	}
	if err == nil && w.settings != s {
		m.emit(Record{Kind: KindSettings, Wallet: id, Settings: s})
	}
	return err
}

// SetReceiveMinimum sets the least that is received without being asked for.
func (m *Machine) SetReceiveMinimum(a lattice.Amount) {
	m.emit(Record{Kind: KindMinimum, Intent: Intent{Amount: a}})
	m.version++
}

// Unlock gives a wallet its secret until a time; zero: until it is locked. The
// machine owns the secret from here on and wipes it.
func (m *Machine) Unlock(id ID, s Secret, until time.Time) error {
	w, err := m.wallet(id)
	if err != nil {
		return err
	}
	if w.noSecret {
		return ErrWatchOnly
	}
	for _, a := range w.accounts {
		if a.Origin == Derived {
			if DerivedAccount(s.Seed, a.Index) != a {
				return fmt.Errorf("%w: the secret is not that of wallet %v", ErrInvalid, id)
			}
			break // one is enough
		}
	}
	w.lock()
	w.secret, w.until, w.keys = &s, until, map[lattice.Account]int{}
	for i := range s.Keys {
		w.keys[accountOf(s.Keys[i])] = i
	}
	m.version++
	return nil
}

func accountOf(private crypto.Seed) lattice.Account {
	return lattice.Account(crypto.NewPrivateKey(private).Public())
}

func (w *wallet) lock() {
	if w.secret != nil {
		w.secret.Wipe()
	}
	w.secret, w.keys, w.until = nil, nil, time.Time{}
}

// Lock takes the secret away. What is not signed yet waits, if it has an id,
// and is dropped if not.
func (m *Machine) Lock(id ID) error {
	w, err := m.wallet(id)
	if err != nil {
		return err
	}
	w.lock()
	m.version++
	for _, n := range slices.Clone(m.open) {
		o := m.ops[n]
		switch {
		case o == nil || o.wallet != id || o.state != StateReserved:
		case o.id == "":
			m.end(o, StateReleased, ErrLocked)
		default:
			m.ready.Done = append(m.ready.Done, Outcome{Op: n, Err: ErrLocked})
		}
	}
	return nil
}

// key returns the private key of an account.
func (w *wallet) key(account lattice.Account) (crypto.PrivateKey, error) {
	at, known := w.index[account]
	switch {
	case !known:
		return crypto.PrivateKey{}, fmt.Errorf("%w: %v", ErrUnknownAccount, account)
	case w.accounts[at].Origin == Watched:
		return crypto.PrivateKey{}, ErrWatchOnly
	case w.secret == nil:
		return crypto.PrivateKey{}, ErrLocked
	case w.accounts[at].Origin == Derived:
		seed := crypto.AccountSeed(w.secret.Seed, w.accounts[at].Index)
		defer seed.Wipe()
		return crypto.NewPrivateKey(seed), nil
	}
	i, known := w.keys[account]
	if !known {
		return crypto.PrivateKey{}, fmt.Errorf("%w: the keystore does not hold its key", ErrUnknownAccount)
	}
	return crypto.NewPrivateKey(w.secret.Keys[i]), nil
}

// Sign signs 32 bytes with the key of an account.
func (m *Machine) Sign(id ID, account lattice.Account, message lattice.Hash) (crypto.Signature, error) {
	w, err := m.wallet(id)
	if err != nil {
		return crypto.Signature{}, err
	}
	key, err := w.key(account)
	if err != nil {
		return crypto.Signature{}, err
	}
	return key.Sign(message[:]), nil
}

// Derive adds the next count accounts of the seed, or the one with an index,
// and returns them. The wallet must be unlocked.
func (m *Machine) Derive(id ID, index *uint32, count int) ([]Account, error) {
	w, err := m.wallet(id)
	switch {
	case err != nil:
		return nil, err
	case w.noSecret:
		return nil, ErrWatchOnly
	case w.secret == nil:
		return nil, ErrLocked
	case len(w.accounts)+count > MaxAccounts:
		return nil, fmt.Errorf("%w for %d more accounts: a wallet has at most %d", ErrFull, count, MaxAccounts)
	}
	added := make([]Account, 0, count)
	if index != nil {
		added = append(added, DerivedAccount(w.secret.Seed, *index))
	}
	for i := w.next; len(added) < count; i++ {
		if a := DerivedAccount(w.secret.Seed, i); !m.has(w, a.Key) {
			added = append(added, a)
		}
	}
	return added, m.Add(id, added)
}

func (m *Machine) has(w *wallet, key lattice.Account) bool {
	_, known := w.index[key]
	return known
}

// Add adds accounts that were found, or shall be watched. One that is there
// already stays as it is.
func (m *Machine) Add(id ID, accounts []Account) error {
	w, err := m.wallet(id)
	if err != nil {
		return err
	}
	if len(w.accounts)+len(accounts) > MaxAccounts {
		return fmt.Errorf("%w for %d more accounts: a wallet has at most %d", ErrFull, len(accounts), MaxAccounts)
	}
	for _, a := range accounts {
		if at, known := w.index[a.Key]; !known || w.accounts[at].Origin == Watched && a.Origin != Watched {
			m.emit(Record{Kind: KindAdded, Wallet: id, Account: a})
		}
	}
	return nil
}

// AddKey adds an account with a key of its own. The wallet must be unlocked, and
// its keystore must hold the key already.
func (m *Machine) AddKey(id ID, private crypto.Seed) (Account, error) {
	w, err := m.wallet(id)
	if err != nil {
		return Account{}, err
	}
	if w.secret == nil {
		return Account{}, ErrLocked
	}
	a := Account{Key: accountOf(private), Origin: AdHoc}
	if err := m.Add(id, []Account{a}); err != nil {
		return a, err
	}
	if _, known := w.keys[a.Key]; !known {
		w.keys[a.Key] = len(w.secret.Keys)
		w.secret.Keys = append(w.secret.Keys, private)
	}
	return a, nil
}

// Remove takes an account out of a wallet. Its money stays where it is, and the
// words of the wallet still lead to it if it is a derived one.
func (m *Machine) Remove(id ID, key lattice.Account) error {
	w, err := m.wallet(id)
	if err != nil {
		return err
	}
	at, known := w.index[key]
	if !known {
		return fmt.Errorf("%w: %v", ErrUnknownAccount, key)
	}
	if l := m.lanes[key]; l != nil && len(l.queue) > 0 {
		return fmt.Errorf("%w: %d blocks of the account are on their way: wait for them", ErrInvalid, len(l.queue))
	}
	m.emit(Record{Kind: KindRemoved, Wallet: id, Account: w.accounts[at]})
	return nil
}

// SetOnline tells which representatives vote now.
func (m *Machine) SetOnline(reps []Representative) { m.online = reps }

// Version changes whenever Views would.
func (m *Machine) Version() uint64 { return m.version }

// View is a wallet as it is shown. It is not changed once it was made.
type View struct {
	ID       ID
	Settings Settings
	NoSecret bool // it only watches
	Locked   bool
	Until    time.Time // zero: until it is locked
	Accounts []Account
	Next     uint32 // index of the next derived account
}

// ReceiveMinimum returns the least that is received without being asked for.
func (m *Machine) ReceiveMinimum() lattice.Amount { return m.cfg.ReceiveMinimum }

// Views returns all wallets in the order in which they were made.
func (m *Machine) Views() []View {
	out := make([]View, len(m.order))
	for i, id := range m.order {
		w := m.wallets[id]
		out[i] = View{
			ID: id, Settings: w.settings, NoSecret: w.noSecret, Locked: w.secret == nil, Until: w.until,
			Accounts: slices.Clone(w.accounts), Next: w.next,
		}
	}
	return out
}

// Wipe takes all secrets away: the driver ends.
func (m *Machine) Wipe() {
	for _, id := range m.order {
		m.wallets[id].lock()
	}
}

// permanent reports whether an error will be the same next time.
func permanent(err error) bool {
	for _, e := range refusals {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
