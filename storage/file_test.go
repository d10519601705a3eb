package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/smallnano/smallnano/messages/lattice"
)

func mustOpen(t *testing.T, path string, o Options) *file {
	t.Helper()
	if o.Network == nil {
		o.Network = lattice.Dev()
	}
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*file)
}

func mustClose(t *testing.T, s Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// setValue commits one value; what is not about the ledger needs no blocks.
func setValue(s Store, value string) error {
	return s.Update(func(tx Tx) error { return tx.SetValue("a", []byte(value)) })
}

func value(t *testing.T, s Store) string {
	t.Helper()
	var out string
	err := s.View(func(r Reader) error {
		v, _, err := r.Value("a")
		out = string(v)
		return errors.Join(err, Verify(lattice.Dev(), r))
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// folder reads all files of a folder.
func folder(t *testing.T, path string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	all, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		b, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

// sql runs statements on a file behind the store's back.
func sql(t *testing.T, path, script string) {
	t.Helper()
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := sqlitex.ExecuteScript(c, script, nil); err != nil {
		t.Fatal(err)
	}
}

// fill inserts enough to have pages of every kind.
func fill(t *testing.T, s Store, n int) {
	t.Helper()
	for i := range n {
		if err := setValue(s, strings.Repeat("x", 100+i)); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Update(func(tx Tx) error {
		for i := range 20 {
			name := fmt.Sprintf("long value %d", i)
			if err := tx.SetValue(name, bytes.Repeat([]byte{byte(i)}, MaxValue)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRefusals opens files that must be refused, and finds each as it was, with
// nothing beside it.
func TestRefusals(t *testing.T) {
	otherGenesis := lattice.Dev()
	otherGenesis.Genesis.Work++
	otherGenesis.Genesis.Representative[0]++
	otherGenesis.GenesisHash = otherGenesis.HashOf(&otherGenesis.Genesis)
	overwrite := func(at int, with ...byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			if err == nil {
				copy(b[at:], with)
				err = os.WriteFile(path, b, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(by int64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Truncate(path, fileSize(path)-by); err != nil {
				t.Fatal(err)
			}
		}
	}
	statement := func(s string) func(*testing.T, string) {
		return func(t *testing.T, path string) { sql(t, path, s) }
	}
	for _, c := range []struct {
		name    string
		network *lattice.Network
		spoil   func(t *testing.T, path string)
		want    error
		says    string
	}{
		{"network", lattice.Beta(), nil, ErrWrongNetwork, "network dev"},
		{"genesis", otherGenesis, nil, ErrWrongGenesis, lattice.Dev().GenesisHash.String()},
		{"newer", nil, statement("UPDATE _meta SET value = 99 WHERE name = 'schema';"), ErrNewerSchema, "99"},
		{"older than any", nil, statement("UPDATE _meta SET value = 0 WHERE name = 'schema';"), ErrCorrupt, "version 0"},
		{"no description", nil, statement("DELETE FROM _meta;"), ErrCorrupt, "version 0"},
		{"other program", nil, func(t *testing.T, path string) {
			os.Remove(path)
			sql(t, path, "CREATE TABLE notes (text);")
		}, ErrForeign, "another program"},
		{"text", nil, func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("some text"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign, "does not begin"},
		{"magic", nil, overwrite(3, 'x'), ErrForeign, "does not begin"},
		{"page size", nil, overwrite(16, 3, 3), ErrCorrupt, "771"},
		{"schema page", nil, overwrite(100, bytes.Repeat([]byte{0xaa}, 300)...), ErrCorrupt, ""},
		{"inner page", nil, overwrite(10*pageSize, bytes.Repeat([]byte{0xaa}, 2*pageSize)...), ErrCorrupt, ""},
		{"cut", nil, cut(pageSize), ErrCorrupt, "cut off"},
		{"cut within a page", nil, cut(100), ErrCorrupt, "cut off"},
		{"cut to the header", nil, func(t *testing.T, path string) { cut(fileSize(path)-100)(t, path) }, ErrCorrupt, "cut off"},
		{"folder", nil, func(t *testing.T, path string) {
			os.Remove(path)
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign, "regular"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a % ledger?.db")
			s := mustOpen(t, path, Options{})
			fill(t, s, 3)
			mustClose(t, s)
			if c.spoil != nil {
				c.spoil(t, path)
			}
			var before map[string]string
			if c.name != "folder" {
				before = folder(t, dir)
			}
			if c.network == nil {
				c.network = lattice.Dev()
			}
			_, err := Open(path, Options{Network: c.network})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %v about %s that says %q", err, c.want, path, c.says)
			}
			if before != nil {
				sameFolder(t, dir, before)
			}
		})
	}
}

func sameFolder(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	after := folder(t, dir)
	for name, content := range before {
		if after[name] != content {
			t.Errorf("file %q was changed", name)
		}
	}
	for name := range after {
		if _, found := before[name]; !found {
			t.Errorf("file %q was left behind", name)
		}
	}
}

// TestRefusalWithLog refuses a file whose node was killed, so that the last
// commits are in the log only: neither may change.
func TestRefusalWithLog(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "ledger.db"), Options{})
	defer s.Close()
	if err := s.Update(func(tx Tx) error {
		_, err := s.writer.exec("UPDATE _meta SET value = 99 WHERE name = 'schema'", nil)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	killed := t.TempDir()
	path := filepath.Join(killed, "ledger.db")
	copyFiles(t, s.path, path, "", "-wal")
	before := folder(t, killed)
	if _, err := Open(path, Options{Network: lattice.Dev()}); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("error %v", err)
	}
	sameFolder(t, killed, before)
}

func copyFiles(t *testing.T, from, to string, suffixes ...string) {
	t.Helper()
	for _, suffix := range suffixes {
		b, err := os.ReadFile(from + suffix)
		if err == nil {
			err = os.WriteFile(to+suffix, b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenElsewhere(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none", "ledger.db"), Options{Network: lattice.Dev()}); !errors.Is(err, ErrNotWritable) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("in no folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "file", "ledger.db"), Options{Network: lattice.Dev()}); !errors.Is(err, ErrNotWritable) {
		t.Errorf("in a file: %v", err)
	}
	if os.Getuid() == 0 {
		t.Log("root may write anywhere: folders without permission are not tried")
		return
	}
	shut := filepath.Join(dir, "shut")
	if err := os.Mkdir(shut, 0o555); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(shut, "ledger.db"), Options{Network: lattice.Dev()}); !errors.Is(err, ErrNotWritable) {
		t.Errorf("in a folder without permission: %v", err)
	}
}

// TestFresh opens what a node leaves that was killed while it made the file.
func TestFresh(t *testing.T) {
	dir := t.TempDir()
	part, header := filepath.Join(dir, "part.db"), filepath.Join(dir, "header.db")
	if err := os.WriteFile(part+".new", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	sql(t, header, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; CREATE TABLE x (y); DROP TABLE x;")
	for _, path := range []string{part, header} {
		s := mustOpen(t, path, Options{})
		if got := value(t, s); got != "" {
			t.Errorf("%s: value %q", path, got)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
		mustClose(t, s)
	}
	// A create that fails leaves nothing.
	fail := func(string) error { return errors.New("broken") }
	if _, err := Open(filepath.Join(dir, "new.db"), Options{Network: lattice.Dev(), Fault: fail}); err == nil {
		t.Error("opened although writing fails")
	}
	for name := range folder(t, dir) {
		if name != "part.db" && name != "header.db" {
			t.Errorf("file %q was left behind", name)
		}
	}
}

// TestEmpty refuses a file of no length: it was a ledger that something cut off.
func TestEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{Network: lattice.Dev()}); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "it is empty") {
		t.Errorf("opened: %v", err)
	}
	if len(folder(t, filepath.Dir(path))) != 1 || fileSize(path) != 0 {
		t.Error("the file was changed, or another left beside it")
	}
}

func TestInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := mustOpen(t, path, Options{})
	if _, err := Open(path, Options{Network: lattice.Dev()}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("opened twice: %v", err)
	}
	if err := setValue(s, "still fine"); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	s = mustOpen(t, path, Options{})
	if got := value(t, s); got != "still fine" {
		t.Errorf("value %q", got)
	}
	mustClose(t, s)
	// The lock of a node that was killed is free, though its file is there.
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, path, Options{}))
	if left := folder(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files after Close", len(left))
	}
}

// TestSynchronous asks SQLite whether it would wait for the disk: in durable
// updates only, whatever came of the one before.
func TestSynchronous(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "ledger.db"), Options{})
	defer s.Close()
	level := func() (out int64) {
		t.Helper()
		if _, err := s.writer.query("PRAGMA synchronous", nil, one(func(q *sqlite.Stmt) { out = q.ColumnInt64(0) })); err != nil {
			t.Error(err)
		}
		return out
	}
	const normal, full = 1, 2
	broken := errors.New("broken")
	for _, result := range []error{nil, broken, nil} {
		for _, c := range []struct {
			update func(func(Tx) error) error
			want   int64
		}{{s.Update, normal}, {s.UpdateDurable, full}} {
			err := c.update(func(tx Tx) error {
				if got := level(); got != c.want {
					t.Errorf("synchronous is %d within, want %d", got, c.want)
				}
				return result
			})
			if !errors.Is(err, result) {
				t.Error(err)
			}
			if got := level(); got != normal {
				t.Errorf("synchronous is %d afterwards", got)
			}
		}
	}
}

// TestSettings holds what a new file is made with.
func TestSettings(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "ledger.db"), Options{})
	defer s.Close()
	for pragma, want := range map[string]string{
		"page_size": fmt.Sprint(pageSize), "auto_vacuum": "2", "journal_mode": "wal", "synchronous": "1",
		"wal_autocheckpoint": "0", "journal_size_limit": "0", "cache_size": "-4096",
	} {
		var got string
		if _, err := s.writer.query("PRAGMA "+pragma, nil, one(func(q *sqlite.Stmt) { got = q.ColumnText(0) })); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", pragma, got, err, want)
		}
	}
	const loose = `SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%STRICT%'`
	if found, err := s.writer.query(loose, nil, nil); found || err != nil {
		t.Errorf("a table is not strict: %v", err)
	}
}

// TestCrash copies file and log after every commit, as a kill at that moment
// would leave them: each copy opens at the last commit.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "ledger.db"), Options{WALBytes: 60 << 10}) // with checkpoints
	defer s.Close()
	for i := range 40 {
		want := fmt.Sprint(strings.Repeat("x", 2000), i)
		if err := setValue(s, want); err != nil {
			t.Fatal(err)
		}
		_ = s.Update(func(tx Tx) error { // not committed
			if err := tx.SetValue("a", []byte("never")); err != nil {
				return err
			}
			return errors.New("given up")
		})
		if i%4 != 0 {
			continue
		}
		killed := filepath.Join(dir, fmt.Sprintf("%d.db", i))
		copyFiles(t, s.path, killed, "", "-wal")
		k := mustOpen(t, killed, Options{})
		if got := value(t, k); got != want {
			t.Errorf("killed after commit %d: value %.20q", i, got)
		}
		mustClose(t, k)
	}
	if s.options.Counters.Checkpoints.Load() == 0 {
		t.Error("there was no checkpoint")
	}
}

// TestTornLog cuts the log at many lengths: what is left opens as of an earlier
// commit, never as something between two.
func TestTornLog(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "ledger.db"), Options{})
	defer s.Close()
	var sizes []int64
	for i := range 5 {
		if err := s.Update(func(tx Tx) error {
			return errors.Join(tx.SetValue("a", fmt.Append(nil, i)), tx.SetValue("b", fmt.Append(bytes.Repeat([]byte("b"), 3000), i)))
		}); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, fileSize(s.path+"-wal"))
	}
	path := filepath.Join(dir, "torn.db")
	for length := sizes[0]; length <= sizes[4]; length += 1711 {
		copyFiles(t, s.path, path, "", "-wal")
		if err := os.Truncate(path+"-wal", length); err != nil {
			t.Fatal(err)
		}
		last := 0
		for i, size := range sizes {
			if size <= length {
				last = i
			}
		}
		k := mustOpen(t, path, Options{})
		if got := value(t, k); got != fmt.Sprint(last) {
			t.Errorf("log cut at %d: value %q, want %d", length, got, last)
		}
		err := k.View(func(r Reader) error {
			b, _, err := r.Value("b")
			if !strings.HasSuffix(string(b), fmt.Sprint("b", last)) {
				t.Errorf("log cut at %d: half of commit %d", length, last)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		mustClose(t, k)
		os.Remove(path)
	}
}

// TestFaults makes each step fail in turn: nothing is kept, and the store goes
// on.
func TestFaults(t *testing.T) {
	var fail string
	broken := fmt.Errorf("made up: %w", ErrDiskFull)
	var counters Counters
	s := mustOpen(t, filepath.Join(t.TempDir(), "ledger.db"), Options{Counters: &counters, Fault: func(op string) error {
		if op == fail {
			return broken
		}
		return nil
	}})
	defer s.Close()
	if err := setValue(s, "kept"); err != nil {
		t.Fatal(err)
	}
	set := func(tx Tx) error { return tx.SetValue("a", []byte("lost")) }
	swallow := func(tx Tx) error { _ = set(tx); return nil }
	for _, c := range []struct {
		op string
		do func() error
	}{
		{"begin", func() error { return s.Update(set) }},
		{"write", func() error { return s.Update(set) }},
		{"write", func() error { return s.Update(swallow) }},
		{"commit", func() error { return s.Update(set) }},
		{"commit", func() error { return s.UpdateDurable(set) }},
		{"sync", func() error { return s.UpdateDurable(set) }},
	} {
		fail = c.op
		if err := c.do(); !errors.Is(err, ErrDiskFull) {
			t.Errorf("fault in %s: error %v", c.op, err)
		}
		fail = ""
		if got := value(t, s); got != "kept" {
			t.Errorf("fault in %s: value %q", c.op, got)
		}
	}
	if err := setValue(s, "after"); err != nil {
		t.Fatal(err)
	}
	if got := value(t, s); got != "after" {
		t.Errorf("value %q", got)
	}
	if counters.Commits.Load() != 3 || counters.Rollbacks.Load() != 5 || counters.Syncs.Load() != 0 || counters.Views.Load() != 7 {
		t.Errorf("commits %d, rollbacks %d, syncs %d, views %d", counters.Commits.Load(), counters.Rollbacks.Load(), counters.Syncs.Load(), counters.Views.Load())
	}
	if err := s.UpdateDurable(func(Tx) error { return nil }); err != nil || counters.Syncs.Load() != 1 {
		t.Errorf("sync of nothing: %v, %d syncs", err, counters.Syncs.Load())
	}
}

// TestDiskFull lets the file grow to a limit: the transaction that meets it is
// undone, and smaller ones still work.
func TestDiskFull(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "ledger.db"), Options{})
	defer s.Close()
	if err := setValue(s, "kept"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.query("PRAGMA max_page_count = 60", nil, nil); err != nil {
		t.Fatal(err)
	}
	grow := func(swallow bool) error {
		return s.Update(func(tx Tx) error {
			for i := range 100 {
				err := tx.SetValue(fmt.Sprint("big ", i), make([]byte, MaxValue))
				if err != nil && !swallow {
					return err
				}
			}
			return nil
		})
	}
	for _, swallow := range []bool{false, true} {
		if err := grow(swallow); !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), s.path) {
			t.Errorf("error %v", err)
		}
		if got := value(t, s); got != "kept" {
			t.Errorf("value %q", got)
		}
	}
	if err := setValue(s, "small"); err != nil {
		t.Error(err)
	}
}

// TestCorruptWhileOpen overwrites pages under an open store, as a broken disk
// does.
func TestCorruptWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := mustOpen(t, path, Options{})
	fill(t, s, 1)
	if err := s.truncateLog(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xaa}, int(fileSize(path)-pageSize)), pageSize); err != nil {
		t.Fatal(err)
	}
	err = s.View(func(r Reader) error { return Verify(lattice.Dev(), r) })
	if !errors.Is(err, ErrCorrupt) {
		t.Errorf("error %v", err)
	}
	f.Close()
	s.Close()
}

