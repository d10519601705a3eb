package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Ways in which the wallet actions fail.
var (
	walletsDisabled = &errorKind{"wallets_disabled", "Wallets are disabled", numberRefused}
	badWallet       = &errorKind{"bad_wallet", "Bad wallet number", numberParams}
	badWords        = &errorKind{"bad_words", "Invalid words", numberParams}
	badKeystore     = &errorKind{"bad_keystore", "Invalid keystore", numberParams}
	badPassword     = &errorKind{"bad_password", "Invalid password", numberRefused}
	walletNotFound  = &errorKind{"wallet_not_found", "Wallet not found", numberRefused}
	walletLocked    = &errorKind{"wallet_locked", "Wallet is locked", numberRefused}
	walletFull      = &errorKind{"wallet_full", "No room in the wallet", numberRefused}
	notInWallet     = &errorKind{"account_not_in_wallet", "Account not found in wallet", numberRefused}
	watchOnly       = &errorKind{"watch_only", "Account is only watched", numberRefused}
	insufficient    = &errorKind{"insufficient_balance", "Insufficient balance", numberRefused}
	idReused        = &errorKind{"id_reused", "Id already used with other parameters", numberRefused}
	placeTaken      = &errorKind{"place_taken", "Block was replaced by another", numberRefused}
)

// walletErrors is every kind that only wallets know; allErrors ends with them.
var walletErrors = []*errorKind{
	walletsDisabled, badWallet, badWords, badKeystore, badPassword, walletNotFound, walletLocked, walletFull, notInWallet, watchOnly,
	insufficient, idReused, placeTaken,
}

// walletFaults translates the errors of the wallets.
var walletFaults = []struct {
	err  error
	kind *errorKind
}{
	{ErrNoWallets, walletsDisabled},
	{wallet.ErrUnknownWallet, walletNotFound},
	{wallet.ErrUnknownAccount, notInWallet},
	{wallet.ErrLocked, walletLocked},
	{wallet.ErrWatchOnly, watchOnly},
	{wallet.ErrInsufficient, insufficient},
	{wallet.ErrIDReused, idReused},
	{wallet.ErrNotReceivable, unreceivable},
	{wallet.ErrNotOpen, accountNotFound},
	{wallet.ErrNothingToDo, noChange},
	{wallet.ErrFull, walletFull},
	{wallet.ErrTaken, placeTaken},
	{wallet.ErrInvalid, badParameter},
	{wallet.ErrExists, badParameter},
	{crypto.ErrWrongPassword, badPassword},
	{crypto.ErrBadKeystore, badKeystore},
	{syscall.ENOSPC, readOnly},
}

// walletAnswer returns the answer for an error of the wallets, nil for others.
func walletAnswer(err error) *Error {
	for _, f := range walletFaults {
		if errors.Is(err, f.err) {
			return f.kind.because("%s", err)
		}
	}
	return nil
}

var (
	paramWallet = need("wallet", formKey, "the wallet")

	// anyWallet is how every action fails that is about one wallet.
	anyWallet = []*errorKind{walletsDisabled, badWallet, walletNotFound}
)

func ofWallet(more ...*errorKind) []*errorKind {
	return append(append([]*errorKind{}, anyWallet...), more...)
}

var walletSettings = []param{
	may("label", formText, "name of the wallet, up to 100 bytes"),
	may("auto_receive", formFlag, "receive what arrives, from receive_minimum up, whenever the wallet is unlocked; default true"),
	may("representative", formAccount, "for accounts that are opened; default: one is drawn among those that vote and have little weight"),
}

