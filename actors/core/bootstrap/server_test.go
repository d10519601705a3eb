package bootstrap

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smallnano/smallnano/messages/lattice"
)

// TestAnswersAreTrue asks a ledger everything, with sense and without. What it
// answers is confirmed, within the limits, in order, and passes the checks of
// the asking side.
func TestAnswersAreTrue(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 4))
		u := newUniverse(rng)
		u.grow(600, 3)
		l := u.ledger(len(u.blocks))
		for _, a := range u.heads {
			ch := l.accounts[a]
			switch rng.IntN(4) {
			case 0:
				ch.confirmed = rng.IntN(len(ch.hashes) + 1)
			case 1:
				for keep := 1 + rng.IntN(len(ch.hashes)); ch.pruned < len(ch.hashes)-keep; ch.pruned++ {
					delete(l.blocks, ch.hashes[ch.pruned])
				}
			}
		}
		for range 2000 {
			b := u.blocks[rng.IntN(len(u.blocks))]
			q := Request{Kind: AskBlocks, Mode: Mode(rng.IntN(2)), Account: b.Account, Hash: b.Hash, Height: rng.Uint64N(20), Count: 1 + rng.IntN(140)}
			if rng.IntN(20) == 0 {
				q.Account, q.Hash = lattice.Account{1}, lattice.Hash{1}
			}
			checkAnswer(t, l, q)
		}
		checkPages(t, l, u, rng)
	}
}

func checkAnswer(t *testing.T, l *chains, q Request) {
	t.Helper()
	a, err := AnswerBlocks(l, q)
	if err != nil {
		t.Fatal(err)
	}
	q.Count, q.Height = min(q.Count, MaxPullBlocks), max(q.Height, 1)
	wire := Blocks{Code: a.Code, First: a.First, Pruned: a.Pruned}
	for i := range a.Blocks {
		wire.Blocks = append(wire.Blocks, Block{&a.Blocks[i].Block, a.Blocks[i].Hash})
	}
	if why := checkBlocks(&q, &wire); why != 0 {
		t.Fatalf("the answer to %v is not accepted: %v", q, why)
	}
	account, from := q.Account, q.Height
	if q.Mode == ByHash {
		stored, here, _ := l.Block(q.Hash)
		if !here || !stored.Confirmed {
			if a.Code != Unknown {
				t.Fatalf("%v: %v, want unknown", q, a.Code)
			}
			return
		}
		account, from = stored.Block.Account, stored.Height
	}
	info, _ := l.Account(account)
	want, n := OK, 0
	switch {
	case info.ConfirmedHeight == 0:
		want = Unknown
	case from <= info.PrunedHeight:
		want = Pruned
	case from <= info.ConfirmedHeight:
		n = int(min(info.ConfirmedHeight-from+1, uint64(q.Count)))
	}
	if a.Code != want || len(a.Blocks) != n || want == Pruned && a.Pruned != info.PrunedHeight {
		t.Fatalf("%v of %+v: %v with %d blocks, want %v with %d", q, info, a.Code, len(a.Blocks), want, n)
	}
	for i, b := range a.Blocks {
		if b.Hash != l.accounts[account].hashes[from-1+uint64(i)] {
			t.Fatalf("%v: block %d is not that of the chain", q, i)
		}
	}
}

// checkPages reads all frontiers page by page.
func checkPages(t *testing.T, l *chains, u *universe, rng *rand.Rand) {
	t.Helper()
	got := map[lattice.Account]Frontier{}
	start, count := lattice.Account{}, 1+rng.IntN(40)
	for {
		page, err := AnswerFrontiers(l, start, count)
		if err != nil {
			t.Fatal(err)
		}
		if why := checkFrontiers(&Request{Account: start, Count: count}, page); why != 0 {
			t.Fatalf("a page is not accepted: %v", why)
		}
		for _, f := range page {
			got[f.Account] = f
		}
		if len(page) < count {
			break
		}
		start, _ = after(page[len(page)-1].Account)
	}
	n := 0
	for _, a := range u.heads {
		info, _ := l.Account(a)
		if info.ConfirmedHeight == 0 {
			continue
		}
		n++
		if want := (Frontier{a, info.ConfirmedFrontier, info.ConfirmedHeight, info.PrunedHeight}); got[a] != want {
			t.Fatalf("frontier %+v, want %+v", got[a], want)
		}
	}
	if len(got) != n {
		t.Fatalf("%d frontiers, want %d", len(got), n)
	}
}

