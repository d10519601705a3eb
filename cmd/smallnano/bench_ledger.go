package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/smallnano/smallnano/actors"
	"github.com/smallnano/smallnano/actors/core/ledger"
	"github.com/smallnano/smallnano/cmd/load"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// ledgerBench measures how fast blocks are verified, inserted and confirmed,
// without a network: the rules, the signatures and the database.
type ledgerBench struct {
	blocks, accounts, batch, cement, signatures int
	make                                        bool

	network *lattice.Network
	checked chan []checkedBlock // batches on their way from the checks to the database
}

type checkedBlock struct {
	block lattice.Block
	hash  lattice.Hash
	good  bool
}

func (l *ledgerBench) define(flags *flag.FlagSet) {
	flags.IntVar(&l.blocks, "blocks", 100_000, "blocks that are inserted")
	flags.IntVar(&l.accounts, "accounts", 0, "accounts that they belong to; 0: one in 13 blocks")
	flags.IntVar(&l.batch, "batch", 16384, "blocks in a commit")
	l.network = lattice.Dev()
}

func (l *ledgerBench) validate() error {
	if l.accounts == 0 {
		l.accounts = max(1, l.blocks/13)
	}
	if l.blocks < 100 || l.blocks > 100_000_000 || l.accounts < 1 || l.accounts > l.blocks || l.batch < 1 || l.batch > 1<<16 {
		return misused("--blocks is %d, --accounts %d and --batch %d, want 100 to 100000000, 1 to as many, and 1 to 65536", l.blocks, l.accounts, l.batch)
	}
	return nil
}

// defineBenchLedger is the command "bench ledger". The blocks are made by
// another process, which is not measured.
func defineBenchLedger(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	l := &ledgerBench{}
	l.define(flags)
	flags.IntVar(&l.signatures, "signatures", 1, "how often the signature of a block is checked: 1, or 0 for the insertion alone")
	flags.BoolVar(&l.make, "make", false, "only write the blocks, as the protocol does, to the standard output")
	return func(b *benchRun) (*load.Report, error) {
		if err := l.validate(); err != nil {
			return nil, err
		}
		if l.signatures != 0 && l.signatures != 1 {
			return nil, misused("--signatures is %d, want 0 or 1", l.signatures)
		}
		if l.make {
			return &load.Report{}, l.write(b, os.Stdout)
		}
		return l.run(b)
	}
}

// defineBenchCementing is the command "bench cementing".
func defineBenchCementing(flags *flag.FlagSet) func(*benchRun) (*load.Report, error) {
	l := &ledgerBench{}
	l.define(flags)
	flags.IntVar(&l.cement, "cement", 2048, "blocks that are confirmed in a commit")
	return func(b *benchRun) (*load.Report, error) {
		if err := l.validate(); err != nil {
			return nil, err
		}
		if l.cement < 1 {
			return nil, misused("--cement is %d, want at least 1", l.cement)
		}
		return l.run(b)
	}
}

// makeAtOnce is how many blocks are signed together, on all cores.
const makeAtOnce = 1024

// write makes the blocks and writes them as the protocol does.
func (l *ledgerBench) write(ctx context.Context, to io.Writer) error {
	m := newLedgerMaker(l.network, l.accounts)
	m.popularAccounts()
	m.later = true
	blocks, owners := make([]lattice.Block, 0, makeAtOnce), make([]int, 0, makeAtOnce)
	out := make([]byte, 0, makeAtOnce*lattice.BlockSize)
	for left := l.blocks; left > 0; left -= len(blocks) {
		if err := ctx.Err(); err != nil {
			return err
		}
		blocks, owners, out = blocks[:0], owners[:0], out[:0]
		for range min(left, makeAtOnce) {
			b, _ := m.next()
			blocks, owners = append(blocks, b), append(owners, m.last)
		}
		actors.Cores{}.Split(len(blocks), func(from, to int) {
			for i := from; i < to; i++ {
				m.finish(&blocks[i], owners[i], blocks[i].Work)
			}
		})
		for i := range blocks {
			raw := blocks[i].Bytes()
			out = append(out, raw[:]...)
		}
		if _, err := to.Write(out); err != nil {
			return fmt.Errorf("cannot hand over the blocks of a benchmark: %w", err)
		}
	}
	return nil
}

