package wire

import (
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// MaxAttested is the largest number of representatives in one attestation.
const MaxAttested = 16

const attestedSize = 32 + 64

// Attested is a representative's word that it votes at a node.
type Attested struct {
	Representative lattice.Account
	Signature      crypto.Signature
}

// Attestation tells which representatives vote at the sender's node. Its
// signatures are not checked here.
type Attestation struct {
	List []Attested // 1 to MaxAttested, each representative once
}

// Attest returns a representative's word that it votes at a node. It is good on
// every connection with that node, and on no other. sign signs as
// crypto.PrivateKey.Sign does; nil is that.
func Attest(n *lattice.Network, node crypto.PublicKey, key crypto.PrivateKey, sign func(crypto.PrivateKey, []byte) crypto.Signature) Attested {
	if sign == nil {
		sign = crypto.PrivateKey.Sign
	}
	digest := attestDigest(n, node)
	return Attested{Representative: lattice.Account(key.Public()), Signature: sign(key, digest[:])}
}

// Checks returns what has to be valid of an attestation by the node that the
// connection's handshake proved.
func (m *Attestation) Checks(n *lattice.Network, node crypto.PublicKey) []crypto.Check {
	digest := attestDigest(n, node)
	out := make([]crypto.Check, len(m.List))
	for i := range m.List {
		out[i] = crypto.Check{Key: m.List[i].Representative.Key(), Message: digest[:], Signature: m.List[i].Signature}
	}
	return out
}

// attestDigest is what a representative signs for a node.
func attestDigest(n *lattice.Network, node crypto.PublicKey) [32]byte {
	preamble := lattice.Preamble(n.ID, lattice.KindAttest)
	return crypto.Sum256(preamble[:], node[:], n.GenesisHash[:])
}

// Type returns TypeAttestation.
func (*Attestation) Type() Type { return TypeAttestation }

func (m *Attestation) check() error {
	if err := countWithin("representatives", len(m.List), 1, MaxAttested); err != nil {
		return err
	}
	var accounts [MaxAttested]lattice.Account
	for i := range m.List {
		accounts[i] = m.List[i].Representative
	}
	return distinct("representative", accounts[:len(m.List)])
}

func (m *Attestation) appendBody(to []byte) ([]byte, error) {
	to = append(to, byte(len(m.List)))
	for i := range m.List {
		to = append(to, m.List[i].Representative[:]...)
		to = append(to, m.List[i].Signature[:]...)
	}
	return to, nil
}

func (m *Attestation) readBody(d *decoder) {
	m.List = entries[Attested](d.list(int(d.u8()), attestedSize))
	for i := range m.List {
		d.bytes(m.List[i].Representative[:])
		d.bytes(m.List[i].Signature[:])
	}
}
