package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	wallets "github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// blockCommands are the steps of a payment whose key never comes near a network:
// a file goes from "create" to "sign" and back to "publish".
func blockCommands() []command {
	return []command{
		{"block create", "[flags] send FROM ADDRESS|URI [AMOUNT] | receive ACCOUNT [HASH] | change ACCOUNT REPRESENTATIVE", "prepare a block for another machine to sign", runBlockCreate},
		{"block sign", "[flags] FILE", "show what a prepared block does, and sign it; needs no network", runBlockSign},
		{"block publish", "[flags] FILE", "find work for a signed block and publish it", runBlockPublish},
	}
}

// outFlag declares where a block file is written to.
func outFlag(flags *flag.FlagSet) *string {
	return flags.String("out", "", "file to write, which must not be there; default: standard output")
}

// writeBlock writes a block file, and says on standard error what is in it.
func (p *program) writeBlock(f *blockFile, path string) error {
	text, err := f.encode()
	if err != nil {
		return err
	}
	for _, line := range f.describe() {
		fmt.Fprintln(p.err, line)
	}
	if path == "" {
		_, err = p.out.Write(text)
		return err
	}
	return newFile(path, string(text))
}

func runBlockCreate(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, false)
	out := outFlag(flags)
	opener := flags.String("representative", "", "of an account that is opened; default: one that votes and has little weight")
	words, done, err := r.begin(args, 2, 4)
	if err != nil {
		return err
	}
	defer done()
	f := &blockFile{}
	if f.network, err = r.network(); err != nil {
		return err
	}
	intent, err := r.intent(f, words)
	if err != nil {
		return err
	}
	info, err := r.frontier(f, intent.Account)
	if err != nil {
		return err
	}
	var rep lattice.Account
	if !info.Opened() {
		if rep, err = r.opener(*opener); err != nil {
			return err
		}
	}
	if f.block, err = wallets.Compose(info, intent, rep); err != nil {
		if errors.Is(err, wallets.ErrInsufficient) {
			return withCode{err, errFunds}
		}
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	return p.writeBlock(f, *out)
}

// network asks the node for its network.
func (r *walletRun) network() (*lattice.Network, error) {
	var v struct{ Network string }
	if err := r.node.ask(r.ctx, "version", nil, &v); err != nil {
		return nil, err
	}
	return lattice.NetworkByName(v.Network)
}

// intent reads what the block shall do.
func (r *walletRun) intent(f *blockFile, words []string) (i wallets.Intent, err error) {
	if i.Account, err = lattice.ParseAccount(words[1]); err != nil {
		return i, usageError{err}
	}
	switch words[0] {
	case "send":
		if len(words) < 3 {
			return i, misused("to whom? write: send FROM ADDRESS AMOUNT")
		}
		to, err := parseInvoice(words[2])
		if err == nil {
			err = to.settle(words[3:])
		}
		if err != nil {
			return i, usageError{err}
		}
		i.Subtype, i.Link, i.Amount = lattice.Send, lattice.Link(to.account), to.amount
		return i, nil
	case "receive":
		if len(words) > 3 {
			return i, misused("%d arguments, want: receive ACCOUNT [HASH]", len(words))
		}
		i.Subtype = lattice.Receive
		return i, r.receivable(f, &i, words[2:])
	case "change":
		if len(words) != 3 {
			return i, misused("%d arguments, want: change ACCOUNT REPRESENTATIVE", len(words))
		}
		i.Subtype = lattice.Change
		if i.Representative, err = lattice.ParseAccount(words[2]); err != nil {
			err = usageError{err}
		}
		return i, err
	}
	return i, misused("%q is no kind of block: want send, receive or change", words[0])
}

// receivable finds what can be received: the send with the hash that was given,
// else the largest.
func (r *walletRun) receivable(f *blockFile, i *wallets.Intent, given []string) error {
	var found struct {
		Blocks map[string]struct{ Amount string }
	}
	params := map[string]any{"account": i.Account.String(), "source": true, "sorting": true, "count": 1}
	if len(given) > 0 {
		hash, err := lattice.ParseHash(given[0])
		if err != nil {
			return usageError{err}
		}
		params = map[string]any{"account": i.Account.String(), "source": true, "start": hash.String(), "count": 1}
	}
	if err := r.node.ask(r.ctx, "receivable", params, &found); err != nil {
		return err
	}
	for text, entry := range found.Blocks {
		hash, err := lattice.ParseHash(text)
		if err != nil || len(given) > 0 && !strings.EqualFold(text, given[0]) {
			continue
		}
		i.Link, i.Amount = lattice.Link(hash), rawAmount(entry.Amount)
		return r.source(f, hash)
	}
	return fmt.Errorf("%v has nothing confirmed to receive%s", i.Account, strings.Join(append([]string{""}, given...), " of "))
}