// partBlocks bounds the blocks that are made at a time. The process that makes
// them stands still while they are inserted, and they take no more of the disk.
const partBlocks = 1 << 19

// blockSource hands out the blocks that another process makes, in parts of one
// size but for the last.
type blockSource struct {
	command *exec.Cmd
	out     io.ReadCloser
	file    *os.File // the part
	left    int      // blocks after this part
	part    int
}

func (l *ledgerBench) startMaking(b *benchRun, dir string) (*blockSource, error) {
	command, err := selfCommand(b, b.say, []string{
		"bench", "ledger", "--json", "--make", fmt.Sprint("--blocks=", l.blocks), fmt.Sprint("--accounts=", l.accounts),
	})
	if err != nil {
		return nil, err
	}
	s := &blockSource{command: command, left: l.blocks, part: l.blocks}
	if l.cement == 0 { // which needs all of them once more
		parts := (l.blocks + partBlocks - 1) / partBlocks
		s.part = (l.blocks + parts - 1) / parts
	}
	if s.file, err = os.Create(filepath.Join(dir, "blocks")); err != nil {
		return nil, fmt.Errorf("cannot keep the blocks of a benchmark: %w", err)
	}
	if s.out, err = command.StdoutPipe(); err == nil {
		err = command.Start()
	}
	if err != nil {
		s.file.Close()
		return nil, fmt.Errorf("cannot make blocks: %w", err)
	}
	return s, nil
}

// next waits for the next part and returns how many blocks it has, none at the
// end.
func (s *blockSource) next() (blocks int, err error) {
	blocks = min(s.part, s.left)
	if blocks == 0 {
		return 0, nil
	}
	s.left -= blocks
	if err := s.rewind(); err != nil {
		return 0, err
	}
	if _, err := io.CopyN(s.file, s.out, int64(blocks)*lattice.BlockSize); err != nil {
		return 0, fmt.Errorf("cannot keep the blocks of a benchmark: %w", err)
	}
	return blocks, s.rewind()
}

func (s *blockSource) rewind() error {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("cannot read the blocks of a benchmark: %w", err)
	}
	return nil
}

// stop ends the process, whatever it has left to say.
func (s *blockSource) stop() {
	s.out.Close()
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
	s.file.Close()
}

func (l *ledgerBench) run(b *benchRun) (*load.Report, error) {
	dir, remove, err := b.folder()
	if err != nil {
		return nil, err
	}
	defer remove()
	fmt.Fprintf(b.say, "%d blocks of %d accounts, each part is made before it is inserted\n", l.blocks, l.accounts)
	runtime.LockOSThread() // see childAttributes
	defer runtime.UnlockOSThread()
	blocks, err := l.startMaking(b, dir)
	if err != nil {
		return nil, err
	}
	defer blocks.stop()
	path := filepath.Join(dir, ledgerFile)
	store, err := storage.Open(path, storage.Options{Network: l.network})
	if err != nil {
		return nil, err
	}
	r := &load.Report{}
	err = l.measure(b, r, store, blocks)
	if closed := store.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("no ledger was made: %w", err)
	}
	r.Add("bytes_per_block", "bytes, all included", float64(info.Size())/float64(l.blocks))
	r.Add("peak_rss_mb", "MB", float64(peakBytes("self"))/megabyte)
	return r, nil
}

