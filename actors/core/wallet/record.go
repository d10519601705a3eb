package wallet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/smallnano/smallnano/messages/lattice"
)

// Kind is what a record tells.
type Kind uint8

// The kinds. Numbers are on the disk: none changes its meaning.
const (
	KindCreated  Kind = iota + 1 // a wallet, with its settings; Flag: without a secret
	KindSettings                 // of a wallet, all of them
	KindAdded                    // an account
	KindRemoved                  // an account
	KindReserved                 // a send with an id
	KindStored                   // a signed block, with what it was made for
	KindConfirmed
	KindFailed
	KindReleased
	KindWork    // work for a block that may come
	KindMinimum // the least that is received without being asked for
	KindSent    // a send with an id that has ended; in the place of its records
)

// Record is one entry of the journal. Which fields count follows from the kind.
type Record struct {
	Kind     Kind
	Wallet   ID
	Op       uint64 // number of the block among all that the wallets made
	Flag     bool
	Settings Settings
	Account  Account
	Intent   Intent
	Text     string // id of a send, reason of a failure
	Block    lattice.Block
	Height   uint64
	Hash     lattice.Hash // root of work
	Nonce    uint64
	Key      [16]byte // digests of an ended send: of its id, and of what was asked for
	Params   [16]byte
	State    State
}

// Safe reports whether a record must have reached the disk before anything is
// done or answered that follows from it. The others are found out again, or
// nothing was promised yet.
func (r *Record) Safe() bool {
	return r.Kind != KindReserved && r.Kind != KindConfirmed && r.Kind != KindWork
}

// maxText bounds the texts in a record.
const maxText = 1024

// coder writes or reads the fields of a record; one function walks them for
// both, so that they cannot disagree.
type coder struct {
	buf     []byte
	reading bool
	err     error
}

func (c *coder) raw(b []byte) {
	if !c.reading {
		c.buf = append(c.buf, b...)
		return
	}
	if c.err != nil || len(c.buf) < len(b) {
		c.err = errors.New("record is cut off")
		return
	}
	c.buf = c.buf[copy(b, c.buf):]
}

func (c *coder) u8(v *uint8) {
	b := [1]byte{*v}
	c.raw(b[:])
	*v = b[0]
}

func (c *coder) u64(v *uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], *v)
	c.raw(b[:])
	*v = binary.LittleEndian.Uint64(b[:])
}

func (c *coder) u32(v *uint32) {
	wide := uint64(*v)
	c.u64(&wide)
	if wide > 1<<32-1 {
		c.err = errors.New("record has a number that is too large")
	}
	*v = uint32(wide)
}

func (c *coder) flag(v *bool) {
	var b uint8
	if *v {
		b = 1
	}
	c.u8(&b)
	if b > 1 {
		c.err = errors.New("record has a flag that is neither 0 nor 1")
	}
	*v = b == 1
}

func (c *coder) text(v *string) {
	n := uint64(len(*v))
	c.u64(&n)
	if n > maxText || c.reading && n > uint64(len(c.buf)) {
		c.err = errors.New("record has a text that is too long")
		return
	}
	b := make([]byte, n)
	copy(b, *v)
	c.raw(b)
	*v = string(b)
}

func (c *coder) amount(v *lattice.Amount) {
	b := v.Bytes()
	c.raw(b[:])
	*v = lattice.AmountFromBytes(b)
}

func (c *coder) settings(s *Settings) {
	c.text(&s.Label)
	c.flag(&s.AutoReceive)
	c.raw(s.Representative[:])
}

func (c *coder) account(a *Account) {
	c.raw(a.Key[:])
	c.u8((*uint8)(&a.Origin))
	c.u32(&a.Index)
}

func (c *coder) intent(i *Intent) {
	c.u8((*uint8)(&i.Subtype))
	c.raw(i.Account[:])
	c.raw(i.Link[:])
	c.amount(&i.Amount)
	c.raw(i.Representative[:])
}

func (c *coder) block(b *lattice.Block) {
	bytes := b.Bytes()
	c.raw(bytes[:])
	if err := b.UnmarshalBinary(bytes[:]); err != nil {
		c.err = err
	}
}

func (r *Record) walk(c *coder) {
	c.u8((*uint8)(&r.Kind))
	switch r.Kind {
	case KindCreated:
		c.raw(r.Wallet[:])
		c.flag(&r.Flag)
		c.settings(&r.Settings)
	case KindSettings:
		c.raw(r.Wallet[:])
		c.settings(&r.Settings)
	case KindAdded, KindRemoved:
		c.raw(r.Wallet[:])
		c.account(&r.Account)
	case KindReserved:
		c.raw(r.Wallet[:])
		c.u64(&r.Op)
		c.intent(&r.Intent)
		c.text(&r.Text)
	case KindStored:
		c.raw(r.Wallet[:])
		c.u64(&r.Op)
		c.intent(&r.Intent)
		c.text(&r.Text)
		c.block(&r.Block)
		c.u64(&r.Height)
	case KindConfirmed, KindReleased:
		c.u64(&r.Op)
	case KindFailed:
		c.u64(&r.Op)
		c.text(&r.Text)
	case KindWork:
		c.raw(r.Account.Key[:])
		c.raw(r.Hash[:])
		c.u64(&r.Nonce)
	case KindMinimum:
		c.amount(&r.Intent.Amount)
	case KindSent:
		c.u64(&r.Op)
		c.raw(r.Key[:])
		c.raw(r.Params[:])
		c.raw(r.Hash[:])
		c.u8((*uint8)(&r.State))
	default:
		c.err = fmt.Errorf("record of kind %d is not known: a newer version wrote it", r.Kind)
	}
}

// AppendBinary appends the bytes of a record. It fails only for a record that
// no machine makes.
func (r *Record) AppendBinary(to []byte) ([]byte, error) {
	c := coder{buf: to}
	r.walk(&c)
	return c.buf, c.err
}

// ParseRecord reads one record, which must be all there is.
func ParseRecord(b []byte) (Record, error) {
	var r Record
	c := coder{buf: b, reading: true}
	r.walk(&c)
	if c.err == nil && len(c.buf) > 0 {
		c.err = fmt.Errorf("record has %d bytes too many", len(c.buf))
	}
	return r, c.err
}
