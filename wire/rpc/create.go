package rpc

import (
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/crypto/work"
	"github.com/smallnano/smallnano/messages/lattice"
)

var createActions = []*action{
	{
		name: "block_create", role: Operator, cost: 5,
		summary: "Make a signed block with work, without publishing it. The balance is the balance after the block, not the amount.",
		params: []param{
			may("type", formText, "state; the only type"),
			need("key", formKey, "private key of the account: its Ed25519 seed"),
			may("account", formAccount, "refuse unless the key belongs to this account"),
			need("previous", formHash, "newest block of the account; 0 for its first"),
			need("representative", formAccount, "who shall vote with the balance"),
			need("balance", formAmount, "balance after the block"),
			may("link", formText, "destination account of a send, hash of the send of a receive, 0 for a change"),
			may("destination", formAccount, "instead of link: the account to send to"),
			may("source", formHash, "instead of link: the send to receive"),
			may("work", formWork, "work for the block; found by the node when not given"),
			may("difficulty", formWork, "threshold for the work; default that of what the block does"),
			paramJSON,
		},
		result: []field{
			has("hash", formHash, "of the block"),
			has("difficulty", formWork, "value that the work reaches"),
			has("block", formBlock, "a string that holds JSON, or an object with json_block"),
		},
		errors: []*errorKind{badAccount, otherNetwork, badHash, badKey, badAmount, badBlock, badWork, badDifficulty, difficultyLimit,
			keyMismatch, subtypeBalance, subtypePrevious, insufficientWork, workDisabled, workCancelled, workFailed},
		handle: blockCreate,
	},
}

func blockCreate(c *call) (any, error) {
	if kind := c.word("type"); c.has("type") && kind != "state" {
		c.fail(badBlock.because("type: %q is not a type of block here: state is the only one", clip(kind)))
	}
	private := crypto.NewPrivateKey(crypto.Seed(c.key("key", badKey)))
	b := lattice.Block{
		Account:        lattice.Account(private.Public()),
		Previous:       c.hashOrZero("previous"),
		Representative: c.account("representative"),
		Balance:        c.amount("balance"),
	}
	var meant lattice.Subtype
	b.Link, meant = c.linkOf()
	if c.has("account") {
		if account := c.account("account"); account != b.Account {
			c.fail(keyMismatch.because("key: it is the key of %s", b.Account))
		}
	}
	asObject := c.flag("json_block", false)
	if c.err != nil {
		return nil, c.err
	}
	subtype, err := c.subtypeOf(&b, meant)
	if err == nil && subtype == lattice.Open {
		err = c.checkUnopened(b.Account)
	}
	if err != nil {
		return nil, err
	}
	if err := c.giveWork(&b, subtype); err != nil {
		return nil, err
	}
	hash := b.Sign(c.network.ID, private)
	return obj("hash", hash, "difficulty", nonce(work.Value(b.Root(), b.Work)), "block", blockValue(&b, asObject)), nil
}

// hashOrZero reads a hash for which "0" stands for none.
func (c *call) hashOrZero(name string) lattice.Hash {
	if v, ok := c.params.get(name); ok && v.text == "0" {
		return lattice.Hash{}
	}
	return c.hash(name)
}

// linkOf reads the link by any of its names, and what the name says the block
// is meant to do: zero when it says nothing.
func (c *call) linkOf() (link lattice.Link, meant lattice.Subtype) {
	given := 0
	if c.has("destination") {
		link, meant, given = lattice.Link(c.account("destination")), lattice.Send, given+1
	}
	if c.has("source") {
		link, meant, given = lattice.Link(c.hash("source")), lattice.Receive, given+1
	}
	if c.has("link") {
		link, meant, given = c.link(), 0, given+1
	}
	if given > 1 {
		c.fail(ambiguous.because("link: give one of link, destination and source"))
	}
	return link, meant
}

func (c *call) link() lattice.Link {
	text := c.word("link")
	if text == "0" {
		return lattice.Link{}
	}
	if link, err := lattice.ParseLink(text); err == nil {
		return link
	}
	account, err := parseAccount("link", text)
	if err != nil {
		c.fail(err)
	}
	return lattice.Link(account)
}

// subtypeOf finds out what a block does, where the ledger has the block before
// it; else it returns what is meant. It refuses what cannot be meant: most of
// all a balance that is the amount of a send instead of what is left.
func (c *call) subtypeOf(b *lattice.Block, meant lattice.Subtype) (lattice.Subtype, error) {
	if b.Previous.IsZero() {
		if meant == lattice.Send {
			return 0, subtypePrevious.because("previous: the first block of an account cannot send")
		}
		return lattice.Open, nil
	}
	subtype := meant
	err := c.view(func(l Ledger) error {
		previous, found, err := l.Block(b.Previous)
		if err != nil || !found {
			return err
		}
		if previous.Block.Account != b.Account {
			return subtypePrevious.because("previous: block %s is in the chain of %s", b.Previous, previous.Block.Account)
		}
		subtype = b.Subtype(previous.Block.Balance)
		if meant != 0 && subtype != meant {
			return subtypeBalance.because("balance: it is the balance after the block, and the balance before it is %s raw",
				previous.Block.Balance.Raw())
		}
		return nil
	})
	return subtype, err
}

// checkUnopened refuses a second first block: it could only ever be a fork.
func (c *call) checkUnopened(account lattice.Account) error {
	return c.view(func(l Ledger) error {
		info, err := l.Account(account)
		if err == nil && info.Opened() {
			err = subtypePrevious.because("previous: the account has blocks already, the newest is %s", info.Frontier)
		}
		return err
	})
}

// giveWork checks the work that came with the request, or has it found.
func (c *call) giveWork(b *lattice.Block, subtype lattice.Subtype) error {
	threshold := c.network.Threshold(subtype) // of a send when it is not known
	if c.has("difficulty") {
		if threshold = c.difficulty(threshold); c.err != nil {
			return c.err
		}
	}
	if c.has("work") {
		b.Work = c.hex64("work", badWork)
		if c.err == nil && !work.Valid(b.Root(), b.Work, threshold) {
			c.fail(insufficientWork.because("work: its value for this block is %016x, and %016x is needed", work.Value(b.Root(), b.Work), threshold))
		}
		return c.err
	}
	found, err := c.generate(b.Root(), threshold)
	b.Work = found
	return err
}
