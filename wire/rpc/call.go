package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// call is one action being answered. Its methods read the parameters; the
// first that is wrong is kept in err, and later ones return zero values, so
// that a handler reads all and asks once.
type call struct {
	ctx     context.Context
	server  *Server
	backend Backend
	network *lattice.Network
	action  *action
	params  value
	caller  *caller
	place   *place
	batched bool
	err     error
}

// fail keeps the first error.
func (c *call) fail(err *Error) {
	if c.err == nil {
		c.err = err
	}
}

// has reports whether a parameter was given. null counts as not given.
func (c *call) has(name string) bool {
	c.action.paramNamed(name)
	v, ok := c.params.get(name)
	return ok && v.kind != kindNull
}

// read returns a parameter; false when it was not given, which is an error
// when it is required.
func (c *call) read(name string) (value, bool) {
	p := c.action.paramNamed(name)
	v, ok := c.params.get(name)
	if !ok || v.kind == kindNull {
		if p.required {
			c.fail(missing.because("%s: %s", name, p.doc))
		}
		return value{}, false
	}
	return v, c.err == nil
}

// scalar returns the text of a string or the digits of a number.
func (c *call) scalar(name string) (string, bool) {
	v, ok := c.read(name)
	if !ok {
		return "", false
	}
	if v.kind != kindText && v.kind != kindNumber {
		c.fail(badParameter.because("%s: a string is expected, not %s", name, v.kind))
		return "", false
	}
	return v.text, true
}

func (c *call) account(name string) lattice.Account {
	text, ok := c.scalar(name)
	if !ok {
		return lattice.Account{}
	}
	account, err := parseAccount(name, text)
	if err != nil {
		c.fail(err)
	}
	return account
}

func parseAccount(where, text string) (lattice.Account, *Error) {
	account, err := lattice.ParseAccount(text)
	switch {
	case errors.Is(err, crypto.ErrOtherNetwork):
		return account, otherNetwork.because("%s: %s", where, err)
	case err != nil:
		return account, badAccount.because("%s: %s", where, err)
	}
	return account, nil
}

func (c *call) hash(name string) lattice.Hash {
	text, ok := c.scalar(name)
	if !ok {
		return lattice.Hash{}
	}
	hash, err := lattice.ParseHash(text)
	if err != nil {
		c.fail(badHash.because("%s: %s", name, err))
	}
	return hash
}

// key returns 32 bytes in hexadecimal: a public key, a private one, a seed.
// The text is not repeated in the error: it may be secret.
func (c *call) key(name string, wrong *errorKind) (key [32]byte) {
	text, ok := c.scalar(name)
	if !ok {
		return key
	}
	if len(text) != 64 {
		c.fail(wrong.because("%s: %d characters, want 64 hexadecimal digits", name, len(text)))
		return key
	}
	if n, err := hex.Decode(key[:], []byte(text)); err != nil {
		c.fail(wrong.because("%s: character %d is not a hexadecimal digit", name, 2*n+1))
		return [32]byte{}
	}
	return key
}

// amount returns an amount in raw.
func (c *call) amount(name string) lattice.Amount {
	text, ok := c.scalar(name)
	if !ok {
		return lattice.Amount{}
	}
	amount, err := lattice.ParseRaw(text)
	if err != nil {
		c.fail(badAmount.because("%s: %s", name, err))
	}
	return amount
}

// number returns a whole number up to most; absent when it was not given.
func (c *call) number(name string, absent, most uint64, wrong *errorKind) uint64 {
	text, ok := c.scalar(name)
	if !ok {
		return absent
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most || text[0] == '+' {
		c.fail(wrong.because("%s: %q is not a whole number from 0 to %d", name, clip(text), most))
		return 0
	}
	return n
}

// count returns how many entries are wanted, never more than most. -1 asks for
// as many as there can be in one answer.
func (c *call) count(name string, absent, most int) int {
	if v, ok := c.params.get(name); ok && v.text == "-1" {
		c.charge(most / entriesPerToken)
		return most
	}
	n := int(min(c.number(name, uint64(absent), math.MaxUint64, badCount), uint64(most)))
	c.charge(n / entriesPerToken)
	return n
}

// flag returns a boolean: true, "true", 1 or "1", and likewise false.
func (c *call) flag(name string, absent bool) bool {
	v, ok := c.read(name)
	if !ok {
		return absent
	}
	switch v.text {
	case "true", "1":
		return true
	case "false", "0":
		return false
	}
	c.fail(badParameter.because("%s: true or false is expected", name))
	return false
}

// word returns a string as it is.
func (c *call) word(name string) string {
	text, _ := c.scalar(name)
	return text
}

// list returns the texts of an array of strings, at most maxList.
func (c *call) list(name string) []string {
	v, ok := c.read(name)
	if !ok {
		return nil
	}
	if v.kind != kindList {
		c.fail(badParameter.because("%s: an array of strings is expected, not %s", name, v.kind))
		return nil
	}
	if len(v.items) > maxList {
		c.fail(tooMany.because("%s: %d entries, at most %d in one request", name, len(v.items), maxList))
		return nil
	}
	c.charge(len(v.items) * 4 / entriesPerToken)
	texts := make([]string, len(v.items))
	for i, item := range v.items {
		if item.kind != kindText {
			c.fail(badParameter.because("%s[%d]: a string is expected, not %s", name, i, item.kind))
			return nil
		}
		texts[i] = item.text
	}
	return texts
}

// unique returns a list without what is in it before.
func unique[T comparable](list []T) []T {
	seen, out := make(map[T]bool, len(list)), list[:0]
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

func (c *call) hashes(name string) []lattice.Hash {
	var hashes []lattice.Hash
	for i, text := range c.list(name) {
		hash, err := lattice.ParseHash(text)
		if err != nil {
			c.fail(badHash.because("%s[%d]: %s", name, i, err))
			return nil
		}
		hashes = append(hashes, hash)
	}
	return unique(hashes)
}

func (c *call) accounts(name string) []lattice.Account {
	var accounts []lattice.Account
	for i, text := range c.list(name) {
		account, err := parseAccount(name+"["+strconv.Itoa(i)+"]", text)
		if err != nil {
			c.fail(err)
			return nil
		}
		accounts = append(accounts, account)
	}
	return unique(accounts)
}

// hex64 returns work or a difficulty: up to 16 hexadecimal digits.
func (c *call) hex64(name string, wrong *errorKind) uint64 {
	text, ok := c.scalar(name)
	if !ok {
		return 0
	}
	n, err := parseHex64(text)
	if err != nil {
		c.fail(wrong.because("%s: %s", name, err))
	}
	return n
}

func parseHex64(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil || len(text) > 16 || strings.HasPrefix(text, "+") {
		return 0, errors.New("up to 16 hexadecimal digits are expected")
	}
	return n, nil
}

// root returns what work is made for, given as a hash or as a public key.
func (c *call) root(name string) lattice.Root { return lattice.Root(c.hash(name)) }

// charge takes tokens from the caller's bucket, beside the price of the
// action. The bucket may become overdrawn: the next call pays for it.
func (c *call) charge(tokens int) { c.caller.charge(tokens) }

// view runs f on a snapshot of the ledger.
func (c *call) view(f func(Ledger) error) error { return c.backend.View(f) }

const (
	// maxEntries is how long a list in an answer can be.
	maxEntries = 1000
	// maxScan is how many records one answer looks at to find its entries.
	maxScan = 10_000
	// maxList is how many accounts or hashes one request can name.
	maxList = 100
	// entriesPerToken is the price of long answers.
	entriesPerToken = 50
)
