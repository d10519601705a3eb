package wire

import "github.com/smallnano/smallnano/messages/lattice"

// Publish carries one block. Any 216 bytes are one; whether it is valid is for
// the ledger's rules to say.
type Publish struct {
	Block lattice.Block
}

// Type returns TypePublish.
func (*Publish) Type() Type { return TypePublish }

func (*Publish) check() error { return nil }

func (m *Publish) appendBody(to []byte) ([]byte, error) { return m.Block.AppendBinary(to) }

func (m *Publish) readBody(d *decoder) { readBlock(d, &m.Block) }

// readBlock reads the next block of a body.
func readBlock(d *decoder, b *lattice.Block) {
	if bytes := d.take(lattice.BlockSize); bytes != nil {
		d.fail(b.UnmarshalBinary(bytes))
	}
}