var walletActions = []*action{
	{
		name: "wallet_create", role: Operator, cost: 20,
		summary: "Make a wallet on the node, unlocked until it is locked or the node stops. Its words are answered this once; with " +
			"words or a seed given it is theirs, and the accounts that were used before are found in the ledger.",
		params: append([]param{
			may("password", formText, "guards the wallet on the disk; without one the wallet is unlocked by itself at each start"),
			may("words", formText, "24 words to make it of"),
			may("seed", formKey, "seed to make it of"),
		}, walletSettings...),
		result: append(slices.Clone(walletMade),
			maybe("words", formText, "24 words that are the wallet; told this once, and only when they were made here")),
		errors: []*errorKind{walletsDisabled, badWords, badSeed, badAccount, otherNetwork, walletFull}, handle: walletCreate,
	},
	{
		name: "wallet_restore", role: Operator, cost: 20,
		summary: "Make a wallet of 24 words, a seed or an exported keystore, and find the accounts that were used before: those with " +
			"a block and those that somebody has sent to, until 20 in a row are unused.",
		params: append([]param{
			may("words", formText, "24 words"),
			may("seed", formKey, "a seed"),
			may("keystore", formText, "a keystore from wallet_export"),
			may("password", formText, "guards the wallet on this node; opens the keystore, if one is given"),
		}, walletSettings...),
		result: walletMade,
		errors: []*errorKind{walletsDisabled, badWords, badSeed, badKeystore, badPassword, badAccount, otherNetwork, walletFull}, handle: walletRestore,
	},
	{
		name: "wallet_list", role: Operator,
		summary: "Wallets of the node.",
		result: []field{
			has("wallets", formList, "in the order in which they were made"),
			has("wallets[].wallet", formKey, "the wallet"),
			has("wallets[].label", formText, "its name; may be empty"),
			has("wallets[].locked", formFlag, "whether its keys cannot be used now"),
			has("wallets[].watch_only", formFlag, "whether it has no keys at all"),
			has("wallets[].auto_receive", formFlag, "whether it receives by itself"),
			has("wallets[].accounts_count", formCount, "number of its accounts"),
		},
		errors: []*errorKind{walletsDisabled}, handle: walletList,
	},
	{
		name: "wallet_configure", role: Operator,
		summary: "Change the settings of a wallet. What is not given stays as it is.",
		params:  append([]param{paramWallet}, walletSettings...),
		result:  []field{has("set", formOne, "1")},
		errors:  ofWallet(badAccount, otherNetwork), handle: walletConfigure,
	},
	{
		name: "wallet_lock", role: Operator,
		summary: "Take the keys of a wallet out of memory. Sends with an id that are not signed yet go out when it is unlocked again.",
		params:  []param{paramWallet},
		result:  []field{has("locked", formOne, "1")},
		errors:  anyWallet, handle: walletLock,
	},
	{
		name: "wallet_unlock", aliases: []string{"password_enter"}, role: Operator, cost: 20,
		summary: "Unlock a wallet.",
		params: []param{
			paramWallet,
			may("password", formText, "its password"),
			may("timeout", formNumber, "lock it again after so many seconds; default 0: when it is locked or the node stops"),
		},
		result: []field{has("valid", formOne, "1, or 0 when the password is wrong")},
		errors: ofWallet(watchOnly), handle: walletUnlock,
	},
	{
		name: "wallet_locked", role: Operator,
		summary: "Whether a wallet is locked.",
		params:  []param{paramWallet},
		result: []field{
			has("locked", formOne, "1 or 0"),
			maybe("locked_at", formTime, "when it will be locked by itself"),
		},
		errors: anyWallet, handle: walletIsLocked,
	},
	{
		name: "wallet_change_password", role: Operator, cost: 40,
		summary: "Give a wallet another password. It stays locked or unlocked as it is.",
		params: []param{
			paramWallet,
			may("password", formText, "the one it has; none when it has none"),
			need("new_password", formText, "the one it gets; empty for none"),
		},
		result: []field{has("changed", formOne, "1")},
		errors: ofWallet(badPassword), handle: walletChangePassword,
	},
	{
		name: "wallet_export", role: Operator, cost: 20,
		summary: "Sealed keystore of a wallet, and with its password the words. Neither holds which accounts are used: that is found in " +
			"the ledger; keys that were added and are not of the seed are in the keystore only.",
		params: []param{
			paramWallet,
			may("words", formFlag, "answer the words; needs the password; default false"),
			may("password", formText, "password of the wallet"),
		},
		result: []field{
			has("keystore", formText, "JSON; opened by the password"),
			maybe("words", formText, "24 words; whoever has them has the money"),
		},
		errors: ofWallet(badPassword), handle: walletExport,
	},
	{
		name: "wallet_add", role: Operator, cost: 40,
		summary: "Add a key that does not come from the seed of the wallet. The words do not bring it back: export the wallet.",
		params: []param{
			paramWallet,
			need("key", formKey, "private key: an Ed25519 seed"),
			may("password", formText, "password of the wallet"),
		},
		result: []field{has("account", formAccount, "account of the key")},
		errors: ofWallet(badKey, badPassword, walletLocked, watchOnly, walletFull), handle: walletAdd,
	},
	{
		name: "wallet_watch_add", role: Operator,
		summary: "Watch accounts whose keys are elsewhere. Without a wallet a new one is made that has no keys at all.",
		params: []param{
			may("wallet", formKey, "the wallet"),
			need("accounts", formAccounts, "the accounts, at most 100"),
			may("label", formText, "name of a new wallet"),
		},
		result: []field{
			has("success", formOne, "1"),
			has("wallet", formKey, "the wallet"),
		},
		errors: ofWallet(badAccount, otherNetwork, tooMany, walletFull), handle: walletWatchAdd,
	},
}