// source puts a send and the block before it into the file, if the node has them
// still.
func (r *walletRun) source(f *blockFile, hash lattice.Hash) (err error) {
	if f.source, err = r.contents(hash); err != nil || f.source == nil {
		return err
	}
	f.beforeSource, err = r.contents(f.source.Previous)
	return err
}

// contents returns a block of the ledger; nil when it is not there any more.
func (r *walletRun) contents(hash lattice.Hash) (*lattice.Block, error) {
	var a struct{ Contents json.RawMessage }
	err := r.node.ask(r.ctx, "block_info", map[string]any{"hash": hash.String(), "json_block": true}, &a)
	if rpc.IsCode(err, "block_not_found") || rpc.IsCode(err, "block_pruned") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := rpc.DecodeBlock(a.Contents)
	return &b, err
}

// frontier puts the newest block of an account into the file.
func (r *walletRun) frontier(f *blockFile, account lattice.Account) (info lattice.AccountInfo, err error) {
	var a struct {
		Frontier string
		Blocks   uint64 `json:"block_count,string"`
	}
	err = r.node.ask(r.ctx, "account_info", map[string]any{"account": account.String()}, &a)
	if rpc.IsCode(err, "account_not_found") {
		return info, nil
	}
	if err != nil {
		return info, err
	}
	if info.Frontier, err = lattice.ParseHash(a.Frontier); err != nil {
		return info, err
	}
	if f.previous, err = r.contents(info.Frontier); err != nil {
		return info, err
	}
	if f.previous == nil {
		return info, fmt.Errorf("the newest block %v of the account is not there any more: it was replaced; ask again", info.Frontier)
	}
	info.Height, info.Balance, info.Representative = a.Blocks, f.previous.Balance, f.previous.Representative
	return info, nil
}

// opener chooses a representative for a new account, as the wallets do.
func (r *walletRun) opener(given string) (lattice.Account, error) {
	if given != "" {
		rep, err := lattice.ParseAccount(given)
		if err != nil {
			err = usageError{err}
		}
		return rep, err
	}
	var a struct {
		Representatives map[string]struct{ Weight string }
	}
	if err := r.node.ask(r.ctx, "representatives_online", map[string]any{"weight": true}, &a); err != nil {
		return lattice.Account{}, err
	}
	var online []wallets.Representative
	for text, rep := range a.Representatives {
		if account, err := lattice.ParseAccount(text); err == nil {
			online = append(online, wallets.Representative{Account: account, Weight: rawAmount(rep.Weight)})
		}
	}
	rep, found := wallets.Draw(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), online, wallets.DefaultConfig().RepresentativeCap)
	if !found {
		return rep, errors.New("no representative votes now: name one with --representative")
	}
	return rep, nil
}

// signer is where the key of "block sign" comes from.
type signer struct {
	asker
	keyFD, wordsFD, passwordFD int
	backup                     string
	index                      uint
}

func runBlockSign(p *program, flags *flag.FlagSet, args []string) error {
	s := signer{asker: newAsker(p)}
	out := outFlag(flags)
	flags.IntVar(&s.keyFD, "key-fd", -1, "read the private key, 64 hexadecimal digits, from this file descriptor")
	flags.IntVar(&s.wordsFD, "words-fd", -1, "read the 24 words from this file descriptor, on one line, instead of asking")
	flags.StringVar(&s.backup, "backup", "", "take the key from a file of \"wallet backup\"")
	flags.IntVar(&s.passwordFD, "password-fd", -1, "read the password of the backup from this file descriptor instead of asking")
	flags.UintVar(&s.index, "index", 0, "number of the account among those of the words")
	yes := flags.Bool("yes", false, "sign without asking back")
	flags.Bool("json", false, "tell errors as JSON; the result is JSON anyway")
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 || s.index > 1<<32-2 {
		return misused("want one FILE, and an --index below 2^32")
	}
	f, err := readBlockFile(words[0])
	if err != nil {
		return err
	}
	for _, line := range f.describe() {
		fmt.Fprintln(p.err, line)
	}
	if !*yes {
		if err := s.confirm("Sign this? Write yes: "); err != nil {
			return err
		}
	}
	if err := s.sign(f); err != nil {
		return err
	}
	text, err := f.encode()
	switch {
	case err != nil:
		return err
	case *out == "":
		_, err = p.out.Write(text)
		return err
	}
	return newFile(*out, string(text))
}

