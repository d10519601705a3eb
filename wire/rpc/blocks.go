package rpc

import (
	"github.com/smallnano/smallnano/messages/lattice"
)

// unknownAccount stands for the account behind a send that is no longer here.
const unknownAccount = "0"

// blockResult is what is told of a block; prefix is where it stands.
func blockResult(prefix string) []field {
	fields := []field{
		has("block_account", formAccount, "whose chain the block is in"),
		has("amount", formAmount, "moved by the block; zero for a change"),
		has("balance", formAmount, "after the block"),
		has("height", formCount, "place in the chain, from 1"),
		has("local_timestamp", formTime, "local time at which the block arrived"),
		has("successor", formHash, "next block of the chain; zero for the frontier"),
		has("confirmed", formFlag, "whether the block is confirmed"),
		has("contents", formBlock, "the block: a string that holds JSON, or an object with json_block"),
		has("subtype", formText, "open, send, receive or change"),
		maybe("linked_account", formAccount, "the other account; 0 when there is none or the send is no longer here"),
	}
	for i := range fields {
		fields[i].name = prefix + fields[i].name
	}
	return fields
}

var (
	paramLinked = may("include_linked_account", formFlag, "add linked_account")
	blockErrors = []*errorKind{badHash, blockNotFound, blockPruned}
)

var blockActions = []*action{
	{
		name: "block_info", role: Public,
		summary: "A block and what is known of it. Instead of its hash, account and height name it too, also when it was pruned.",
		params: []param{
			may("hash", formHash, "hash of the block"),
			may("account", formAccount, "account, together with height"),
			may("height", formCount, "place in the account's chain, from 1"),
			paramJSON, paramLinked,
		},
		result: append(blockResult(""), maybe("hash", formHash, "of the block, when it was named by its height")),
		errors: append([]*errorKind{badAccount, otherNetwork, badCount, accountNotFound}, blockErrors...), handle: blockInfo,
	},
	{
		name: "blocks_info", role: Public, cost: 5,
		summary: "Several blocks and what is known of them.",
		params: []param{
			need("hashes", formHashes, "hashes, at most 100"),
			may("receivable", formFlag, "add whether what the block sent can still be received"),
			may("pending", formFlag, "older name of receivable"),
			may("source", formFlag, "add the account that sent what the block received"),
			may("receive_hash", formFlag, "add the block that received what this one sent"),
			may("include_not_found", formFlag, "list hashes that are not here instead of failing"),
			paramJSON, paramLinked,
		},
		result: append(append([]field{has("blocks", formMap, "block by hash")}, blockResult("blocks.*.")...),
			maybe("blocks.*.pending", formOne, "same as receivable"),
			maybe("blocks.*.receivable", formOne, "1 when the amount can still be received"),
			maybe("blocks.*.source_account", formAccount, "who sent what the block received; 0 when there is none or it is no longer here"),
			maybe("blocks.*.receive_hash", formHash, "block that received the amount; zero when none did"),
			maybe("blocks_not_found", formList, "hashes that are not here; when asked for"),
			maybe("blocks_not_found[]", formHash, "such a hash"),
		),
		errors: append([]*errorKind{tooMany}, blockErrors...), handle: blocksInfo,
	},
	{
		name: "blocks", role: Public, cost: 3,
		summary: "Several blocks as such.",
		params:  []param{need("hashes", formHashes, "hashes, at most 100"), paramJSON},
		result: []field{
			has("blocks", formMap, "block by hash"),
			has("blocks.*", formBlock, "a string that holds JSON, or an object with json_block"),
		},
		errors: append([]*errorKind{tooMany}, blockErrors...), handle: blocks,
	},
	{
		name: "block_account", role: Public,
		summary: "Account whose chain a block is in.",
		params:  []param{paramHash},
		result:  []field{has("account", formAccount, "of the block")},
		errors:  blockErrors, handle: blockAccount,
	},
	{
		name: "block_count", role: Public,
		summary: "Number of blocks.",
		params:  []param{may("include_cemented", formFlag, "accepted; cemented is always told")},
		result: []field{
			has("count", formCount, "blocks of the ledger, pruned ones included"),
			has("unchecked", formCount, "blocks that wait for another one"),
			has("cemented", formCount, "confirmed blocks: the last number of the confirmation sequence"),
			has("full", formCount, "blocks that are here"),
			has("pruned", formCount, "blocks that were removed by pruning"),
		},
		handle: blockCount,
	},
	{
		name: "block_hash", role: Public,
		summary: "Hash of a block on this network. Signature and work are not part of it and not needed.",
		params:  []param{need("block", formBlock, "the block, as object or as a string that holds JSON"), paramJSON},
		result:  []field{has("hash", formHash, "of the block")},
		errors:  []*errorKind{badBlock}, handle: blockHash,
	},
}

