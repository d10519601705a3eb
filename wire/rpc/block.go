package rpc

import (
	"encoding/hex"
	"strings"

	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// contents returns a block as a JSON object.
func contents(b *lattice.Block) object {
	return obj(
		"type", "state",
		"account", b.Account,
		"previous", b.Previous,
		"representative", b.Representative,
		"balance", b.Balance,
		"link", b.Link,
		"link_as_account", lattice.Account(b.Link),
		"signature", b.Signature,
		"work", nonce(b.Work))
}

// blockValue returns a block as an object, or as a string that holds the JSON.
func blockValue(b *lattice.Block, asObject bool) any {
	if asObject {
		return contents(b)
	}
	return string(appendJSON(nil, contents(b)))
}

// EncodeBlock returns the JSON object that the actions take as a block.
func EncodeBlock(b *lattice.Block) []byte { return appendJSON(nil, contents(b)) }

// DecodeBlock reads the JSON object that EncodeBlock writes, as strictly as the
// actions do. The error says which field is wrong.
func DecodeBlock(text []byte) (lattice.Block, error) {
	v, err := parseJSON(text)
	if err != nil {
		return lattice.Block{}, err
	}
	r := blockReader{block: v, where: "block"}
	b := r.read(true)
	if r.err != nil {
		return lattice.Block{}, r.err
	}
	return b, nil
}

// block reads a parameter that is a block: an object, or a string that holds
// the JSON of one. Without signed, signature and work may be missing.
func (c *call) block(name string, signed bool) lattice.Block {
	v, ok := c.read(name)
	if !ok {
		return lattice.Block{}
	}
	if v.kind == kindText {
		inner, err := parseJSON([]byte(v.text))
		if err != nil {
			c.fail(badBlock.because("%s: the string does not hold JSON: %s", name, err.Detail))
			return lattice.Block{}
		}
		v = inner
	}
	r := blockReader{block: v, where: name}
	b := r.read(signed)
	if r.err != nil {
		c.fail(r.err)
		return lattice.Block{}
	}
	return b
}

// blockReader reads the fields of a block and keeps the first error.
type blockReader struct {
	block value
	where string
	err   *Error
}

func (r *blockReader) fail(field, format string, args ...any) {
	if r.err == nil {
		r.err = badBlock.because(r.where+"."+field+": "+format, args...)
	}
}

func (r *blockReader) read(signed bool) (b lattice.Block) {
	if r.block.kind != kindObject {
		r.err = badBlock.because("%s: an object is expected, not %s", r.where, r.block.kind)
		return b
	}
	if kind, ok := r.text("type", false); ok && kind != "state" {
		r.fail("type", "%q is not a type of block here: state is the only one", clip(kind))
	}
	b.Account = r.account("account", true)
	b.Previous = lattice.Hash(r.hex32("previous", true))
	b.Representative = r.account("representative", true)
	if text, ok := r.text("balance", true); ok {
		var err error
		if b.Balance, err = lattice.ParseRaw(text); err != nil {
			r.fail("balance", "%s", err)
		}
	}
	b.Link = r.link()
	if text, ok := r.text("signature", signed); ok && (signed || text != "") {
		b.Signature = r.signature(text)
	}
	if text, ok := r.text("work", signed); ok && (signed || text != "") {
		var err error
		if b.Work, err = parseHex64(text); err != nil {
			r.fail("work", "%s", err)
		}
	}
	return b
}

// text returns a string, or the digits of a number.
func (r *blockReader) text(field string, required bool) (string, bool) {
	v, ok := r.block.get(field)
	if !ok || v.kind == kindNull {
		if required {
			r.fail(field, "is missing")
		}
		return "", false
	}
	if v.kind != kindText && (v.kind != kindNumber || field != "balance") {
		r.fail(field, "a string is expected, not %s", v.kind)
		return "", false
	}
	return v.text, true
}

func (r *blockReader) account(field string, required bool) lattice.Account {
	text, ok := r.text(field, required)
	if !ok {
		return lattice.Account{}
	}
	a, err := lattice.ParseAccount(text)
	if err != nil {
		r.fail(field, "%s", err)
	}
	return a
}

// hex32 reads 32 bytes; "0" stands for zero.
func (r *blockReader) hex32(field string, required bool) [32]byte {
	text, ok := r.text(field, required)
	if !ok || text == "0" {
		return [32]byte{}
	}
	link, err := lattice.ParseLink(text)
	if err != nil {
		r.fail(field, "64 hexadecimal digits are expected")
	}
	return link
}

// link reads link and link_as_account, either of which is enough. When both
// are there they must agree, else it is not clear where the money would go.
func (r *blockReader) link() lattice.Link {
	_, asAccount := r.block.get("link_as_account")
	_, asHex := r.block.get("link")
	account := lattice.Link(r.account("link_as_account", false))
	if asAccount && !asHex {
		return account
	}
	link := lattice.Link(r.hex32("link", true))
	if asAccount && link != account {
		r.fail("link_as_account", "it is another key than link: leave one of them out")
	}
	return link
}

func (r *blockReader) signature(text string) (s crypto.Signature) {
	if len(text) != 2*len(s) {
		r.fail("signature", "%d characters, want %d hexadecimal digits", len(text), 2*len(s))
		return s
	}
	if _, err := hex.Decode(s[:], []byte(strings.ToLower(text))); err != nil {
		r.fail("signature", "%s", err)
	}
	return s
}
