package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/storage"
)

// ledgerFlags find the ledger of a node.
type ledgerFlags struct{ dataDir, network, networkFile string }

func (f *ledgerFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&f.dataDir, "data-dir", "", "data folder of the node")
	flags.StringVar(&f.network, "network", "", "network of the node, instead of the one in its settings")
	flags.StringVar(&f.networkFile, "network-file", "", "file of the network of the node, instead of the one in its settings")
}

// open returns where the ledger is and how it is opened.
func (f *ledgerFlags) open(environ []string) (path string, o storage.Options, err error) {
	var args []string
	if f.dataDir != "" {
		args = append(args, "--data-dir", f.dataDir)
	}
	if f.network != "" {
		args = append(args, "--network", f.network)
	}
	c, err := config.Load(flag.NewFlagSet("ledger", flag.ContinueOnError), args, environ)
	if err != nil {
		return "", o, settingsError(err)
	}
	if f.network != "" || f.networkFile != "" {
		c.NetworkFile = f.networkFile
	}
	network, err := networkOf(&c)
	if err != nil {
		return "", o, err
	}
	return filepath.Join(c.DataDir, ledgerFile), storeOptions(network), nil
}

// runLedgerCheck is the command "ledger check".
func runLedgerCheck(p *program, flags *flag.FlagSet, args []string) error {
	var f ledgerFlags
	f.define(flags)
	file := flags.String("file", "", "audit this file, for example a backup, instead of the node's ledger")
	if err := parse(flags, args); err != nil {
		return err
	}
	path, o, err := f.open(p.environ)
	if err != nil {
		return err
	}
	if *file != "" {
		path = *file
	}
	defer handOver(filepath.Dir(path))
	return auditLedger(p.out, path, o)
}

// auditLedger says what is wrong with a ledger, and fails when anything is.
func auditLedger(w io.Writer, path string, o storage.Options) error {
	began := time.Now()
	findings, err := storage.Audit(path, o, func(checks []crypto.Check) []bool { return crypto.VerifyBatch(checks, rand.Reader) })
	if err != nil {
		return err
	}
	for _, finding := range findings {
		fmt.Fprintln(w, "-", finding)
	}
	if len(findings) > 0 {
		return fmt.Errorf("%s: %d findings: restore a backup, or move the file away and the node fetches the ledger again", path, len(findings))
	}
	_, err = fmt.Fprintf(w, "%s: good (supply, weights, chains, signatures, receivable entries, confirmations, pages; %v)\n", path, time.Since(began).Round(time.Millisecond))
	return err
}

// runLedgerVacuum is the command "ledger vacuum".
func runLedgerVacuum(p *program, flags *flag.FlagSet, args []string) error {
	var f ledgerFlags
	f.define(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	path, o, err := f.open(p.environ)
	if err != nil {
		return err
	}
	defer handOver(filepath.Dir(path))
	before, after, err := storage.Vacuum(path, o)
	if err != nil {
		return explain(err)
	}
	_, err = fmt.Fprintf(p.out, "%s: %s before, %s now\n", path, bytesText(before), bytesText(after))
	return err
}

// folderOf reads the flags and the one folder of a command.
func folderOf(flags *flag.FlagSet, args []string) (string, error) {
	words, err := interleaved(flags, args)
	if err == nil && len(words) != 1 {
		err = misused("want one folder of the backup, not %d words", len(words))
	}
	return strings.Join(words, ""), err
}

// runBackup is the command "backup": the ledger and the settings. Keys are not
// copied: a backup may go where keys must not.
func runBackup(p *program, flags *flag.FlagSet, args []string) error {
	var f ledgerFlags
	f.define(flags)
	unchecked := flags.Bool("no-check", false, "do not audit the copy")
	folder, err := folderOf(flags, args)
	if err != nil {
		return err
	}
	path, o, err := f.open(p.environ)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the backup: %w", err)
	}
	defer handOver(filepath.Dir(path))
	copied := filepath.Join(folder, ledgerFile)
	if err := storage.Backup(path, copied, o); err != nil {
		os.Remove(folder) // if it is empty
		return explain(err)
	}
	settings, err := config.ReadSmall(filepath.Join(filepath.Dir(path), config.FileName))
	if err == nil {
		err = writeFile(filepath.Join(folder, config.FileName), string(settings))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot copy the settings: %w", err)
	}
	fmt.Fprintf(p.out, "%s: written; keys are not in it: keep %s and voting keys elsewhere\n", folder, nodeKeyFile)
	if *unchecked {
		return nil
	}
	return auditLedger(p.out, copied, o)
}

// runRestore is the command "restore".
func runRestore(p *program, flags *flag.FlagSet, args []string) error {
	var f ledgerFlags
	f.define(flags)
	folder, err := folderOf(flags, args)
	if err != nil {
		return err
	}
	path, o, err := f.open(p.environ)
	if err != nil {
		return err
	}
	from := filepath.Join(folder, ledgerFile)
	if err := auditLedger(p.out, from, o); err != nil {
		return err
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	defer handOver(filepath.Dir(path))
	kept, err := storage.Restore(from, path, o, func() error { return noteRestore(filepath.Dir(path)) })
	if err != nil {
		return explain(err)
	}
	if kept != "" {
		fmt.Fprintf(p.out, "the ledger that was there is now %s\n", kept)
	}
	fmt.Fprintf(p.out, "%s: restored; settings and keys are as they were\n", path)
	fmt.Fprintf(p.err, "A representative has forgotten what it voted for after the backup: once it runs, this node votes again after %v and\nwhen it has caught up. Where its weight alone keeps others from a quorum, wait until all it voted for is confirmed.\n", restoredHold)
	return nil
}

// noteRestore has the node not vote at its next start. Noted before the ledger is
// replaced: a node must not vote because that was cut short. Not noted by a restore
// that is refused: a representative would be silent for nothing.
func noteRestore(dir string) error {
	if err := writeFile(filepath.Join(dir, restoredFile), time.Now().UTC().Format(time.RFC3339)+"\n"); err != nil {
		return fmt.Errorf("cannot note that the ledger is restored, nothing was done: %w", err)
	}
	return nil
}