// knownBlock returns a block that is in the ledger.
func knownBlock(l Ledger, hash lattice.Hash) (lattice.StoredBlock, error) {
	b, found, err := l.Block(hash)
	if err == nil && !found {
		err = blockNotFound.because("block %s is not in this ledger", hash)
	}
	return b, err
}

// blockAt returns the block of an account at a height. Of one that was pruned
// at least that much is told.
func blockAt(l Ledger, account lattice.Account, height uint64) (lattice.StoredBlock, error) {
	info, err := openedAccount(l, account)
	if err != nil {
		return lattice.StoredBlock{}, err
	}
	b, found, err := l.BlockAt(account, height)
	switch {
	case err != nil || found:
		return b, err
	case height > 0 && height <= info.PrunedHeight:
		return b, prunedBlock(account, info)
	}
	return b, blockNotFound.because("height: account %s has blocks up to height %d", account, info.Height)
}

func prunedBlock(account lattice.Account, info lattice.AccountInfo) *Error {
	return blockPruned.because("the blocks of this account up to height %d are no longer kept here", info.PrunedHeight).
		with("account", account).with("pruned_from", 1).with("pruned_height", info.PrunedHeight)
}

// linkedAccount returns the account on the other side of a block: whom a send
// pays, who paid what was received. It is not known when there is none, and
// when the send was pruned.
func linkedAccount(l Ledger, b *lattice.StoredBlock) (lattice.Account, bool, error) {
	switch {
	case b.Subtype == lattice.Send:
		return lattice.Account(b.Block.Link), true, nil
	case b.Subtype == lattice.Change:
		return lattice.Account{}, false, nil
	case b.Block.Link.IsZero(): // the genesis block
		return b.Block.Account, true, nil
	}
	source, found, err := l.Block(lattice.Hash(b.Block.Link))
	return source.Block.Account, found, err
}

// describe tells what is known of a block.
func describe(l Ledger, b *lattice.StoredBlock, asObject, linked bool) (object, error) {
	next, _, err := l.BlockAt(b.Block.Account, b.Height+1)
	if err != nil {
		return nil, err
	}
	o := obj(
		"block_account", b.Block.Account,
		"amount", b.Amount,
		"balance", b.Block.Balance,
		"height", b.Height,
		"local_timestamp", b.Time,
		"successor", next.Hash,
		"confirmed", b.Confirmed,
		"contents", blockValue(&b.Block, asObject),
		"subtype", b.Subtype.String())
	if linked {
		account, err := accountOrZero(linkedAccount(l, b))
		if err != nil {
			return nil, err
		}
		o.set("linked_account", account)
	}
	return o, nil
}

func accountOrZero(a lattice.Account, known bool, err error) (any, error) {
	if known {
		return a, err
	}
	return unknownAccount, err
}

func blockInfo(c *call) (any, error) {
	asObject, linked := c.flag("json_block", false), c.flag("include_linked_account", false)
	byHeight := !c.has("hash") && c.has("account") && c.has("height")
	var hash lattice.Hash
	var account lattice.Account
	var height uint64
	switch {
	case byHeight:
		account, height = c.account("account"), c.number("height", 0, 1<<63, badCount)
	case c.has("hash"):
		hash = c.hash("hash")
	default:
		c.fail(missing.because("hash: give the hash, or account and height"))
	}
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	return &answer, c.view(func(l Ledger) error {
		find := func() (lattice.StoredBlock, error) { return knownBlock(l, hash) }
		if byHeight {
			find = func() (lattice.StoredBlock, error) { return blockAt(l, account, height) }
		}
		b, err := find()
		if err != nil {
			return err
		}
		answer, err = describe(l, &b, asObject, linked)
		if byHeight {
			answer.set("hash", b.Hash)
		}
		return err
	})
}

