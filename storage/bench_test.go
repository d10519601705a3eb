package storage

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/messages/lattice"
)

// traffic makes blocks of a shape that ledgers have: half sends, half receives
// that follow soon, few accounts with most of the blocks, a handful of
// representatives. Signatures are noise; nothing here looks at them.
type traffic struct {
	network  *lattice.Network
	rng      *rand.Rand
	popular  *rand.Zipf
	accounts []lattice.Account
	heads    map[int]*lattice.Block
	waiting  []wait
	count    int
}

type wait struct {
	to     int
	send   lattice.Hash
	amount lattice.Amount
}

func newTraffic(accounts int) *traffic {
	n := lattice.Dev()
	n.SendThreshold, n.ReceiveThreshold = 0, 0
	rng := rand.New(rand.NewPCG(7, 7))
	tr := &traffic{network: n, rng: rng, popular: rand.NewZipf(rng, 1.2, 20, uint64(accounts-1)), heads: map[int]*lattice.Block{0: &n.Genesis}}
	for range accounts {
		tr.accounts = append(tr.accounts, lattice.Account(tr.noise()))
	}
	tr.accounts[0] = n.Genesis.Account
	return tr
}

func (tr *traffic) noise() (b [32]byte) {
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], tr.rng.Uint64())
	}
	return b
}

func (tr *traffic) pick() int {
	if tr.rng.IntN(3) == 0 {
		return tr.rng.IntN(len(tr.accounts))
	}
	return int(tr.popular.Uint64())
}

func (tr *traffic) next() *lattice.Block {
	tr.count++
	b := &lattice.Block{Work: tr.rng.Uint64()}
	x, y := tr.noise(), tr.noise()
	copy(b.Signature[:], x[:])
	copy(b.Signature[32:], y[:])
	account := 0
	if len(tr.waiting) > 200 || len(tr.waiting) > 100 && tr.rng.IntN(2) == 0 {
		i := tr.rng.IntN(len(tr.waiting))
		w := tr.waiting[i]
		tr.waiting[i] = tr.waiting[len(tr.waiting)-1]
		tr.waiting = tr.waiting[:len(tr.waiting)-1]
		account = w.to
		b.Link, b.Balance = lattice.Link(w.send), w.amount
		if head := tr.heads[account]; head != nil {
			b.Balance = b.Balance.SatAdd(head.Balance)
		} else if b.Representative = tr.accounts[tr.rng.IntN(min(10, len(tr.accounts)))]; tr.rng.IntN(5) == 0 {
			b.Representative = tr.accounts[account]
		}
	} else {
		if tr.count > 4*len(tr.accounts)/10 || tr.rng.IntN(4) > 0 {
			for account = tr.pick(); tr.heads[account] == nil || tr.heads[account].Balance.IsZero(); account = tr.pick() {
			}
		}
		to := tr.pick()
		head := tr.heads[account]
		amount := head.Balance.MulDiv(tr.rng.Uint64()|1, 1<<63).Rsh(1 + uint(tr.rng.IntN(12)))
		if amount.IsZero() {
			amount = lattice.AmountFrom(1)
		}
		b.Link, b.Balance = lattice.Link(tr.accounts[to]), head.Balance.SatSub(amount)
		defer func() {
			tr.waiting = append(tr.waiting, wait{to, tr.network.HashOf(b), head.Balance.SatSub(b.Balance)})
		}()
	}
	b.Account = tr.accounts[account]
	if head := tr.heads[account]; head != nil {
		b.Previous, b.Representative = tr.network.HashOf(head), head.Representative
	}
	tr.heads[account] = b
	return b
}

// BenchmarkInsert inserts and confirms blocks, one batch of both in each
// commit, and reports the time and the bytes on disk that a block costs:
// go test -run - -bench Insert -benchtime 100000x.
func BenchmarkInsert(b *testing.B) {
	for _, batch := range []int{16, 256, 1024, 4096} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) { benchmarkInsert(b, batch) })
	}
}

func benchmarkInsert(b *testing.B, batch int) {
	tr := newTraffic(max(100, b.N/13))
	path := filepath.Join(b.TempDir(), "ledger.db")
	s, err := Open(path, Options{Network: tr.network})
	if err != nil {
		b.Fatal(err)
	}
	var last []lattice.Hash // inserted, to be confirmed
	now := time.Unix(1_700_000_000, 0)
	b.StopTimer()
	b.ResetTimer()
	for done := 0; done < b.N; done += batch {
		blocks := make([]*lattice.Block, min(batch, b.N-done))
		for i := range blocks {
			blocks[i] = tr.next()
		}
		b.StartTimer()
		err := s.Update(func(tx Tx) error {
			for _, h := range last {
				if _, err := tx.Cement(h); err != nil {
					return err
				}
			}
			last = last[:0]
			for _, block := range blocks {
				hash := tr.network.HashOf(block)
				c, err := tx.Context(block, hash, now)
				if err != nil {
					return err
				}
				c.SignatureVerified = true
				e, err := ledger.Validate(tr.network, block, c)
				if err != nil {
					return err
				}
				if err := tx.Apply(&e); err != nil {
					return err
				}
				last = append(last, hash)
			}
			now = now.Add(time.Second)
			return nil
		})
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
	}
	log := fileSize(path + "-wal")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "us/block")
	b.ReportMetric(float64(fileSize(path))/float64(b.N), "bytes/block")
	b.ReportMetric(float64(log)/1e6, "log-MB")
	b.ReportMetric(0, "ns/op")
}