var walletMade = []field{
	has("wallet", formKey, "the new wallet"),
	has("account", formAccount, "its first account"),
	has("restored_count", formCount, "accounts that were found in the ledger"),
	maybe("last_restored_account", formAccount, "the last of them"),
}

// wallets returns the wallets of the node.
func (c *call) wallets() (Wallets, error) {
	w := c.backend.Wallets()
	if w == nil {
		return nil, fmt.Errorf("%w: start it with a data folder", ErrNoWallets)
	}
	return w, w.Wait(c.ctx)
}

// walletID reads the number of a wallet.
func (c *call) walletID() wallet.ID {
	text, ok := c.scalar("wallet")
	if !ok {
		return wallet.ID{}
	}
	id, err := wallet.ParseID(text)
	if err != nil {
		c.fail(badWallet.because("wallet: %s", err))
	}
	return id
}

// openWallet reads which wallet is meant and finds it.
func (c *call) openWallet() (w Wallets, v wallet.View, err error) {
	id := c.walletID()
	if c.err != nil {
		return nil, v, c.err
	}
	if w, err = c.wallets(); err != nil {
		return nil, v, err
	}
	for _, v := range w.Views() {
		if v.ID == id {
			return w, v, nil
		}
	}
	return nil, v, walletNotFound.because("wallet: %s is not on this node", id)
}

// label reads the name of a wallet. It is shown on terminals, so that nothing in it may
// steer one.
func (c *call) label() string {
	label := c.word("label")
	if len(label) > wallet.MaxLabel {
		c.fail(badParameter.because("label: %d bytes, at most %d", len(label), wallet.MaxLabel))
	}
	if !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl) {
		c.fail(badParameter.because("label: control characters, or no UTF-8; want letters that can be shown"))
	}
	return label
}

// settings reads the settings of a wallet that has some already.
func (c *call) settings(s wallet.Settings) wallet.Settings {
	if c.has("label") {
		s.Label = c.label()
	}
	s.AutoReceive = c.flag("auto_receive", s.AutoReceive)
	if c.has("representative") {
		s.Representative = c.account("representative")
	}
	return s
}

func (c *call) password(name string) []byte { return []byte(c.word(name)) }

func walletCreate(c *call) (any, error) {
	seed, given := c.seedOrWords()
	if given == 0 && c.err == nil {
		if _, err := io.ReadFull(c.server.config.Random, seed[:]); err != nil {
			return nil, fmt.Errorf("read randomness for a wallet: %w", err)
		}
	}
	if given > 1 {
		c.fail(ambiguous.because("words: give words or a seed"))
	}
	return c.makeWallet(&wallet.Secret{Seed: seed}, given == 0)
}

func walletRestore(c *call) (any, error) {
	seed, given := c.seedOrWords()
	secret := wallet.Secret{Seed: seed}
	if c.has("keystore") {
		given++
	}
	switch {
	case c.err != nil:
		return nil, c.err
	case given == 0:
		return nil, missing.because("words: give words, a seed or a keystore")
	case given > 1:
		return nil, ambiguous.because("words: give one of words, seed and keystore")
	}
	if c.has("keystore") {
		w, err := c.wallets()
		if err != nil {
			return nil, err
		}
		if secret, err = w.Open(c.ctx, c.password("password"), []byte(c.word("keystore"))); err != nil {
			return nil, err
		}
	}
	return c.makeWallet(&secret, false)
}

// seedOrWords reads a seed in one of its spellings; given counts them.
func (c *call) seedOrWords() (seed crypto.Seed, given int) {
	if c.has("seed") {
		seed, given = c.key("seed", badSeed), given+1
	}
	if c.has("words") {
		given++
		words, err := crypto.ParseMnemonic([]byte(c.word("words")))
		if err != nil {
			c.fail(badWords.because("words: %s", err))
		}
		seed = words
	}
	return seed, given
}