func TestAnswerErrors(t *testing.T) {
	u := newUniverse(rand.New(rand.NewPCG(1, 1)))
	u.grow(10, 2)
	l := u.ledger(len(u.blocks))
	l.fail = errors.New("disk on fire")
	for _, mode := range []Mode{ByAccount, ByHash} {
		if _, err := AnswerBlocks(l, Request{Mode: mode, Account: u.heads[0], Hash: u.blocks[0].Hash, Count: 1}); !errors.Is(err, l.fail) {
			t.Errorf("mode %d: %v", mode, err)
		}
	}
	if _, err := AnswerFrontiers(l, lattice.Account{}, 1); !errors.Is(err, l.fail) {
		t.Errorf("frontiers: %v", err)
	}
	l.fail = nil
	if a, err := AnswerBlocks(l, Request{Mode: 9, Account: u.heads[0], Count: 1}); err != nil || a.Code != Unknown {
		t.Errorf("no such mode: %v, %v", a.Code, err)
	}
	if AnswerBusy().Code != Busy {
		t.Error("busy is not busy")
	}
}

// TestCheckBlocks breaks one rule at a time.
func TestCheckBlocks(t *testing.T) {
	u := newUniverse(rand.New(rand.NewPCG(1, 1)))
	for range 9 {
		u.make(u.heads[0], lattice.Link{}, false)
	}
	chain := u.blocks // heights 1 to 10
	byAccount := Request{Kind: AskBlocks, Account: chain[0].Account, Height: 4, Count: 3}
	fromStart := Request{Kind: AskBlocks, Account: chain[0].Account, Height: 1, Count: 3}
	byHash := Request{Kind: AskBlocks, Mode: ByHash, Hash: chain[3].Hash, Count: 3}
	foreign := u.make(u.account(), lattice.Link{}, false)
	for name, c := range map[string]struct {
		q    Request
		a    Blocks
		want Reason
	}{
		"as asked":                    {byAccount, Blocks{First: 4, Blocks: chain[3:6]}, 0},
		"fewer":                       {byAccount, Blocks{First: 4, Blocks: chain[3:4]}, 0},
		"none":                        {byAccount, Blocks{First: 4}, 0},
		"from the first":              {fromStart, Blocks{First: 1, Blocks: chain[:3]}, 0},
		"by hash":                     {byHash, Blocks{First: 4, Blocks: chain[3:6]}, 0},
		"unknown":                     {byHash, Blocks{Code: Unknown}, 0},
		"pruned":                      {byAccount, Blocks{Code: Pruned, Pruned: 4}, 0},
		"busy":                        {byAccount, Blocks{Code: Busy}, 0},
		"no such code":                {byAccount, Blocks{Code: 4}, BadCode},
		"unknown, with blocks":        {byAccount, Blocks{Code: Unknown, First: 4, Blocks: chain[3:6]}, BadCode},
		"busy, with blocks":           {byAccount, Blocks{Code: Busy, First: 4, Blocks: chain[3:6]}, BadCode},
		"pruned below what was asked": {byAccount, Blocks{Code: Pruned, Pruned: 3}, BadCode},
		"too many":                    {byAccount, Blocks{First: 4, Blocks: chain[3:7]}, TooMany},
		"another height":              {byAccount, Blocks{First: 5, Blocks: chain[4:6]}, WrongStart},
		"height does not fit":         {byAccount, Blocks{First: 3, Blocks: chain[3:6]}, WrongStart},
		"another hash":                {byHash, Blocks{First: 5, Blocks: chain[4:6]}, WrongStart},
		"height 0":                    {byHash, Blocks{First: 0, Blocks: chain[3:6]}, WrongStart},
		"first block above height 1":  {byAccount, Blocks{First: 4, Blocks: chain[:3]}, WrongStart},
		"other block at height 1":     {fromStart, Blocks{First: 1, Blocks: chain[1:3]}, WrongStart},
		"a hole":                      {byAccount, Blocks{First: 4, Blocks: []Block{chain[3], chain[5]}}, NotConsecutive},
		"backwards":                   {byAccount, Blocks{First: 4, Blocks: []Block{chain[3], chain[2]}}, NotConsecutive},
		"twice the same":              {byAccount, Blocks{First: 4, Blocks: []Block{chain[3], chain[3]}}, NotConsecutive},
		"another account":             {fromStart, Blocks{First: 1, Blocks: []Block{foreign}}, WrongAccount},
		"another account later":       {byHash, Blocks{First: 4, Blocks: []Block{chain[3], foreign}}, WrongAccount},
	} {
		if got := checkBlocks(&c.q, &c.a); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestCheckFrontiers breaks one rule at a time.
func TestCheckFrontiers(t *testing.T) {
	page := []Frontier{}
	for i := range 5 {
		page = append(page, Frontier{Account: lattice.Account{byte(2 + i)}, Hash: lattice.Hash{1}, Height: 3})
	}
	q := Request{Kind: AskFrontiers, Account: lattice.Account{2}, Count: 5}
	for name, c := range map[string]struct {
		spoil func(p []Frontier) []Frontier
		want  Reason
	}{
		"as asked": {func(p []Frontier) []Frontier { return p }, 0},
		"fewer":    {func(p []Frontier) []Frontier { return p[1:2] }, 0},
		"none":     {func(p []Frontier) []Frontier { return nil }, 0},
		"too many": {func(p []Frontier) []Frontier {
			return append(p, Frontier{Account: lattice.Account{99}, Hash: lattice.Hash{1}, Height: 1})
		}, TooMany},
		"before start": {func(p []Frontier) []Frontier { p[0].Account = lattice.Account{1}; return p }, WrongStart},
		"twice":        {func(p []Frontier) []Frontier { p[1] = p[0]; return p }, NotConsecutive},
		"out of order": {func(p []Frontier) []Frontier { p[1], p[2] = p[2], p[1]; return p }, NotConsecutive},
		"height 0":     {func(p []Frontier) []Frontier { p[3].Height = 0; return p }, NotConsecutive},
		"no hash":      {func(p []Frontier) []Frontier { p[4].Hash = lattice.Hash{}; return p }, NotConsecutive},
	} {
		if got := checkFrontiers(&q, c.spoil(slices.Clone(page))); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestEmptyPages: many accounts without a confirmed block do not hide those
// behind them, and do not make an answer cost without limit.
func TestEmptyPages(t *testing.T) {
	u := newUniverse(rand.New(rand.NewPCG(1, 1)))
	for range 3000 {
		u.make(u.account(), lattice.Link{}, false)
	}
	l := u.ledger(len(u.blocks))
	entries, _ := l.Accounts(lattice.Account{}, 4000)
	confirmed := entries[1000].Account
	for a, ch := range l.accounts {
		if a != confirmed {
			ch.confirmed = 0
		}
	}
	if page, err := AnswerFrontiers(l, lattice.Account{}, 512); err != nil || len(page) != 1 || page[0].Account != confirmed {
		t.Errorf("page %v, error %v", page, err)
	}
	l.reads = 0
	if page, err := AnswerFrontiers(l, lattice.Account{}, 10); err != nil || len(page) != 0 || l.reads > 10*maxEmptyPages {
		t.Errorf("page %v, error %v, %d reads", page, err, l.reads)
	}
}