// blocksQuery is what is asked about several blocks.
type blocksQuery struct {
	asObject, linked, receivable, source, received bool
}

func blocksInfo(c *call) (any, error) {
	hashes, notFound := c.hashes("hashes"), c.flag("include_not_found", false)
	q := blocksQuery{
		asObject:   c.flag("json_block", false),
		linked:     c.flag("include_linked_account", false),
		receivable: c.flag("receivable", false) || c.flag("pending", false),
		source:     c.flag("source", false),
		received:   c.flag("receive_hash", false),
	}
	if c.err != nil {
		return nil, c.err
	}
	shown, missed := object{}, []lattice.Hash{}
	err := c.view(func(l Ledger) error {
		for _, hash := range hashes {
			b, found, err := l.Block(hash)
			if err != nil {
				return err
			}
			if !found && notFound {
				missed = append(missed, hash)
				continue
			}
			if !found {
				return blockNotFound.because("block %s is not in this ledger", hash)
			}
			o, err := q.describe(l, &b)
			if err != nil {
				return err
			}
			shown.set(hash.String(), o)
		}
		return nil
	})
	answer := obj("blocks", shown)
	if notFound {
		answer.set("blocks_not_found", missed)
	}
	return answer, err
}

func (q blocksQuery) describe(l Ledger, b *lattice.StoredBlock) (object, error) {
	o, err := describe(l, b, q.asObject, q.linked)
	if err != nil {
		return nil, err
	}
	key := lattice.ReceivableKey{Destination: lattice.Account(b.Block.Link), Send: b.Hash}
	send := b.Subtype == lattice.Send
	if q.receivable {
		found := false
		if send {
			if _, found, err = l.Receivable(key); err != nil {
				return nil, err
			}
		}
		o = append(o, obj("pending", one(found), "receivable", one(found))...)
	}
	if q.source {
		var source any = unknownAccount
		if b.Subtype == lattice.Open || b.Subtype == lattice.Receive {
			if source, err = accountOrZero(linkedAccount(l, b)); err != nil {
				return nil, err
			}
		}
		o.set("source_account", source)
	}
	if q.received {
		var hash lattice.Hash
		if send {
			if hash, _, err = l.ReceivedBy(key); err != nil {
				return nil, err
			}
		}
		o.set("receive_hash", hash)
	}
	return o, nil
}

func blocks(c *call) (any, error) {
	hashes, asObject := c.hashes("hashes"), c.flag("json_block", false)
	if c.err != nil {
		return nil, c.err
	}
	shown := object{}
	err := c.view(func(l Ledger) error {
		for _, hash := range hashes {
			b, err := knownBlock(l, hash)
			if err != nil {
				return err
			}
			shown.set(hash.String(), blockValue(&b.Block, asObject))
		}
		return nil
	})
	return obj("blocks", shown), err
}

func blockAccount(c *call) (any, error) {
	hash := c.hash("hash")
	if c.err != nil {
		return nil, c.err
	}
	var answer object
	return &answer, c.view(func(l Ledger) error {
		b, err := knownBlock(l, hash)
		answer = obj("account", b.Block.Account)
		return err
	})
}

func blockCount(c *call) (any, error) {
	counts, err := readCounts(c)
	return obj(
		"count", counts.Blocks,
		"unchecked", c.backend.Unchecked(),
		"cemented", counts.Cemented,
		"full", counts.StoredBlocks,
		"pruned", counts.Pruned), err
}

func blockHash(c *call) (any, error) {
	b := c.block("block", false)
	if c.err != nil {
		return nil, c.err
	}
	return obj("hash", c.network.HashOf(&b)), nil
}