// TestMigrations takes a file of version 1 over a real step and two made-up ones; it becomes
// the same as one that is made new. A step that fails leaves the version before
// it.
func TestMigrations(t *testing.T) {
	add := func(statement string) func(*conn) error {
		return func(c *conn) error { _, err := c.exec(statement, nil); return err }
	}
	const two, three = "CREATE TABLE two (x INTEGER) STRICT", "ALTER TABLE two ADD COLUMN y TEXT"
	broken := errors.New("broken")
	v1 := format{schema: strings.Replace(currentFormat.schema, `    PRIMARY KEY (account, height)
) STRICT, WITHOUT ROWID;`, `    PRIMARY KEY (account)
) STRICT;`, 1)}
	half := format{schema: "-", migrations: []func(*conn) error{prunedHeights, weightsOnTheirWay, func(c *conn) error { return errors.Join(add(two)(c), broken) }}}
	v4 := format{schema: currentFormat.schema + "CREATE TABLE two (x INTEGER, y TEXT) STRICT;", migrations: []func(*conn) error{prunedHeights, weightsOnTheirWay, add(two), add(three)}}

	dir := t.TempDir()
	path, o := filepath.Join(dir, "ledger.db"), Options{Network: lattice.Dev()}
	with := func(path string, f format) (*file, error) {
		s, err := open(path, o, f)
		if err != nil {
			return nil, err
		}
		return s.(*file), nil
	}
	s, err := with(path, v1)
	if err != nil {
		t.Fatal(err)
	}
	if err := setValue(s, "kept"); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	if _, err := with(path, half); !errors.Is(err, broken) || !strings.Contains(err.Error(), "version 3 to 4") {
		t.Errorf("error %v", err)
	}
	if _, err := with(path, v1); !errors.Is(err, ErrNewerSchema) || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("after half of the way: %v", err)
	}
	if s, err = with(path, v4); err != nil {
		t.Fatal(err)
	}
	if got := value(t, s); got != "kept" {
		t.Errorf("value %q", got)
	}
	// The program before finds its ledger beside the new one.
	old, err := with(filepath.Join(KeptFolder(path, 1), "ledger.db"), v1)
	if err != nil {
		t.Fatal(err)
	}
	if got := value(t, old); got != "kept" {
		t.Errorf("value %q in the copy", got)
	}
	mustClose(t, old)
	fresh, err := with(filepath.Join(dir, "new.db"), v4)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tables(t, s), tables(t, fresh); got != want {
		t.Errorf("migrated:\n%s\nnew:\n%s", got, want)
	}
	mustClose(t, s)
	mustClose(t, fresh)
	if _, err := with(path, v1); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("opened by an old program: %v", err)
	}
}

// tables writes down the columns of all tables.
func tables(t *testing.T, s *file) string {
	t.Helper()
	var out strings.Builder
	const list = `SELECT m.name, m.type, m.tbl_name, coalesce(c.cid, -1), c.name, c.type, c."notnull", c.dflt_value, c.pk
		FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c ORDER BY m.name, c.cid`
	_, err := s.writer.query(list, nil, func(q *sqlite.Stmt) bool {
		for i := range q.ColumnCount() {
			fmt.Fprint(&out, q.ColumnText(i), " ")
		}
		fmt.Fprintln(&out)
		return true
	})
	m, err2 := s.writer.meta()
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	fmt.Fprintf(&out, "%+v", m)
	return out.String()
}
