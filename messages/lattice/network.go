package lattice

import (
	"errors"
	"fmt"
	"time"

	"github.com/smallnano/smallnano/crypto"
)

// NetworkID is the byte that keeps networks apart in every frame and every
// signed text.
type NetworkID uint8

// The networks that are built in.
const (
	MainID NetworkID = 0x01
	BetaID NetworkID = 0x02
	DevID  NetworkID = 0xFF
)

// String returns the name of a network that is built in, else its number.
func (id NetworkID) String() string {
	switch id {
	case MainID:
		return "main"
	case BetaID:
		return "beta"
	case DevID:
		return "dev"
	}
	return fmt.Sprintf("%#02x", uint8(id))
}

const (
	// DefaultPeeringPort is the TCP port of the peer protocol on every network.
	DefaultPeeringPort = 7176
	// DefaultRPCPort is the TCP port of the RPC on every network.
	DefaultRPCPort = 7177
)

// Network is everything in which one network differs from another. It is made
// once at start and never changed.
type Network struct {
	ID   NetworkID
	Name string

	Genesis     Block // the one open block without a source
	GenesisHash Hash

	// Work thresholds: Value(root, work) must reach them.
	SendThreshold    uint64 // send and change
	ReceiveThreshold uint64 // open and receive; the lower one

	QuorumFloorPercent uint64        // of the supply: the smallest online weight that is reckoned with
	WeightSampleEvery  time.Duration // one sample of the online weight is stored this often
	WeightSamples      int           // how many samples are kept
	VoteSpacing        time.Duration // shortest time between normal votes for different blocks of one root

	PresetPeers []string // host:port; asked when no other peer is known

	// Shipped are weights that come with the network; nil: none.
	Shipped *ShippedWeights

	// GenesisSeed is the published seed of the genesis account of dev and beta;
	// nil where nobody is meant to have it.
	GenesisSeed *crypto.Seed
}

// ShippedWeights are the weights of representatives as a node saw them that had
// confirmed everything. A node that has confirmed fewer blocks reckons with them
// instead of its own: by its own the representatives of long ago decide, and they
// may be gone.
type ShippedWeights struct {
	Until uint64 // so many confirmed blocks, and the own weights count
	Of    []ShippedWeight
}

// ShippedWeight is the weight of one representative.
type ShippedWeight struct {
	Representative Account
	Weight         Amount
}

// MaxShippedWeights bounds how many representatives a network comes with.
const MaxShippedWeights = 500

// Check reports what cannot be true of the weights, or would leave a node without
// a quorum.
func (s *ShippedWeights) Check() error {
	var sum Amount
	seen := make(map[Account]bool, len(s.Of))
	for _, w := range s.Of {
		more, ok := sum.Add(w.Weight)
		switch {
		case seen[w.Representative]:
			return fmt.Errorf("%v has two weights", w.Representative)
		case w.Weight.IsZero():
			return fmt.Errorf("%v has no weight", w.Representative)
		case !ok || Supply.Less(more):
			return fmt.Errorf("the weights together are more than the supply of %s raw", Supply.Raw())
		}
		seen[w.Representative], sum = true, more
	}
	switch least := Supply.MulDiv(67, 100); {
	case len(s.Of) > MaxShippedWeights:
		return fmt.Errorf("%d weights, at most %d", len(s.Of), MaxShippedWeights)
	case s.Until == 0:
		return errors.New("the number of confirmed blocks until which they count is 0")
	case sum.Less(least):
		return fmt.Errorf("the weights together are %s raw, less than 67 %% of the supply: they could not confirm anything", sum.Raw())
	}
	return nil
}

// LowestThreshold returns the work that any block at all must have.
func (n *Network) LowestThreshold() uint64 { return min(n.SendThreshold, n.ReceiveThreshold) }

// Threshold returns the work that a block of a subtype must have.
func (n *Network) Threshold(s Subtype) uint64 {
	if s == Open || s == Receive {
		return n.ReceiveThreshold
	}
	return n.SendThreshold
}

// QuorumFloor returns the smallest online weight that quorum is computed from,
// in raw.
func (n *Network) QuorumFloor() Amount { return Supply.MulDiv(n.QuorumFloorPercent, 100) }

// HashOf returns the hash of a block on this network. The same block has another
// hash on every other.
func (n *Network) HashOf(b *Block) Hash { return b.Hash(n.ID) }

// publishedGenesis makes the genesis of a network whose key is known to all:
// the whole supply, represented by the account itself, with no work (the
// genesis is known by its hash and never checked).
func publishedGenesis(n *Network, phrase string) *Network {
	seed := crypto.Seed(crypto.Sum256([]byte(phrase)))
	key := crypto.NewPrivateKey(seed)
	account := Account(key.Public())
	n.GenesisSeed = &seed
	n.Genesis = Block{Account: account, Representative: account, Balance: Supply}
	n.GenesisHash = n.Genesis.Sign(n.ID, key)
	return n
}

// Dev returns the network for tests and for trying things out: work takes no
// time, and the genesis key is published, so that anyone can fund a test.
func Dev() *Network {
	return publishedGenesis(&Network{
		ID: DevID, Name: "dev",
		SendThreshold: 0xff00000000000000, ReceiveThreshold: 0xfc00000000000000,
		QuorumFloorPercent: 10, WeightSampleEvery: 5 * time.Minute, WeightSamples: 288,
		VoteSpacing: time.Second,
	}, "smallnano dev genesis")
}

// Beta returns the public test network. Its genesis key is published too.
func Beta() *Network {
	return publishedGenesis(&Network{
		ID: BetaID, Name: "beta",
		SendThreshold: 0xffff000000000000, ReceiveThreshold: 0xfffc000000000000,
		QuorumFloorPercent: 45, WeightSampleEvery: 5 * time.Minute, WeightSamples: 4032,
		VoteSpacing: 15 * time.Second,
	}, "smallnano beta genesis")
}

// MainParameters returns the main network without its genesis, which does not
// exist before its ceremony is held. No node can run on it as it is.
func MainParameters() *Network {
	return &Network{
		ID: MainID, Name: "main",
		SendThreshold: 0xfffffc0000000000, ReceiveThreshold: 0xffffe00000000000,
		QuorumFloorPercent: 45, WeightSampleEvery: 5 * time.Minute, WeightSamples: 4032,
		VoteSpacing: 15 * time.Second,
	}
}

// NetworkByName returns a network that a node can run on.
func NetworkByName(name string) (*Network, error) {
	switch name {
	case "dev":
		return Dev(), nil
	case "beta":
		return Beta(), nil
	case "main":
		return nil, fmt.Errorf("network main has no genesis block yet: it is made in a public ceremony that was not held; use --network beta or dev")
	}
	return nil, fmt.Errorf("network %q is not known: use main, beta or dev", clip(name))
}
