package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// walletFolder is where the node keeps its wallets, in the data folder.
const walletFolder = "wallets"

// unlockSeconds is for how long a command that had to ask for the password
// leaves the wallet unlocked.
const unlockSeconds = 60

// walletCommands are the commands of whoever has money. The wallets are those
// of a running node; passwords and words are never taken from the command line
// or the environment, where others on the machine can read them.
func walletCommands() []command {
	return []command{
		{"wallet new", "[flags]", "make a wallet and show its 24 words, this once", runWalletNew},
		{"wallet restore", "[flags]", "make a wallet of its words or its backup, with all accounts that were used", runWalletRestore},
		{"wallet list", "[flags]", "list the wallets of the node", runWalletList},
		{"wallet balance", "[flags]", "show what the accounts of a wallet have", runWalletBalance},
		{"wallet receive", "[flags] [AMOUNT]", "show an address to be paid at, as text and as a code to scan", runWalletReceive},
		{"wallet send", "[flags] ADDRESS|URI [AMOUNT]", "pay; AMOUNT is in smn, or raw as in 100raw", runWalletSend},
		{"wallet history", "[flags]", "list the newest payments of a wallet", runWalletHistory},
		{"wallet representative", "[flags] [ADDRESS]", "show who votes for the accounts of a wallet, or give the votes to another", runWalletRepresentative},
		{"wallet backup", "[flags] FILE", "write the sealed keystore of a wallet to a file", runWalletBackup},
		{"wallet change-password", "[flags]", "give a wallet another password", runWalletChangePassword},
		{"wallet unlock", "[flags]", "let the node use the keys of a wallet", runWalletUnlock},
		{"wallet lock", "[flags]", "take the keys of a wallet out of the node's memory", runWalletLock},
		{"wallet watch", "[flags] ADDRESS...", "watch accounts whose keys are elsewhere", runWalletWatch},
	}
}

// walletRun is one run of a wallet command.
type walletRun struct {
	asker
	p     *program
	flags *flag.FlagSet
	rpc   rpcFlags

	name       string // of the wallet, as it was given
	json       bool
	passwordFD int

	ctx    context.Context
	node   *client
	wallet walletRow
}

// walletRow is a wallet in wallet_list.
type walletRow struct {
	Wallet    string `json:"wallet"`
	Label     string `json:"label"`
	Locked    string `json:"locked"`
	WatchOnly string `json:"watch_only"`
	Accounts  string `json:"accounts_count"`
}

// newWalletRun declares the flags that all wallet commands have.
func newWalletRun(p *program, flags *flag.FlagSet, one bool) *walletRun {
	r := &walletRun{asker: newAsker(p), p: p, flags: flags}
	flags.StringVar(&r.rpc.dataDir, "data-dir", "", "data folder of the node: address and token are found in it")
	flags.StringVar(&r.rpc.tokenFile, "token-file", "", "file with the token for operators, instead of the one in the data folder")
	flags.StringVar(&r.rpc.url, "url", "", "address of the RPC, for example http://127.0.0.1:7177")
	flags.IntVar(&r.rpc.port, "rpc-port", 0, "port of the RPC on this machine, instead of --url")
	flags.BoolVar(&r.json, "json", false, "print the result as JSON")
	flags.IntVar(&r.passwordFD, "password-fd", -1, "read passwords from this file descriptor, a line each, instead of asking")
	if one {
		flags.StringVar(&r.name, "wallet", "", "label or number of the wallet, or how it begins; not needed when there is one")
	}
	return r
}

// begin reads the arguments and reaches the node. It returns the words that are
// no flags, of which there are least to most; most -1 is any number.
func (r *walletRun) begin(args []string, least, most int) (words []string, done func(), err error) {
	if words, err = interleaved(r.flags, args); err != nil {
		return nil, nil, err
	}
	if len(words) < least || most >= 0 && len(words) > most {
		return nil, nil, misused("%d arguments, want %s", len(words), span(least, most))
	}
	if r.node, err = r.rpc.client(r.p.environ); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	r.ctx = ctx
	if r.flags.Lookup("wallet") != nil {
		if err := r.choose(); err != nil {
			cancel()
			return nil, nil, err
		}
	}
	return words, cancel, nil
}

