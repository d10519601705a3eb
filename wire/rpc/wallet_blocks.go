package rpc

import (
	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// makeErrors is how every action fails that makes a block.
var makeErrors = ofWallet(badAccount, otherNetwork, notInWallet, walletLocked, watchOnly, walletFull, placeTaken, workDisabled, readOnly)

var walletBlockActions = []*action{
	{
		name: "send", role: Operator, cost: 10,
		summary: "Send from an account of a wallet. Give an id: asking again with it, also after a crash or a time-out, is answered with " +
			"the same block and never sends twice. The answer comes when this node has the block; block_info tells when it is confirmed.",
		params: []param{
			paramWallet,
			need("source", formAccount, "account of the wallet"),
			need("destination", formAccount, "who gets it"),
			need("amount", formAmount, "in raw"),
			may("id", formText, "name of this payment, up to 255 bytes, once and for ever in this wallet"),
		},
		result: []field{has("block", formHash, "of the send")},
		errors: append([]*errorKind{badAmount, insufficient, idReused, noChange}, makeErrors...), handle: send,
	},
	{
		name: "receive", role: Operator, cost: 10,
		summary: "Receive what a block sent to an account of a wallet.",
		params:  []param{paramWallet, paramAccount, need("block", formHash, "hash of the send")},
		result:  []field{has("block", formHash, "of the receive")},
		errors:  append([]*errorKind{badHash, unreceivable}, makeErrors...), handle: receive,
	},
	{
		name: "account_representative_set", role: Operator, cost: 10,
		summary: "Give the votes of an account of a wallet to a representative.",
		params:  []param{paramWallet, paramAccount, need("representative", formAccount, "who shall vote with the balance")},
		result:  []field{has("block", formHash, "of the change")},
		errors:  append([]*errorKind{accountNotFound, noChange}, makeErrors...), handle: accountRepresentativeSet,
	},
	{
		name: "search_receivable", aliases: []string{"search_pending"}, role: Operator, cost: 5,
		summary: "Have a wallet look now for what it can receive and for accounts that were used elsewhere with the same words.",
		params:  []param{paramWallet},
		result:  []field{has("started", formOne, "1"), maybe("deprecated", formOne, "1 when it was asked for by its older name")},
		errors:  ofWallet(walletLocked), handle: searchReceivable,
	},
	{
		name: "receive_minimum", role: Operator,
		summary: "Least amount that wallets receive by themselves.",
		result:  []field{has("amount", formAmount, "in raw")},
		errors:  []*errorKind{walletsDisabled}, handle: receiveMinimum,
	},
	{
		name: "receive_minimum_set", role: Operator,
		summary: "Set the least amount that wallets receive by themselves. It is kept.",
		params:  []param{need("amount", formAmount, "in raw")},
		result:  []field{has("success", formOne, "1")},
		errors:  []*errorKind{walletsDisabled, badAmount}, handle: receiveMinimumSet,
	},
	{
		name: "sign", role: Operator,
		summary: "Sign a block with a private key, or with the key of its account in a wallet. The block is not published, and this node " +
			"does not remember it: two blocks for one place make a fork.",
		params: []param{
			need("block", formBlock, "the block"),
			may("key", formKey, "private key of the account"),
			may("wallet", formKey, "wallet that holds the key"),
			paramJSON,
		},
		result: []field{
			has("signature", formSignature, "over the hash of the block"),
			has("block", formBlock, "the block with it; a string that holds JSON, or an object with json_block"),
			has("hash", formHash, "of the block"),
		},
		errors: ofWallet(badBlock, badKey, keyMismatch, notInWallet, walletLocked, watchOnly), handle: sign,
	},
}

// makeBlock has a wallet make a block, and waits for it in the place of those who
// wait: finding work may take a while.
func (c *call) makeBlock(intent wallet.Intent, id string) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	var hash lattice.Hash
	err = c.wait(func() (err error) {
		hash, err = w.Make(c.ctx, wallet.Request{Wallet: v.ID, Intent: intent, ID: id})
		return err
	})
	return obj("block", hash), err
}

func send(c *call) (any, error) {
	intent := wallet.Intent{
		Subtype: lattice.Send, Account: c.account("source"), Link: lattice.Link(c.account("destination")), Amount: c.amount("amount"),
	}
	id := c.word("id")
	if len(id) > wallet.MaxSendID {
		c.fail(badParameter.because("id: %d bytes, at most %d", len(id), wallet.MaxSendID))
	}
	if c.has("id") && id == "" {
		c.fail(badParameter.because("id: it is empty; leave it out, or give one"))
	}
	return c.makeBlock(intent, id)
}

func receive(c *call) (any, error) {
	return c.makeBlock(wallet.Intent{Subtype: lattice.Receive, Account: c.account("account"), Link: lattice.Link(c.hash("block"))}, "")
}

func accountRepresentativeSet(c *call) (any, error) {
	return c.makeBlock(wallet.Intent{
		Subtype: lattice.Change, Account: c.account("account"), Representative: c.account("representative"),
	}, "")
}

func searchReceivable(c *call) (any, error) {
	w, v, err := c.openWallet()
	if err != nil {
		return nil, err
	}
	return obj("started", one(true)), w.Search(c.ctx, v.ID)
}

func receiveMinimum(c *call) (any, error) {
	w, err := c.wallets()
	if err != nil {
		return nil, err
	}
	return obj("amount", w.ReceiveMinimum()), nil
}

func receiveMinimumSet(c *call) (any, error) {
	amount := c.amount("amount")
	if c.err != nil {
		return nil, c.err
	}
	w, err := c.wallets()
	if err != nil {
		return nil, err
	}
	return obj("success", one(true)), w.SetReceiveMinimum(c.ctx, amount)
}

func sign(c *call) (any, error) {
	b := c.block("block", false)
	asObject := c.flag("json_block", false)
	if c.has("key") == c.has("wallet") {
		c.fail(ambiguous.because("key: give a key or a wallet"))
	}
	if c.err != nil {
		return nil, c.err
	}
	hash, err := c.signBlock(&b)
	if err != nil {
		return nil, err
	}
	return obj("signature", b.Signature, "block", blockValue(&b, asObject), "hash", hash), nil
}

func (c *call) signBlock(b *lattice.Block) (lattice.Hash, error) {
	hash := c.network.HashOf(b)
	if c.has("wallet") {
		w, v, err := c.openWallet()
		if err != nil {
			return hash, err
		}
		b.Signature, err = w.Sign(c.ctx, v.ID, b.Account, hash)
		return hash, err
	}
	key := crypto.NewPrivateKey(crypto.Seed(c.key("key", badKey)))
	if c.err != nil {
		return hash, c.err
	}
	if owner := lattice.Account(key.Public()); owner != b.Account {
		return hash, keyMismatch.because("key: it is the key of %s", owner)
	}
	return b.Sign(c.network.ID, key), nil
}
