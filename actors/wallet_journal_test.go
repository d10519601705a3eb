package actors

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smallnano/smallnano/actors/core/wallet"
	"github.com/smallnano/smallnano/actors/mailbox"
	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/messages/lattice"
)

func minimumRecord(n uint64) wallet.Record {
	return wallet.Record{Kind: wallet.KindMinimum, Intent: wallet.Intent{Amount: lattice.AmountFrom(n)}}
}

// replayed opens the journal of a folder and returns the amounts in it.
func replayed(t *testing.T, dir string) (amounts []uint64, err error) {
	t.Helper()
	j, err := openJournal(dir, func(r *wallet.Record) error {
		amounts = append(amounts, r.Intent.Amount.Lo)
		return nil
	})
	if err == nil {
		err = j.close()
	}
	return amounts, err
}

// A journal that is cut off anywhere holds whole frames up to there, and goes
// on; one with a byte changed in an earlier frame is refused.
func TestJournalCutAndChanged(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	ends := []int{len(journalMagic)}
	for i := range uint64(4) {
		if err := j.append([]wallet.Record{minimumRecord(2 * i), minimumRecord(2*i + 1)}); err != nil {
			t.Fatal(err)
		}
		info, err := j.file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, int(info.Size()))
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, journalFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for cut := range len(whole) + 1 {
		frames := 0
		for frames+1 < len(ends) && ends[frames+1] <= cut {
			frames++
		}
		for _, tail := range [][]byte{nil, make([]byte, 100)} { // some file systems leave zeros
			if len(tail) > 0 && cut != ends[frames] {
				continue
			}
			if cut < len(journalMagic) && len(tail) > 0 {
				continue
			}
			write(append(append([]byte{}, whole[:cut]...), tail...))
			if got, err := replayed(t, dir); err != nil || len(got) != 2*frames {
				t.Fatalf("cut at %d with %d zeros: %v, %v", cut, len(tail), got, err)
			}
			if got, err := replayed(t, dir); err != nil || len(got) != 2*frames {
				t.Fatalf("cut at %d, opened again: %v, %v", cut, got, err)
			}
		}
	}
	for at := range ends[3] { // the last frame may be torn; the others may not be changed
		changed := append([]byte{}, whole...)
		changed[at] ^= 0x40
		write(changed)
		got, err := replayed(t, dir)
		if err == nil && len(got) == 8 {
			t.Errorf("byte %d changed and nobody noticed", at)
		}
		if !errors.Is(err, errJournal) {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
}

// A journal is replaced by an extract of what is in it, and goes on from there.
// A failure leaves it as it was.
func TestJournalIsReplaced(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(3) {
		if err := j.append([]wallet.Record{minimumRecord(i)}); err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("broken")
	if err := j.replace(func(f func(*wallet.Record) error) error {
		r := minimumRecord(9)
		return errors.Join(f(&r), broken)
	}); !errors.Is(err, broken) {
		t.Errorf("an extract that fails: %v", err)
	}
	const many = 20_000 // several frames
	if err := j.replace(func(f func(*wallet.Record) error) error {
		for i := range uint64(many) {
			r := minimumRecord(i)
			if err := f(&r); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := j.append([]wallet.Record{minimumRecord(many)}); err != nil {
		t.Fatal(err)
	}
	info, err := j.file.Stat()
	if err != nil || info.Size() != j.size || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has %d bytes, %d are counted; mode %v, %v", info.Size(), j.size, info.Mode(), err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	got, err := replayed(t, dir)
	if err != nil || len(got) != many+1 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, n := range got {
		if n != uint64(i) {
			t.Fatalf("record %d is %d", i, n)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".journal-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestJournalGrows(t *testing.T) {
	for _, c := range []struct {
		size, extract int64
		want          bool
	}{{compactAt, 0, false}, {compactAt + 1, 0, true}, {10 << 20, 5 << 20, false}, {16 << 20, 5 << 20, true}} {
		if got := (&journal{size: c.size, extract: c.extract}).grown(); got != c.want {
			t.Errorf("%d bytes after an extract of %d: %v", c.size, c.extract, got)
		}
	}
}

// A journal that is empty or gone beside keystores is refused, with what to do, and
// left as it is; without a keystore it is a new one.
func TestJournalLostBesideKeystores(t *testing.T) {
	for name, content := range map[string][]byte{"gone": nil, "empty": {}, "cut": []byte(journalMagic[:3])} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, journalFile)
			if content != nil {
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			id := wallet.ID{1, 2, 3}
			if err := writeKeystore(dir, id, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			if _, err := replayed(t, dir); !errors.Is(err, errJournal) || !strings.Contains(err.Error(), id.String()) || !strings.Contains(err.Error(), "restore") {
				t.Fatalf("%v", err)
			}
			if left, _ := os.ReadFile(path); string(left) != string(content) {
				t.Errorf("the journal is now %q", left)
			}
			if err := os.Remove(keystorePath(dir, id)); err != nil {
				t.Fatal(err)
			}
			if _, err := replayed(t, dir); err != nil {
				t.Error(err)
			}
			if err := writeKeystore(dir, id, []byte("{}")); err != nil { // cut short before the journal had it
				t.Fatal(err)
			}
			if _, err := replayed(t, dir); err != nil {
				t.Errorf("a keystore whose wallet was never told of: %v", err)
			}
		})
	}
}

// Why an actor is not there stands beside that.
func TestFailureText(t *testing.T) {
	a := supervise.ActorHealth{State: supervise.BackingOff, LastFailure: &supervise.Failure{Err: &mailbox.Panic{Value: errors.New("actors: the journal is damaged\nstack")}}}
	if got := failureText(&a); got != ": the journal is damaged" {
		t.Errorf("%q", got)
	}
	if a.State = supervise.Running; failureText(&a) != "" {
		t.Error("told of one that runs again")
	}
}