func span(least, most int) string {
	switch {
	case most < 0:
		return fmt.Sprintf("%d or more", least)
	case least == most:
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

func (r *walletRun) list() ([]walletRow, error) {
	var a struct{ Wallets []walletRow }
	err := r.node.ask(r.ctx, "wallet_list", nil, &a)
	return a.Wallets, err
}

// choose finds the wallet that is meant.
func (r *walletRun) choose() error {
	all, err := r.list()
	if err != nil {
		return err
	}
	var fit []walletRow
	for _, w := range all {
		if w.Label != "" && w.Label == r.name {
			fit = []walletRow{w}
			break
		}
		if strings.HasPrefix(w.Wallet, strings.ToUpper(r.name)) {
			fit = append(fit, w)
		}
	}
	switch {
	case len(all) == 0:
		return errors.New("the node has no wallet: make one with \"smallnano wallet new\"")
	case len(fit) == 0:
		return fmt.Errorf("no wallet is called %q: \"smallnano wallet list\" shows them", r.name)
	case len(fit) > 1:
		return fmt.Errorf("%d wallets fit: say which with --wallet LABEL", len(fit))
	}
	r.wallet = fit[0]
	return nil
}

// ask asks an action about the wallet.
func (r *walletRun) ask(action string, params map[string]any, to any) error {
	all := map[string]any{"wallet": r.wallet.Wallet}
	for k, v := range params {
		all[k] = v
	}
	return r.node.ask(r.ctx, action, all, to)
}

// askUnlocked is ask, and unlocks the wallet for a moment if that is needed.
func (r *walletRun) askUnlocked(action string, params map[string]any, to any) error {
	err := r.askSlowly(action, params, to)
	if !rpc.IsCode(err, "wallet_locked") {
		return err
	}
	if err := r.unlock(unlockSeconds); err != nil {
		return err
	}
	return r.askSlowly(action, params, to)
}

// askSlowly is ask for what may have to wait for work.
func (r *walletRun) askSlowly(action string, params map[string]any, to any) error {
	defer r.p.progress("the node finds work for the block")()
	return r.ask(action, params, to)
}

func (r *walletRun) unlock(seconds int) error {
	password, err := r.password("password of the wallet")
	if err != nil {
		return withCode{err, errPassword} // it is locked, and stays so
	}
	return r.unlockWith(password, seconds)
}

func (r *walletRun) unlockWith(password string, seconds int) error {
	var a struct{ Valid string }
	err := r.ask("wallet_unlock", map[string]any{"password": password, "timeout": seconds}, &a)
	if err == nil && a.Valid != "1" {
		err = errPassword
	}
	return err
}

// show prints a result: as JSON, or as text.
func (r *walletRun) show(result any, text func()) error { return r.p.show(r.json, result, text) }

// walletMade is what wallet_create and wallet_restore answer.
type walletMade struct {
	Wallet   string `json:"wallet"`
	Account  string `json:"account"`
	Restored string `json:"restored_count"`
	Words    string `json:"words,omitempty"`
}

// settings are the flags of a wallet that is made.
func (r *walletRun) settings() func() (map[string]any, error) {
	label := r.flags.String("label", "", "name of the wallet")
	manual := r.flags.Bool("no-auto-receive", false, "receive nothing without being told to")
	open := r.flags.Bool("no-password", false, "keep the wallet without a password: whoever can read the file has the money")
	return func() (map[string]any, error) {
		params := map[string]any{"label": *label, "auto_receive": !*manual}
		if *open {
			return params, nil
		}
		password, err := r.newPassword()
		params["password"] = password
		return params, err
	}
}

func runWalletNew(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, false)
	settings := r.settings()
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	params, err := settings()
	if err != nil {
		return err
	}
	var made walletMade
	if err := r.node.ask(r.ctx, "wallet_create", params, &made); err != nil {
		return err
	}
	return r.show(made, func() {
		fmt.Fprintf(p.out, "wallet   %s\naccount  %s\n\nThe wallet is these %d words. Write them on paper, in this order; they are not shown again.\n"+
			"Whoever has them has the money; without them and the password it is lost with this machine.\n\n",
			made.Wallet, made.Account, len(strings.Fields(made.Words)))
		for i, word := range strings.Fields(made.Words) {
			end := "  "
			if i%4 == 3 {
				end = "\n"
			}
			fmt.Fprintf(p.out, "%2d %-10s%s", i+1, word, end)
		}
	})
}

func runWalletRestore(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, false)
	settings := r.settings()
	file := flags.String("backup", "", "file that \"wallet backup\" wrote; its password opens it and stays the wallet's")
	wordsFD := flags.Int("words-fd", -1, "read the words from this file descriptor, on one line, instead of asking")
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	var keystore, words string
	if *file != "" {
		text, err := config.ReadSmall(*file)
		if err != nil {
			return fmt.Errorf("cannot read the backup: %w", err)
		}
		keystore = string(text)
	} else if words, err = r.secret("24 words", *wordsFD); err != nil {
		return err
	}
	var params map[string]any
	if keystore != "" && flags.Lookup("no-password").Value.String() != "true" {
		password, err := r.password("password of the backup")
		if err != nil {
			return err
		}
		params = map[string]any{"password": password, "keystore": keystore, "label": flags.Lookup("label").Value.String()}
	} else if params, err = settings(); err != nil {
		return err
	}
	if keystore != "" {
		params["keystore"] = keystore
	} else {
		params["words"] = words
	}
	var made walletMade
	if err := r.node.ask(r.ctx, "wallet_restore", params, &made); err != nil {
		return err
	}
	return r.show(made, func() {
		fmt.Fprintf(p.out, "wallet   %s\naccount  %s\n%s accounts were found in the ledger\n", made.Wallet, made.Account, made.Restored)
	})
}

