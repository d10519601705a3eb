package rpc

import (
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// keyResult is how a key pair is told.
var keyResult = []field{
	has("private", formKey, "Ed25519 seed of the key; whoever has it has the money"),
	has("public", formKey, "public key"),
	has("account", formAccount, "address of the public key"),
}

var keyActions = []*action{
	{
		name: "account_key", role: Public,
		summary: "Public key of an account.",
		params:  []param{paramAccount},
		result:  []field{has("key", formKey, "public key")},
		errors:  badAccounts, handle: accountKey,
	},
	{
		name: "account_get", role: Public,
		summary: "Account of a public key.",
		params:  []param{need("key", formKey, "public key")},
		result:  []field{has("account", formAccount, "its address")},
		errors:  []*errorKind{badPublicKey}, handle: accountGet,
	},
	{
		name: "validate_account_number", role: Public,
		summary: "Whether an address is right; if not, what is wrong with it.",
		params:  []param{need("account", formText, "the address")},
		result: []field{
			has("valid", formOne, "1 or 0"),
			maybe("reason", formText, "what is wrong with it"),
		},
		handle: validateAccountNumber,
	},
	{
		name: "key_create", role: Operator,
		summary: "Make a new random key, which the node does not keep.",
		result:  keyResult,
		handle:  keyCreate,
	},
	{
		name: "key_expand", role: Operator,
		summary: "Public key and account of a private key.",
		params:  []param{need("key", formKey, "private key")},
		result:  keyResult,
		errors:  []*errorKind{badKey}, handle: keyExpand,
	},
	{
		name: "deterministic_key", role: Operator,
		summary: "Key of one account of a wallet seed.",
		params: []param{
			need("seed", formKey, "wallet seed"),
			need("index", formNumber, "number of the account, from 0"),
		},
		result: keyResult,
		errors: []*errorKind{badSeed, badIndex}, handle: deterministicKey,
	},
}

func keyAnswer(seed crypto.Seed) object {
	public := crypto.NewPrivateKey(seed).Public()
	return obj("private", strings.ToUpper(hex.EncodeToString(seed[:])), "public", public, "account", lattice.Account(public))
}

func accountKey(c *call) (any, error) {
	account := c.account("account")
	if c.err != nil {
		return nil, c.err
	}
	return obj("key", account.Key()), nil
}

func accountGet(c *call) (any, error) {
	key := c.key("key", badPublicKey)
	if c.err != nil {
		return nil, c.err
	}
	return obj("account", lattice.Account(key)), nil
}

func validateAccountNumber(c *call) (any, error) {
	text := c.word("account")
	if c.err != nil {
		return nil, c.err
	}
	_, err := lattice.ParseAccount(text)
	answer := obj("valid", one(err == nil))
	if err != nil {
		answer.set("reason", err.Error())
	}
	return answer, nil
}

func keyCreate(c *call) (any, error) {
	var seed crypto.Seed
	if _, err := io.ReadFull(c.server.config.Random, seed[:]); err != nil {
		return nil, fmt.Errorf("read randomness for a key: %w", err)
	}
	return keyAnswer(seed), nil
}

func keyExpand(c *call) (any, error) {
	key := c.key("key", badKey)
	if c.err != nil {
		return nil, c.err
	}
	return keyAnswer(key), nil
}

func deterministicKey(c *call) (any, error) {
	seed, index := c.key("seed", badSeed), c.number("index", 0, math.MaxUint32, badIndex)
	if c.err != nil {
		return nil, c.err
	}
	return keyAnswer(crypto.AccountSeed(seed, uint32(index))), nil
}
