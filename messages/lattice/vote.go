package lattice

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/smallnano/smallnano/crypto"
)

const (
	// MaxVoteHashes is the largest number of hashes in one vote.
	MaxVoteHashes = 255
	// VoteHeaderSize is the length of a vote without its hashes.
	VoteHeaderSize = 32 + 64 + 8 + 1
	// MaxVoteSize is the length of a vote with MaxVoteHashes hashes.
	MaxVoteSize = VoteHeaderSize + 32*MaxVoteHashes
)

// FinalTimestamp is the timestamp of a final vote: all ones.
const FinalTimestamp = ^uint64(0)

// Vote is a representative's signed word for one or more blocks. A vote is
// never changed after it was made or read.
type Vote struct {
	Representative Account
	Signature      crypto.Signature
	Timestamp      uint64 // ms since 1970, or FinalTimestamp
	Hashes         []Hash // 1 to MaxVoteHashes, all different
}

// VoteTimestamp returns t as the timestamp of a normal vote.
func VoteTimestamp(t time.Time) uint64 { return uint64(max(0, t.UnixMilli())) }

// Final reports whether this is a final vote, which its maker never takes back.
func (v *Vote) Final() bool { return v.Timestamp == FinalTimestamp }

// Digest returns what the representative signs.
func (v *Vote) Digest(id NetworkID) [32]byte {
	preamble := Preamble(id, kindVote)
	buf := make([]byte, 0, len(preamble)+8+32*len(v.Hashes))
	buf = append(buf, preamble[:]...)
	buf = binary.LittleEndian.AppendUint64(buf, v.Timestamp)
	for i := range v.Hashes {
		buf = append(buf, v.Hashes[i][:]...)
	}
	return crypto.Sum256(buf)
}

// Sign sets representative and signature.
func (v *Vote) Sign(id NetworkID, key crypto.PrivateKey) {
	v.Representative = Account(key.Public())
	digest := v.Digest(id)
	v.Signature = key.Sign(digest[:])
}

// Verify reports whether the signature is the representative's.
func (v *Vote) Verify(id NetworkID) bool {
	digest := v.Digest(id)
	return crypto.Verify(v.Representative.Key(), digest[:], v.Signature)
}

// AppendBinary appends the wire form. It refuses a vote without hashes or with
// more than MaxVoteHashes.
func (v *Vote) AppendBinary(to []byte) ([]byte, error) {
	if n := len(v.Hashes); n < 1 || n > MaxVoteHashes {
		return to, fmt.Errorf("vote with %d hashes, want 1 to %d", n, MaxVoteHashes)
	}
	to = append(to, v.Representative[:]...)
	to = append(to, v.Signature[:]...)
	to = binary.LittleEndian.AppendUint64(to, v.Timestamp)
	to = append(to, byte(len(v.Hashes)))
	for i := range v.Hashes {
		to = append(to, v.Hashes[i][:]...)
	}
	return to, nil
}

// UnmarshalBinary reads the wire form, which must be exactly as long as its
// count says and must not name a block twice.
func (v *Vote) UnmarshalBinary(from []byte) error {
	if len(from) < VoteHeaderSize {
		return fmt.Errorf("vote of %d bytes, want at least %d", len(from), VoteHeaderSize)
	}
	count := int(from[VoteHeaderSize-1])
	if count == 0 {
		return errors.New("vote without hashes")
	}
	if want := VoteHeaderSize + 32*count; len(from) != want {
		return fmt.Errorf("vote of %d bytes for %d hashes, want %d", len(from), count, want)
	}
	var out Vote
	copy(out.Representative[:], from)
	copy(out.Signature[:], from[32:])
	out.Timestamp = binary.LittleEndian.Uint64(from[96:])
	out.Hashes = make([]Hash, count)
	seen := make(map[Hash]struct{}, count)
	for i := range out.Hashes {
		h := Hash(from[VoteHeaderSize+32*i:][:32])
		if _, twice := seen[h]; twice {
			return fmt.Errorf("vote names block %v twice", h)
		}
		seen[h] = struct{}{}
		out.Hashes[i] = h
	}
	*v = out
	return nil
}
