package actors

import (
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/wire"
)

// frame encodes a message of this node. That the codec refuses one is a broken
// contract of ours: nobody else's bytes are in it.
func frame(n *lattice.Network, m wire.Message) []byte {
	f, err := wire.Append(nil, n.ID, m)
	if err != nil {
		panic("actors: a message of this node cannot be sent: " + err.Error())
	}
	return f
}

func publish(b *lattice.Block) wire.Message { return &wire.Publish{Block: *b} }

// flood has a message sent to several peers.
func (r *refs) flood(n *lattice.Network, m wire.Message, reach messages.Reach, except messages.ConnID) {
	r.peers.Tell(&messages.Flood{Frame: frame(n, m), Reach: reach, Except: except})
}