func (l *ledgerBench) measure(b *benchRun, r *load.Report, store storage.Store, blocks *blockSource) error {
	var wall, used, last time.Duration // last: of the last tenth, at full size
	done, tenth := 0, l.blocks-l.blocks/10
	curve := newCurve(l.blocks)
	for {
		before := processorTime()
		count, err := blocks.next()
		if err != nil || count == 0 {
			if err != nil {
				return err
			}
			break
		}
		curve.used += processorTime() - before
		w, u, err := timed(func() error {
			return l.insertAll(b, store, blocks.file, count, func(inserted int, f func() error) error {
				curve.reached(done + inserted)
				if done+inserted < tenth {
					return f()
				}
				t, _, err := timed(f)
				last += t
				return err
			})
		})
		if err != nil {
			return err
		}
		wall, used, done = wall+w, used+u, done+count
	}
	n := float64(l.blocks)
	name := "blocks"
	if l.signatures == 0 {
		name = "inserted_blocks"
	}
	r.Add(name+"_per_second", "1/s", n/wall.Seconds())
	r.Add(name[:len(name)-1]+"_cpu_us", "us of one core", micro(used)/n)
	curve.reached(l.blocks)
	curve.report(r)
	if l.signatures > 0 {
		each, err := l.signatureTime(blocks)
		if err != nil {
			return err
		}
		r.Add("signature_cpu_us", "us of one core", micro(each))
		r.Add("signature_share", "of the processor time", micro(each)*n/micro(used))
		if last > 0 { // else a commit is more than a tenth
			r.Add("last_tenth_insert_us", "us of the writer for a block", micro(last)/float64(l.blocks-tenth))
		}
		return nil
	}
	if l.cement == 0 {
		return nil
	}
	return l.cementAll(b, r, store, blocks)
}

// curve is what a block costs while the ledger grows, in ten parts.
type curve struct {
	step, next, from int
	used             time.Duration // at from
	parts            []curvePart
}

type curvePart struct {
	upTo int
	each time.Duration
}

func newCurve(blocks int) *curve {
	step := max(1, blocks/10)
	return &curve{step: step, next: step, used: processorTime()}
}

// reached notes that so many blocks are in.
func (c *curve) reached(done int) {
	if done < c.next || done-c.from <= c.step/2 { // a small part says little: checks run ahead
		return
	}
	used := processorTime()
	c.parts = append(c.parts, curvePart{done, (used - c.used) / time.Duration(done-c.from)})
	c.from, c.used, c.next = done, used, done-done%c.step+c.step
}