// makeWallet makes a wallet of a secret, with the accounts that the ledger
// knows of it and at least the first.
func (c *call) makeWallet(secret *wallet.Secret, fresh bool) (any, error) {
	defer secret.Wipe()
	settings := c.settings(wallet.Settings{AutoReceive: true})
	password := c.password("password")
	if c.err != nil {
		return nil, c.err
	}
	w, err := c.wallets()
	if err != nil {
		return nil, err
	}
	var found []wallet.Account
	if !fresh {
		err = c.view(func(l Ledger) (err error) {
			found, err = wallet.Recover(l, secret.Seed, 0, wallet.Gap)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	first := wallet.DerivedAccount(secret.Seed, 0)
	accounts := append([]wallet.Account{first}, found...)
	for i := range secret.Keys {
		accounts = append(accounts, wallet.Account{Key: lattice.Account(crypto.NewPrivateKey(secret.Keys[i]).Public()), Origin: wallet.AdHoc})
	}
	answer := obj()
	if fresh {
		words := crypto.FormatMnemonic(secret.Seed)
		defer clear(words)
		answer.set("words", string(words))
	}
	own := wallet.Secret{Seed: secret.Seed, Keys: append([]crypto.Seed{}, secret.Keys...)} // Create wipes it
	id, err := w.Create(c.ctx, &own, password, settings, accounts)
	if err != nil {
		return nil, err
	}
	head := obj("wallet", crypto.PublicKey(id), "account", first.Key, "restored_count", len(found))
	if len(found) > 0 {
		head.set("last_restored_account", found[len(found)-1].Key)
	}
	return append(head, answer...), nil
}

func walletList(c *call) (any, error) {
	w, err := c.wallets()
	if err != nil {
		return nil, err
	}
	list := []object{}
	for _, v := range w.Views() {
		list = append(list, obj("wallet", crypto.PublicKey(v.ID), "label", v.Settings.Label, "locked", v.Locked, "watch_only", v.NoSecret,
			"auto_receive", v.Settings.AutoReceive, "accounts_count", len(v.Accounts)))
	}
	return obj("wallets", list), nil
}

func walletConfigure(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	s := c.settings(v.Settings)
	if c.err != nil {
		return nil, c.err
	}
	return obj("set", one(true)), w.Configure(c.ctx, v.ID, s)
}

func walletLock(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	return obj("locked", one(true)), w.Lock(c.ctx, v.ID)
}

func walletUnlock(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	password, timeout := c.password("password"), c.number("timeout", 0, math.MaxInt32, badParameter)
	if c.err != nil {
		return nil, c.err
	}
	if v.NoSecret {
		return nil, watchOnly.because("wallet: it has no keys")
	}
	var until time.Time
	if timeout > 0 {
		until = c.server.config.Now().Add(time.Duration(timeout) * time.Second)
	}
	err = w.Unlock(c.ctx, v.ID, password, until)
	if errors.Is(err, crypto.ErrWrongPassword) {
		return obj("valid", one(false)), nil
	}
	return obj("valid", one(true)), err
}

func walletIsLocked(c *call) (any, error) {
	_, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	answer := obj("locked", one(v.Locked))
	if !v.Until.IsZero() {
		answer.set("locked_at", v.Until)
	}
	return answer, nil
}

func walletChangePassword(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	password, next := c.password("password"), c.password("new_password")
	if c.err != nil {
		return nil, c.err
	}
	return obj("changed", one(true)), w.ChangePassword(c.ctx, v.ID, password, next)
}

func walletExport(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	words, password := c.flag("words", false), c.password("password")
	if c.err != nil {
		return nil, c.err
	}
	keystore, err := w.Keystore(v.ID)
	if err != nil {
		return nil, err
	}
	answer := obj("keystore", string(keystore))
	if words {
		secret, err := w.Open(c.ctx, password, keystore)
		if err != nil {
			return nil, err
		}
		defer secret.Wipe()
		text := crypto.FormatMnemonic(secret.Seed)
		defer clear(text)
		answer.set("words", string(text))
	}
	return answer, nil
}

func walletAdd(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	key, password := c.key("key", badKey), c.password("password")
	if c.err != nil {
		return nil, c.err
	}
	if v.NoSecret {
		return nil, watchOnly.because("wallet: it has no keys")
	}
	account, err := w.AddKey(c.ctx, v.ID, password, key)
	return obj("account", account.Key), err
}

func walletWatchAdd(c *call) (any, error) {
	accounts := c.accounts("accounts")
	if !c.has("wallet") {
		return c.watchNew(accounts)
	}
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	return obj("success", one(true), "wallet", crypto.PublicKey(v.ID)), w.Watch(c.ctx, v.ID, accounts)
}

// watchNew makes a wallet without keys.
func (c *call) watchNew(accounts []lattice.Account) (any, error) {
	label := c.label()
	w, err := c.wallets()
	if c.err != nil || err != nil {
		return nil, errors.Join(c.err, err)
	}
	list := make([]wallet.Account, len(accounts))
	for i, a := range accounts {
		list[i] = wallet.Account{Key: a, Origin: wallet.Watched}
	}
	id, err := w.Create(context.WithoutCancel(c.ctx), nil, nil, wallet.Settings{Label: label}, list)
	return obj("success", one(true), "wallet", crypto.PublicKey(id)), err
}
