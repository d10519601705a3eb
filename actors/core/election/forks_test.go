package election

import (
	"testing"
	"time"

	"github.com/smallnano/smallnano/messages/lattice"
)

func forkOf(account, number byte) (lattice.Block, lattice.Hash) {
	return lattice.Block{Account: lattice.Account{account}, Balance: lattice.AmountFrom(uint64(number))}, lattice.Hash{account, number}
}

func TestForksAreBounded(t *testing.T) {
	f := NewForks(2)
	for account := byte(1); account <= 3; account++ {
		for number := range byte(MaxBlocks + 1) {
			b, h := forkOf(account, number)
			if kept := f.Put(b, h); kept != (number < MaxBlocks) {
				t.Errorf("fork %d of root %d: kept %v", number, account, kept)
			}
			if f.Put(b, h) {
				t.Errorf("fork %d of root %d was taken twice", number, account)
			}
		}
	}
	if f.Len() != 2 {
		t.Errorf("%d roots, want 2", f.Len())
	}
	for account := byte(1); account <= 3; account++ {
		b, _ := forkOf(account, 0)
		kept := f.Of(b.QualifiedRoot())
		if want := map[bool]int{true: MaxBlocks}[account > 1]; len(kept) != want {
			t.Errorf("root %d has %d forks, want %d", account, len(kept), want)
		}
		for i, k := range kept {
			if k.Hash[1] != byte(i) {
				t.Errorf("root %d: fork %d is number %d", account, i, k.Hash[1])
			}
		}
	}
}

func TestForksForgetWhatIsDecided(t *testing.T) {
	f := NewForks(1)
	b, h := forkOf(1, 1)
	f.Put(b, h)
	f.Decided(lattice.QualifiedRoot{Account: lattice.Account{9}})
	if f.Len() != 1 {
		t.Error("another root was forgotten")
	}
	f.Decided(b.QualifiedRoot())
	if f.Len() != 0 || len(f.Of(b.QualifiedRoot())) != 0 {
		t.Error("a decided root is remembered")
	}
	if !f.Put(b, h) {
		t.Error("no room after a root was decided")
	}
}

// Forks of one root do not push each other out again and again.
func TestForksMakeWayNowAndThen(t *testing.T) {
	f := NewForks(2)
	b, h := forkOf(1, 1)
	other, otherHash := forkOf(2, 1)
	now := time.Unix(1_700_000_000, 0)
	if f.MakeWay(b.QualifiedRoot(), now) {
		t.Error("way for a fork that is not there")
	}
	f.Put(b, h)
	f.Put(other, otherHash)
	for _, step := range []struct {
		root  lattice.QualifiedRoot
		after time.Duration
		want  bool
	}{
		{b.QualifiedRoot(), 0, true},
		{b.QualifiedRoot(), WayInterval - 1, false},
		{other.QualifiedRoot(), WayInterval - 1, true},
		{b.QualifiedRoot(), WayInterval, true},
		{b.QualifiedRoot(), 2*WayInterval - 1, false},
	} {
		if got := f.MakeWay(step.root, now.Add(step.after)); got != step.want {
			t.Errorf("account %v after %v: way is made: %v, want %v", step.root.Account[0], step.after, got, step.want)
		}
	}
}