func runWalletList(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, false)
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	all, err := r.list()
	if err != nil {
		return err
	}
	return r.show(map[string]any{"wallets": all}, func() {
		for _, w := range all {
			state := "unlocked"
			switch {
			case w.WatchOnly == "true":
				state = "watches"
			case w.Locked == "true":
				state = "locked"
			}
			fmt.Fprintf(p.out, "%s  %-8s  %s accounts  %s\n", w.Wallet[:16], state, w.Accounts, w.Label)
		}
	})
}

func runWalletHistory(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	count := flags.Int("count", 20, "most payments to list")
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	var a struct {
		History []struct {
			Type      string `json:"type"`
			Account   string `json:"account"`
			Amount    string `json:"amount"`
			Own       string `json:"block_account"`
			Hash      string `json:"hash"`
			Time      string `json:"local_timestamp"`
			Confirmed string `json:"confirmed"`
		} `json:"history"`
	}
	if err := r.ask("wallet_history", map[string]any{"count": *count}, &a); err != nil {
		return err
	}
	return r.show(a, func() {
		for _, e := range a.History {
			mark := ""
			if e.Confirmed != "true" {
				mark = "  (not confirmed yet)"
			}
			fmt.Fprintf(p.out, "%s  %-7s  %s smn  %s%s\n", localTime(e.Time), e.Type, inSMN(e.Amount), e.Account, mark)
		}
	})
}

func runWalletBackup(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	words := flags.Bool("words", false, "show the 24 words instead of writing a file")
	files, done, err := r.begin(args, 0, 1)
	if err != nil {
		return err
	}
	defer done()
	if *words == (len(files) == 1) {
		return misused("give the FILE to write, or --words")
	}
	params := map[string]any{}
	if *words {
		password, err := r.password("password of the wallet")
		if err != nil {
			return err
		}
		params = map[string]any{"words": true, "password": password}
	}
	var a struct{ Keystore, Words string }
	if err := r.ask("wallet_export", params, &a); err != nil {
		return err
	}
	if *words {
		return r.show(map[string]any{"words": a.Words}, func() { fmt.Fprintln(p.out, a.Words) })
	}
	if err := newFile(files[0], a.Keystore); err != nil {
		return err
	}
	return r.show(map[string]any{"file": files[0]}, func() {
		fmt.Fprintf(p.out, "%s written; it opens with the password of the wallet\n", files[0])
	})
}

// newFile writes a file that only its owner may read, and that must not be
// there.
func newFile(path, content string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is there already: remove it or choose another name", path)
	}
	if err := writeFile(filepath.Clean(path), content); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

func runWalletChangePassword(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	old, err := r.password("password that the wallet has (empty for none)")
	if err != nil {
		return err
	}
	next, err := r.newPassword()
	if err != nil {
		return err
	}
	if err := r.ask("wallet_change_password", map[string]any{"password": old, "new_password": next}, nil); err != nil {
		return err
	}
	return r.show(map[string]any{"changed": "1"}, func() { fmt.Fprintln(p.out, "password changed; older backups open with the older one") })
}

func runWalletUnlock(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	seconds := flags.Int("timeout", 0, "lock it again after so many seconds; 0: when it is locked or the node stops")
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	if err := r.unlock(*seconds); err != nil {
		return err
	}
	return r.show(map[string]any{"valid": "1"}, func() { fmt.Fprintln(p.out, "unlocked") })
}

func runWalletLock(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, true)
	_, done, err := r.begin(args, 0, 0)
	if err != nil {
		return err
	}
	defer done()
	if err := r.ask("wallet_lock", nil, nil); err != nil {
		return err
	}
	return r.show(map[string]any{"locked": "1"}, func() { fmt.Fprintln(p.out, "locked") })
}

func runWalletWatch(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, false)
	name := flags.String("wallet", "", "add them to this wallet; default: a new one that only watches")
	label := flags.String("label", "", "name of the new wallet")
	accounts, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		return misused("which addresses?")
	}
	if r.node, err = r.rpc.client(p.environ); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	r.ctx, r.name = ctx, *name
	params := map[string]any{"accounts": accounts, "label": *label}
	if r.name != "" {
		if err := r.choose(); err != nil {
			return err
		}
		params["wallet"] = r.wallet.Wallet
	}
	var a struct {
		Wallet string `json:"wallet"`
	}
	if err := r.node.ask(r.ctx, "wallet_watch_add", params, &a); err != nil {
		return err
	}
	return r.show(a, func() { fmt.Fprintf(p.out, "wallet %s watches %d accounts more\n", a.Wallet[:16], len(accounts)) })
}

// paymentID returns a name for a payment that nobody gave one.
func paymentID() (string, error) {
	var b [12]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return "cli-" + hex.EncodeToString(b[:]), nil
}

// inSMN shows an amount that the node told in raw.
func inSMN(raw string) string {
	a, err := lattice.ParseRaw(raw)
	if err != nil {
		return raw + " raw"
	}
	return a.String()
}
