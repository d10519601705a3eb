package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// defineBenchVotes is the command "bench votes": reading votes and checking
// their signatures in batches, for votes about one block and about many.
func defineBenchVotes(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	rounds := flags.Int("rounds", 7, "how often each size is measured")
	count := flags.Int("votes", 2048, "votes in a round")
	representatives := flags.Int("representatives", 16, "keys that the votes are signed with")
	sizes := flags.String("hashes", fmt.Sprint("1,12,", lattice.MaxVoteHashes), "blocks that a vote is about, sizes separated by commas")
	return func(b *benchRun) (*load.Report, error) {
		if *rounds < 1 || *count < 1 || *representatives < 1 {
			return nil, misused("--rounds is %d, --votes %d and --representatives %d, want at least 1", *rounds, *count, *representatives)
		}
		r := &load.Report{}
		for size := range strings.SplitSeq(*sizes, ",") {
			hashes, err := strconv.Atoi(size)
			if err != nil || hashes < 1 || hashes > lattice.MaxVoteHashes {
				return nil, misused("--hashes is %s, want numbers from 1 to %d, separated by commas", *sizes, lattice.MaxVoteHashes)
			}
			raw, err := makeVotes(*count, hashes, *representatives)
			if err != nil {
				return nil, err
			}
			var rates, blocks []float64
			for range *rounds {
				_, used, err := timed(func() error { return checkVotes(raw) })
				if err == nil {
					err = b.Err()
				}
				if err != nil {
					return nil, err
				}
				rate := float64(*count) / max(used.Seconds(), 1e-6)
				rates, blocks = append(rates, rate), append(blocks, rate*float64(hashes))
			}
			r.Add(fmt.Sprintf("votes_of_%d_per_second", hashes), "1/s of one core", rates...)
			r.Add(fmt.Sprintf("hashes_in_votes_of_%d_per_second", hashes), "1/s of one core", blocks...)
		}
		return r, nil
	}
}

func makeVotes(count, hashes, representatives int) (raw [][]byte, err error) {
	network := lattice.Dev()
	keys := make([]crypto.PrivateKey, representatives)
	for i := range keys {
		keys[i] = crypto.NewPrivateKey(crypto.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i))))
	}
	next := uint64(0)
	for i := range count {
		v := lattice.Vote{Timestamp: uint64(i) + 1, Hashes: make([]lattice.Hash, hashes)}
		for j := range v.Hashes {
			next++
			binary.LittleEndian.PutUint64(v.Hashes[j][:], next)
		}
		v.Sign(network.ID, keys[i%len(keys)])
		text, err := v.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		raw = append(raw, text)
	}
	return raw, nil
}

// votesAtOnce is how many votes are checked together, as the node does when it
// is busy.
const votesAtOnce = 64

func checkVotes(raw [][]byte) error {
	id := lattice.Dev().ID
	for len(raw) > 0 {
		n := min(votesAtOnce, len(raw))
		checks := make([]crypto.Check, n)
		for i, text := range raw[:n] {
			var v lattice.Vote
			if err := v.UnmarshalBinary(text); err != nil {
				return err
			}
			digest := v.Digest(id)
			checks[i] = crypto.Check{Key: v.Representative.Key(), Message: digest[:], Signature: v.Signature}
		}
		for _, good := range crypto.VerifyBatch(checks, rand.Reader) {
			if !good {
				return errors.New("a made-up vote is refused")
			}
		}
		raw = raw[n:]
	}
	return nil
}