// confirm asks back on the terminal.
func (a *asker) confirm(question string) error {
	if !a.interactive() {
		return misused("the standard input is no terminal: look at what it does and say --yes")
	}
	fmt.Fprint(a.say, question)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "yes" {
		return errors.New("not signed")
	}
	return nil
}

// sign finds the key and signs with it.
func (s *signer) sign(f *blockFile) error {
	if s.keyFD >= 0 {
		text, err := s.secret("private key", s.keyFD)
		if err != nil {
			return err
		}
		seed, err := parseSecret([]byte(text))
		if err != nil {
			return fmt.Errorf("private key: %w", err)
		}
		return f.sign(crypto.NewPrivateKey(seed))
	}
	secret, err := s.walletSecret()
	if err != nil {
		return err
	}
	defer secret.Wipe()
	seed := crypto.AccountSeed(secret.Seed, uint32(s.index))
	defer seed.Wipe()
	for i := range secret.Keys { // one that was added to the wallet
		if key := crypto.NewPrivateKey(secret.Keys[i]); lattice.Account(key.Public()) == f.block.Account {
			return f.sign(key)
		}
	}
	return f.sign(crypto.NewPrivateKey(seed))
}

func (s *signer) walletSecret() (wallets.Secret, error) {
	if s.backup == "" {
		text, err := s.secret("24 words", s.wordsFD)
		if err != nil {
			return wallets.Secret{}, err
		}
		seed, err := crypto.ParseMnemonic([]byte(text))
		return wallets.Secret{Seed: seed}, err
	}
	sealed, err := config.ReadSmall(s.backup)
	if err != nil {
		return wallets.Secret{}, err
	}
	password, err := s.secret("password of the backup", s.passwordFD)
	if err != nil {
		return wallets.Secret{}, err
	}
	plain, err := crypto.OpenKeystore([]byte(password), sealed)
	if errors.Is(err, crypto.ErrWrongPassword) {
		return wallets.Secret{}, withCode{err, errPassword}
	}
	if err != nil {
		return wallets.Secret{}, err
	}
	defer clear(plain)
	return wallets.ParseSecret(plain)
}

func runBlockPublish(p *program, flags *flag.FlagSet, args []string) error {
	r := newWalletRun(p, flags, false)
	here := flags.Int("work-threads", 0, "find the work in this program with so many threads; 0: the node finds it")
	words, done, err := r.begin(args, 1, 1)
	if err != nil {
		return err
	}
	defer done()
	f, err := readBlockFile(words[0])
	if err != nil {
		return err
	}
	network, err := r.network()
	if err != nil {
		return err
	}
	e := f.effect()
	switch {
	case network.Name != f.network.Name:
		return fmt.Errorf("the block is for the network %s and the node is of %s", f.network.Name, network.Name)
	case !f.signed():
		return errors.New("the block is not signed: take the file to \"block sign\"")
	}
	if threshold := network.Threshold(e.subtype); !work.Valid(f.block.Root(), f.block.Work, threshold) {
		stop := p.progress("finding work")
		f.block.Work, err = r.findWork(f.block.Root(), threshold, *here)
		stop()
		if err != nil {
			return err
		}
	}
	var a struct {
		Hash string `json:"hash"`
	}
	err = r.node.ask(r.ctx, "process", map[string]any{
		"json_block": true, "subtype": e.subtype.String(), "block": json.RawMessage(rpc.EncodeBlock(&f.block)),
	}, &a)
	if rpc.IsCode(err, "old") { // published before: that is what was wanted
		a.Hash, err = network.HashOf(&f.block).String(), nil
	}
	if err != nil {
		return err
	}
	return r.show(map[string]any{"hash": a.Hash, "subtype": e.subtype.String(), "amount": e.amount.Raw()}, func() {
		fmt.Fprintf(p.out, "published %s\n", a.Hash)
	})
}

// findWork finds work here, or has the node find it.
func (r *walletRun) findWork(root lattice.Root, threshold uint64, threads int) (uint64, error) {
	if threads > 0 {
		return work.Search(context.Background(), root, threshold, rand.Uint64(), threads)
	}
	var a struct{ Work string }
	err := r.node.ask(r.ctx, "work_generate", map[string]any{"hash": lattice.Hash(root).String(), "difficulty": fmt.Sprintf("%016x", threshold)}, &a)
	if err != nil {
		return 0, err
	}
	return parseNonce(a.Work)
}
