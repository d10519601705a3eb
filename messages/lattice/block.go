package lattice

import (
	"encoding/binary"
	"fmt"

	"github.com/smallnano/smallnano/crypto"
)

// BlockSize is the length of a block on the wire in bytes.
const BlockSize = 216

// hashedSize is how much of a block its hash covers: all but work and
// signature, so that a block can be signed before its work is found.
const hashedSize = 144

// Kinds of signed text. The last byte of a preamble keeps a signature made for
// one of them from being valid for another.
const (
	kindBlock     = 0x01
	kindVote      = 0x02
	KindHandshake = 0x03 // node key, over cookies; see wire
	KindTelemetry = 0x04 // node key, over telemetry; see wire
	KindAttest    = 0x05 // representative, over a node id; see wire
)

// Preamble returns what is hashed in front of everything that is signed: 30
// zero bytes, the network, the kind. So nothing signed for one network or one
// purpose is valid for another.
func Preamble(id NetworkID, kind byte) (p [32]byte) {
	p[30], p[31] = byte(id), kind
	return p
}

// Block is a state block: one link of an account's chain, with the whole state
// of the account after it.
type Block struct {
	Account        Account
	Previous       Hash // zero for the account's first block
	Representative Account
	Balance        Amount // after this block
	Link           Link
	Work           uint64
	Signature      crypto.Signature
}

// Subtype is what a block does. It is not on the wire: it follows from the
// balance of the account's previous block.
type Subtype uint8

// The subtypes. The zero Subtype is none of them.
const (
	Open    Subtype = iota + 1 // the first block of an account: receives
	Send                       // balance lower than before
	Receive                    // balance higher than before
	Change                     // same balance: another representative
)

// String returns the name that the RPC uses.
func (s Subtype) String() string {
	switch s {
	case Open:
		return "open"
	case Send:
		return "send"
	case Receive:
		return "receive"
	case Change:
		return "change"
	}
	return fmt.Sprintf("subtype(%d)", uint8(s))
}

// ParseSubtype reads the name of a subtype.
func ParseSubtype(s string) (Subtype, error) {
	for _, t := range []Subtype{Open, Send, Receive, Change} {
		if s == t.String() {
			return t, nil
		}
	}
	return 0, fmt.Errorf("subtype %q: want open, send, receive or change", clip(s))
}

// Subtype returns what b does, given the balance of the block before it, which
// is ignored for a first block.
func (b *Block) Subtype(before Amount) Subtype {
	if b.Previous.IsZero() {
		return Open
	}
	switch b.Balance.Cmp(before) {
	case -1:
		return Send
	case 1:
		return Receive
	}
	return Change
}

// Root returns what the block's work is made for.
func (b *Block) Root() Root { return b.QualifiedRoot().Root() }

// QualifiedRoot returns the slot the block competes for.
func (b *Block) QualifiedRoot() QualifiedRoot { return QualifiedRoot{b.Account, b.Previous} }

// AppendBinary appends the 216 bytes of the wire form. It never fails; the
// error is for encoding.BinaryAppender.
func (b *Block) AppendBinary(to []byte) ([]byte, error) {
	to = append(to, b.Account[:]...)
	to = append(to, b.Previous[:]...)
	to = append(to, b.Representative[:]...)
	balance := b.Balance.Bytes()
	to = append(to, balance[:]...)
	to = append(to, b.Link[:]...)
	to = binary.LittleEndian.AppendUint64(to, b.Work)
	return append(to, b.Signature[:]...), nil
}

// Bytes returns the wire form.
func (b *Block) Bytes() (out [BlockSize]byte) {
	_, _ = b.AppendBinary(out[:0]) // cannot fail; fills out in place
	return out
}

// UnmarshalBinary reads the wire form: exactly 216 bytes. Every bit pattern of
// that length is a block, if seldom a valid one.
func (b *Block) UnmarshalBinary(from []byte) error {
	if len(from) != BlockSize {
		return fmt.Errorf("block of %d bytes, want %d", len(from), BlockSize)
	}
	copy(b.Account[:], from)
	copy(b.Previous[:], from[32:])
	copy(b.Representative[:], from[64:])
	b.Balance = AmountFromBytes([AmountSize]byte(from[96:112]))
	copy(b.Link[:], from[112:])
	b.Work = binary.LittleEndian.Uint64(from[144:])
	copy(b.Signature[:], from[152:])
	return nil
}

// Hash returns the block's hash on a network. Work and signature are not part
// of it.
func (b *Block) Hash(id NetworkID) Hash {
	preamble, bytes := Preamble(id, kindBlock), b.Bytes()
	return Hash(crypto.Sum256(preamble[:], bytes[:hashedSize]))
}

// Sign sets the signature of b for a network and returns its hash. The key
// must be that of b.Account, else the block is not valid.
func (b *Block) Sign(id NetworkID, key crypto.PrivateKey) Hash {
	h := b.Hash(id)
	b.Signature = key.Sign(h[:])
	return h
}

// SignedBy reports whether the signature of b, whose hash is h, is that of its
// account.
func (b *Block) SignedBy(h Hash) bool {
	return crypto.Verify(b.Account.Key(), h[:], b.Signature)
}
