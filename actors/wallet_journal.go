package actors

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/smallnano/smallnano/actors/core/wallet"
)

// The journal of the wallets is one file: eight bytes that name it, then
// frames. A frame is what one turn of the actor wrote:
//
//	length u32, CRC-32C of the length u32, CRC-32C of the payload u32,
//	payload: records, each behind its length u32
//
// A frame is written at once. If power goes the last one may be cut off; it is
// taken away when the file is opened, since nothing followed from it yet.
// Anything else that is wrong means damage, and the journal is refused: without
// it a send could be made twice.
//
// When it has grown to several times of what matters in it, it is replaced by an
// extract: a new file, complete and on the disk before it takes the name.
const (
	journalFile     = "journal"
	journalMagic    = "smnwal1\n"
	maxJournalFrame = 64 << 20 // bytes
	journalHead     = 12       // bytes in front of a payload

	compactAt    = 4 << 20   // bytes of a journal that is not worth an extract
	compactRatio = 3         // of a journal to its last extract, at which there is another
	extractFrame = 256 << 10 // bytes of a frame of an extract, about
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// errJournal is wrapped by the error about a damaged journal.
var errJournal = errors.New("the journal of the wallets is damaged")

// journal is the open file.
type journal struct {
	dir     string
	file    *os.File
	buf     []byte
	size    int64 // of the file
	extract int64 // size after it was replaced; 0: not known
}

// openJournal opens the journal in a folder, or makes it, and calls replay for
// every record in it.
func openJournal(dir string, replay func(*wallet.Record) error) (*journal, error) {
	path := filepath.Join(dir, journalFile)
	if left, err := filepath.Glob(filepath.Join(dir, ".journal-*")); err == nil { // of an extract that was cut short
		for _, name := range left {
			_ = os.Remove(name)
		}
	}
	if err := refuseLost(dir, path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the journal of the wallets: %w", err)
	}
	j := &journal{dir: dir, file: f}
	end, err := j.read(replay)
	if err == nil {
		err = j.repair(dir, end)
		j.size = max(end, int64(len(journalMagic)))
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

// refuseLost refuses a journal that is not there, or without its first bytes, beside
// keystores: there are none before it was on the disk, so somebody took it away, and a
// new one would hide the wallets and let a send be made twice.
func refuseLost(dir, path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() >= int64(len(journalMagic)) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot open the journal of the wallets: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot look for wallets: %w", err)
	}
	orphans, first := 0, ""
	for _, e := range entries {
		name, ending := strings.CutSuffix(e.Name(), ".json")
		if _, err := wallet.ParseID(name); ending && err == nil {
			if orphans++; first == "" {
				first = e.Name()
			}
		}
	}
	if orphans == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w: it is empty or gone, though the keystores of %d wallets are beside it (%s); restore it from a backup, or move all of them to another folder, start again, and restore the wallets from there (wallet restore --backup FILE) or from their words", path, errJournal, orphans, first)
}

// read replays all whole frames and returns where they end; 0 for a new file.
func (j *journal) read(replay func(*wallet.Record) error) (end int64, err error) {
	info, err := j.file.Stat()
	if err != nil {
		return 0, err
	}
	size, r := info.Size(), bufio.NewReader(j.file)
	magic := make([]byte, len(journalMagic))
	if size < int64(len(magic)) {
		return 0, nil // not even its first write was whole
	}
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != journalMagic {
		return 0, fmt.Errorf("%w: it does not begin like one; restore it from a backup, or move it away and restore the wallets from their words", errJournal)
	}
	end = int64(len(magic))
	for end < size {
		payload, torn, err := readFrame(r, size-end)
		if err != nil {
			return 0, fmt.Errorf("at byte %d: %w", end, err)
		}
		if torn {
			break
		}
		if err := eachRecord(payload, replay); err != nil {
			return 0, fmt.Errorf("at byte %d: %w: %w", end, errJournal, err)
		}
		end += int64(len(payload)) + journalHead
	}
	return end, nil
}

// readFrame reads a frame of which left bytes are in the file. torn: it is the
// last one and not whole.
func readFrame(r io.Reader, left int64) (payload []byte, torn bool, err error) {
	var head [journalHead]byte
	if left < int64(len(head)) {
		return nil, true, nil
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, false, err
	}
	length := int64(binary.LittleEndian.Uint32(head[:4]))
	left -= int64(len(head))
	switch {
	case head == [journalHead]byte{}:
		return nil, true, onlyZeros(r)
	case crc32.Checksum(head[:4], crcTable) != binary.LittleEndian.Uint32(head[4:8]), length == 0, length > maxJournalFrame:
		return nil, false, fmt.Errorf("%w: the length of a frame is wrong", errJournal)
	case length > left: // the length is right, so the frame is cut off
		return nil, true, nil
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, false, err
	}
	if crc32.Checksum(payload, crcTable) != binary.LittleEndian.Uint32(head[8:]) {
		if length == left {
			return nil, true, nil
		}
		return nil, false, fmt.Errorf("%w: a checksum does not match", errJournal)
	}
	return payload, false, nil
}

// onlyZeros refuses anything but the zeros that some file systems leave at the
// end after power was lost.
func onlyZeros(r io.Reader) error {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return fmt.Errorf("%w: an empty frame", errJournal)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func eachRecord(payload []byte, replay func(*wallet.Record) error) error {
	for len(payload) > 0 {
		if len(payload) < 4 {
			return errors.New("a record is cut off")
		}
		n := uint64(binary.LittleEndian.Uint32(payload))
		if n > uint64(len(payload)-4) {
			return errors.New("a record is cut off")
		}
		r, err := wallet.ParseRecord(payload[4 : 4+n])
		if err != nil {
			return err
		}
		if err := replay(&r); err != nil {
			return err
		}
		payload = payload[4+n:]
	}
	return nil
}

// repair takes away what is not whole, and begins a new file.
func (j *journal) repair(dir string, end int64) error {
	if err := j.file.Truncate(end); err != nil {
		return err
	}
	if _, err := j.file.Seek(end, io.SeekStart); err != nil {
		return err
	}
	if end == 0 {
		if _, err := j.file.WriteString(journalMagic); err != nil {
			return err
		}
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	return syncFolder(dir)
}

// append writes records as one frame, and waits for the disk if one of them
// asks for it. After an error the journal must not be used any more.
func (j *journal) append(records []wallet.Record) error {
	buf, safe := append(j.buf[:0], make([]byte, journalHead)...), false
	for i := range records {
		var err error
		if buf, err = appendRecord(buf, &records[i]); err != nil {
			return err
		}
		safe = safe || records[i].Safe()
	}
	sealFrame(buf)
	j.buf = buf[:0]
	if cap(j.buf) > 1<<20 {
		j.buf = nil
	}
	if _, err := j.file.Write(buf); err != nil {
		return err
	}
	j.size += int64(len(buf))
	if !safe {
		return nil
	}
	return j.file.Sync()
}

// tear writes the first half of what append would write, to try out what
// follows when that is all there is.
func (j *journal) tear(records []wallet.Record) {
	buf := make([]byte, journalHead)
	for i := range records {
		if next, err := appendRecord(buf, &records[i]); err == nil {
			buf = next
		}
	}
	sealFrame(buf)
	_, _ = j.file.Write(buf[:len(buf)/2])
}

// appendRecord appends a record behind its length.
func appendRecord(buf []byte, r *wallet.Record) ([]byte, error) {
	at := len(buf)
	buf, err := r.AppendBinary(append(buf, 0, 0, 0, 0))
	if err == nil {
		binary.LittleEndian.PutUint32(buf[at:], uint32(len(buf)-at-4))
	}
	return buf, err
}

// sealFrame fills in the head of a frame.
func sealFrame(buf []byte) {
	binary.LittleEndian.PutUint32(buf, uint32(len(buf)-journalHead))
	binary.LittleEndian.PutUint32(buf[4:], crc32.Checksum(buf[:4], crcTable))
	binary.LittleEndian.PutUint32(buf[8:], crc32.Checksum(buf[journalHead:], crcTable))
}

// grown reports whether the journal is worth replacing.
func (j *journal) grown() bool { return j.size > compactAt && j.size > compactRatio*j.extract }

// replace puts the records that each gives into the place of all that are there.
// After an error the journal is as it was.
func (j *journal) replace(each func(func(*wallet.Record) error) error) (err error) {
	f, err := os.CreateTemp(j.dir, ".journal-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	size, err := writeExtract(f, each)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(j.dir, journalFile))
	}
	if err != nil {
		return err
	}
	_ = j.file.Close() // it has no name any more
	j.file, j.size, j.extract = f, size, size
	if err := syncFolder(j.dir); err != nil { // the old name may come back: nothing may follow in the new file
		panic(fmt.Errorf("actors: cannot make the new journal of the wallets safe: %w", err))
	}
	return nil
}

// writeExtract writes a whole journal.
func writeExtract(f io.Writer, each func(func(*wallet.Record) error) error) (size int64, err error) {
	write := func(b []byte) error {
		n, err := f.Write(b)
		size += int64(n)
		return err
	}
	if err := write([]byte(journalMagic)); err != nil {
		return 0, err
	}
	buf := make([]byte, journalHead, extractFrame+4096)
	end := func() error {
		if len(buf) == journalHead {
			return nil
		}
		sealFrame(buf)
		err := write(buf)
		buf = buf[:journalHead]
		return err
	}
	err = each(func(r *wallet.Record) (err error) {
		if buf, err = appendRecord(buf, r); err != nil || len(buf) < extractFrame {
			return err
		}
		return end()
	})
	if err == nil {
		err = end()
	}
	return size, err
}

func (j *journal) close() error { return j.file.Close() }

// syncFolder makes a new name in a folder safe.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// keystorePath is where the keystore of a wallet is.
func keystorePath(dir string, id wallet.ID) string {
	return filepath.Join(dir, id.String()+".json")
}

// writeKeystore writes a keystore so that it is there as a whole or, if this is
// cut short, the one before it is.
func writeKeystore(dir string, id wallet.ID, sealed []byte) error {
	f, err := os.CreateTemp(dir, ".keystore-*") // mode 0600
	if err != nil {
		return fmt.Errorf("cannot write the keystore: %w", err)
	}
	_, err = f.Write(sealed)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), keystorePath(dir, id))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("cannot write the keystore: %w", err)
	}
	return syncFolder(dir)
}
