package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire/rpc"
)

// blockFormat names the files in which a block travels between a machine with a
// network and one without.
const blockFormat = "smallnano-block-v1"

// maxBlockFile is the largest such file in bytes.
const maxBlockFile = 64 << 10

// blockFile is a block with what it follows from. What it does is reckoned from
// those blocks and never taken from the file: their hashes are in the block, so
// nobody can change them without changing what is signed.
type blockFile struct {
	network *lattice.Network
	block   lattice.Block
	// previous is the block before it; nil for the first block of an account.
	previous *lattice.Block
	// source is the send that is received, and beforeSource the block before that;
	// nil when they are not known.
	source, beforeSource *lattice.Block
}

// blockFileJSON is the form of a blockFile.
type blockFileJSON struct {
	Format       string          `json:"format"`
	Network      string          `json:"network"`
	Block        json.RawMessage `json:"block"`
	Previous     json.RawMessage `json:"previous,omitempty"`
	Source       json.RawMessage `json:"source,omitempty"`
	BeforeSource json.RawMessage `json:"before_source,omitempty"`
}

func (f *blockFile) encode() ([]byte, error) {
	out := blockFileJSON{Format: blockFormat, Network: f.network.Name, Block: rpc.EncodeBlock(&f.block)}
	for _, part := range []struct {
		from *lattice.Block
		to   *json.RawMessage
	}{{f.previous, &out.Previous}, {f.source, &out.Source}, {f.beforeSource, &out.BeforeSource}} {
		if part.from != nil {
			*part.to = rpc.EncodeBlock(part.from)
		}
	}
	text, err := json.MarshalIndent(out, "", "  ")
	return append(text, '\n'), err
}

// readBlockFile reads and checks a file: the blocks in it must belong together.
func readBlockFile(path string) (*blockFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxBlockFile {
		return nil, fmt.Errorf("%s has %d bytes, a block needs far less than %d: is it the right file?", path, info.Size(), maxBlockFile)
	}
	text, err := config.ReadSmall(path)
	if err != nil {
		return nil, err
	}
	f, err := decodeBlockFile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func decodeBlockFile(text []byte) (*blockFile, error) {
	var in blockFileJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("not a file of \"block create\": %w", err)
	}
	if in.Format != blockFormat {
		return nil, fmt.Errorf("format is %.40q, want %q: make the file with \"block create\"", in.Format, blockFormat)
	}
	network, err := lattice.NetworkByName(in.Network)
	if err != nil {
		return nil, err
	}
	f := &blockFile{network: network}
	if f.block, err = rpc.DecodeBlock(in.Block); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name string
		from json.RawMessage
		to   **lattice.Block
	}{{"previous", in.Previous, &f.previous}, {"source", in.Source, &f.source}, {"before_source", in.BeforeSource, &f.beforeSource}} {
		if part.from == nil {
			continue
		}
		b, err := rpc.DecodeBlock(part.from)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		*part.to = &b
	}
	return f, f.check()
}

// check refuses a file whose blocks do not belong together.
func (f *blockFile) check() error {
	b := &f.block
	switch {
	case f.previous == nil && !b.Previous.IsZero():
		return errors.New("the block before this one is missing: nobody could tell what this one does")
	case f.previous != nil && f.network.HashOf(f.previous) != b.Previous:
		return errors.New("the block that is given as the one before has another hash: the file was changed, or is of another network")
	case f.previous != nil && f.previous.Account != b.Account:
		return fmt.Errorf("the block before is one of %v, not of %v: the file was changed", f.previous.Account, b.Account)
	case f.source != nil && (f.network.HashOf(f.source) != lattice.Hash(b.Link) || f.source.Link != lattice.Link(b.Account)):
		return errors.New("the send in the file is not the one that is received: the file was changed")
	case f.source != nil && f.beforeSource != nil && f.network.HashOf(f.beforeSource) != f.source.Previous:
		return errors.New("the block before the send has another hash: the file was changed")
	}
	d := f.effect()
	switch {
	case d.subtype == lattice.Send && d.other.IsZero():
		return errors.New("it sends to nobody: the money would be gone")
	case d.subtype == lattice.Change && !d.newRep:
		return errors.New("it changes nothing")
	case d.subtype == lattice.Change && b.Link != (lattice.Link{}):
		return errors.New("it has a link and moves nothing: no node takes it")
	case f.source != nil && f.beforeSource != nil && d.subtype != lattice.Send && d.amount != f.beforeSource.Balance.SatSub(f.source.Balance):
		return fmt.Errorf("it receives %v smn of a send of %v smn: no node takes it", d.amount, f.beforeSource.Balance.SatSub(f.source.Balance))
	}
	return nil
}

// effect is what a block does.
type effect struct {
	subtype lattice.Subtype
	amount  lattice.Amount
	other   lattice.Account // who is paid, or who paid if that is known
	newRep  bool            // it gives the votes to another representative
	known   bool            // the amount of a receive follows from the send in the file
}

// effect reckons what the block does from the blocks that it follows from.
func (f *blockFile) effect() effect {
	var before lattice.Amount
	var rep lattice.Account
	if f.previous != nil {
		before, rep = f.previous.Balance, f.previous.Representative
	}
	e := effect{subtype: f.block.Subtype(before), newRep: f.block.Representative != rep}
	switch e.subtype {
	case lattice.Send:
		e.amount, e.other = before.SatSub(f.block.Balance), lattice.Account(f.block.Link)
	case lattice.Receive, lattice.Open:
		e.amount, e.known = f.block.Balance.SatSub(before), f.source != nil && f.beforeSource != nil
		if f.source != nil {
			e.other = f.source.Account
		}
	}
	return e
}

// signed reports whether the block has its account's signature.
func (f *blockFile) signed() bool { return f.block.SignedBy(f.network.HashOf(&f.block)) }

// describe tells in lines what is going to be signed, for the eye.
func (f *blockFile) describe() []string {
	e, b := f.effect(), &f.block
	lines := []string{"network         " + f.network.Name, "account         " + b.Account.String()}
	switch e.subtype {
	case lattice.Send:
		lines = append(lines, fmt.Sprintf("sends           %v smn", e.amount), "to              "+e.other.String())
	case lattice.Receive, lattice.Open:
		doubt := ""
		if !e.known {
			doubt = "  (as the file says; the send is not in it)"
		}
		lines = append(lines, fmt.Sprintf("receives        %v smn%s", e.amount, doubt))
		if !e.other.IsZero() {
			lines = append(lines, "from            "+e.other.String())
		}
	case lattice.Change:
		lines = append(lines, "moves           nothing")
	}
	mark := ""
	if e.newRep {
		mark = "  (new)"
	}
	return append(lines, "representative  "+b.Representative.String()+mark,
		fmt.Sprintf("balance after   %v smn", b.Balance), "block           "+f.network.HashOf(b).String())
}

// sign signs the block, if the key is that of its account.
func (f *blockFile) sign(key crypto.PrivateKey) error {
	if owner := lattice.Account(key.Public()); owner != f.block.Account {
		return fmt.Errorf("the key is that of %v, the block is one of %v: is it another wallet, or another --index?", owner, f.block.Account)
	}
	f.block.Sign(f.network.ID, key)
	return nil
}