func (c *curve) report(r *load.Report) {
	for _, p := range c.parts {
		r.Add(fmt.Sprintf("cpu_us_up_to_%d", p.upTo), "us of one core, a block since the last", micro(p.each))
	}
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// insertAll checks and inserts so many blocks of a file, the checks a batch ahead
// of the insertion.
func (l *ledgerBench) insertAll(ctx context.Context, store storage.Store, from io.Reader, count int, each func(done int, f func() error) error) error {
	ctx, cancel := context.WithCancel(ctx)
	l.checked = make(chan []checkedBlock, 1)
	failed := make(chan error, 1)
	go func() {
		failed <- l.checkAll(ctx, from, count)
		close(l.checked)
	}()
	err := l.insertChecked(store, each)
	cancel()
	for range l.checked { // until it has ended
	}
	if checked := <-failed; err == nil {
		err = checked
	}
	return err
}

func (l *ledgerBench) checkAll(ctx context.Context, from io.Reader, count int) error {
	in := bufio.NewReaderSize(from, 1<<16)
	for left := count; left > 0; left -= min(left, l.batch) {
		blocks, err := l.read(in, min(left, l.batch))
		if err != nil {
			return err
		}
		if l.signatures > 0 {
			actors.Cores{}.Split(len(blocks), func(from, to int) { checkSignatures(blocks[from:to]) })
		}
		select {
		case l.checked <- blocks:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (l *ledgerBench) read(in io.Reader, count int) ([]checkedBlock, error) {
	blocks := make([]checkedBlock, count)
	raw := make([]byte, lattice.BlockSize)
	for i := range blocks {
		if _, err := io.ReadFull(in, raw); err != nil {
			return nil, fmt.Errorf("cannot read the blocks of a benchmark: %w", err)
		}
		if err := blocks[i].block.UnmarshalBinary(raw); err != nil {
			return nil, fmt.Errorf("cannot read the blocks of a benchmark: %w", err)
		}
		blocks[i].hash = l.network.HashOf(&blocks[i].block)
		blocks[i].good = l.signatures == 0
	}
	return blocks, nil
}

func checkSignatures(blocks []checkedBlock) {
	checks := make([]crypto.Check, len(blocks))
	for i := range blocks {
		b := &blocks[i]
		checks[i] = crypto.Check{Key: b.block.Account.Key(), Message: b.hash[:], Signature: b.block.Signature}
	}
	for i, good := range crypto.VerifyBatch(checks, rand.Reader) {
		blocks[i].good = good
	}
}

func (l *ledgerBench) insertChecked(store storage.Store, each func(done int, f func() error) error) error {
	done := 0
	for blocks := range l.checked {
		err := each(done, func() error {
			return store.Update(func(tx storage.Tx) error { return l.insert(tx, blocks) })
		})
		if err != nil {
			return err
		}
		done += len(blocks)
	}
	return nil
}

func (l *ledgerBench) insert(tx storage.Tx, blocks []checkedBlock) error {
	for i := range blocks {
		b := &blocks[i]
		c, err := tx.Context(&b.block, b.hash, time.Now())
		if err != nil {
			return err
		}
		c.SignatureVerified = b.good
		e, err := ledger.Validate(l.network, &b.block, c)
		if err != nil {
			return fmt.Errorf("a made-up block is refused: %w", err)
		}
		if err := tx.Apply(&e); err != nil {
			return err
		}
	}
	return nil
}

// signatureTime measures the checks alone.
func (l *ledgerBench) signatureTime(from *blockSource) (time.Duration, error) {
	if err := from.rewind(); err != nil {
		return 0, err
	}
	count := min(from.part, 8192) // a short last part leaves the rest of the one before it
	blocks, err := l.read(bufio.NewReader(from.file), count)
	if err != nil {
		return 0, err
	}
	_, used, _ := timed(func() error {
		for len(blocks) > 0 {
			n := min(l.batch/2+1, len(blocks)) // as on two cores
			checkSignatures(blocks[:n])
			blocks = blocks[n:]
		}
		return nil
	})
	return used / time.Duration(count), nil
}

// cementAll confirms all blocks in the order in which they were made.
func (l *ledgerBench) cementAll(b *benchRun, r *load.Report, store storage.Store, from *blockSource) error {
	if err := from.rewind(); err != nil {
		return err
	}
	in := bufio.NewReaderSize(from.file, 1<<16)
	var wall, used time.Duration
	for left := l.blocks; left > 0 && b.Err() == nil; left -= min(left, l.cement) {
		blocks, err := l.read(in, min(left, l.cement))
		if err != nil {
			return err
		}
		w, u, err := timed(func() error {
			return store.Update(func(tx storage.Tx) error { return cementBlocks(tx, blocks) })
		})
		if err != nil {
			return err
		}
		wall, used = wall+w, used+u
	}
	r.Add("cemented_per_second", "1/s", float64(l.blocks)/wall.Seconds())
	r.Add("cement_cpu_us", "us of one core", micro(used)/float64(l.blocks))
	return b.Err()
}

func cementBlocks(tx storage.Tx, blocks []checkedBlock) error {
	for i := range blocks {
		order, _, err := ledger.CementOrder(tx, blocks[i].hash, len(blocks))
		if err != nil {
			return err
		}
		for _, h := range order {
			if _, err := tx.Cement(h); err != nil {
				return err
			}
		}
	}
	return nil
}
