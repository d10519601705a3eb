package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// Names of the files in the data folder, beside the settings.
const (
	ledgerFile  = "ledger.db"
	nodeKeyFile = "node.key"  // seed of the node's identity
	tokenFile   = "rpc.token" // what an operator of the RPC has to know
	urlFile     = "rpc.url"   // where the RPC is served, while it is
	// restoredFile is there from when the ledger was restored to when the node votes
	// again.
	restoredFile = "restored"
)

// devGenesis stands for the file of the published key.
const devGenesis = "dev-genesis"

// makeFolder makes the data folder if it is not there.
func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w; choose another with --data-dir", err)
	}
	return nil
}

// newFolder is makeFolder. undo removes what a first start that failed made:
// nothing if the folder was there before, and nothing that a node does not make.
func newFolder(path string) (undo func(), err error) {
	var made []string // the innermost first
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		made = append(made, dir)
	}
	return func() {
		if len(made) == 0 {
			return
		}
		for _, name := range []string{ledgerFile, nodeKeyFile, tokenFile, urlFile, config.FileName, walletFolder} {
			_ = os.Remove(filepath.Join(path, name)) // of a folder: only if it is empty
		}
		for _, dir := range made {
			_ = os.Remove(dir)
		}
	}, makeFolder(path)
}

// secretFile reads 32 secret bytes from a file of 64 hexadecimal digits. When
// there is none, it is made of unpredictable bytes.
func secretFile(path, what, remedy string) (secret [32]byte, err error) {
	text, err := config.ReadSmall(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := rand.Read(secret[:]); err != nil {
			return secret, fmt.Errorf("cannot make the %s: %w", what, err)
		}
		if err := writeFile(path, hex.EncodeToString(secret[:])+"\n"); err != nil {
			return secret, fmt.Errorf("cannot write the %s: %w", what, err)
		}
		return secret, nil
	case err != nil:
		return secret, fmt.Errorf("cannot read the %s: %w", what, err)
	}
	if secret, err = parseSecret(text); err != nil {
		return secret, fmt.Errorf("the %s in %s is damaged: %w; %s", what, path, err, remedy)
	}
	return secret, nil
}

// openSecrets returns the secret files of a data folder, and the folder of the wallets,
// that others than the owner can read. They are told of and not refused: the node made
// them 0600, and one that does not start is no safer for its wallets.
func openSecrets(dir string) (open []string) {
	for _, name := range []string{nodeKeyFile, tokenFile} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && modesMatter && info.Mode().Perm()&0o077 != 0 {
			open = append(open, path)
		}
	}
	wallets := filepath.Join(dir, walletFolder)
	if info, err := os.Stat(wallets); err == nil && modesMatter && info.Mode().Perm()&0o077 != 0 {
		open = append(open, wallets)
	}
	return open
}

// closeText is what has only the owner read one of openSecrets.
func closeText(path string) string {
	if filepath.Base(path) == walletFolder {
		return "chmod 700 " + path
	}
	return "chmod 600 " + path
}

// parseSecret reads 64 hexadecimal digits. The error never shows them.
func parseSecret(text []byte) (secret [32]byte, err error) {
	digits := strings.TrimSpace(string(text))
	if len(digits) != 2*len(secret) {
		return secret, fmt.Errorf("%d characters, want %d hexadecimal digits", len(digits), 2*len(secret))
	}
	if _, err := hex.Decode(secret[:], []byte(digits)); err != nil {
		return [32]byte{}, fmt.Errorf("want %d hexadecimal digits, and something else is among them", 2*len(secret))
	}
	return secret, nil
}

// writeFile writes a small file that only its owner may read, so that it is
// there as a whole or not at all, also after power was lost.
func writeFile(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// nodeKey returns the identity of the node, which is made at its first start.
func nodeKey(dir string) (crypto.PrivateKey, error) {
	seed, err := secretFile(filepath.Join(dir, nodeKeyFile), "node key",
		"restore it, or remove it and the node starts with a new identity")
	return crypto.NewPrivateKey(seed), err
}

// rpcToken returns the token for operators, which is made at the first start.
func rpcToken(dir string) (string, error) {
	secret, err := secretFile(filepath.Join(dir, tokenFile), "RPC token", "remove it and a new one is made")
	return hex.EncodeToString(secret[:]), err
}

// votingKey reads the key of a representative.
func votingKey(n *lattice.Network, path string) (crypto.PrivateKey, error) {
	if path == devGenesis {
		if n.ID != lattice.DevID {
			return crypto.PrivateKey{}, fmt.Errorf("voting key %s exists on the dev network only: give a file with the seed of a representative", devGenesis)
		}
		return crypto.NewPrivateKey(*n.GenesisSeed), nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return crypto.PrivateKey{}, fmt.Errorf("cannot read the voting key: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && modesMatter {
		return crypto.PrivateKey{}, fmt.Errorf("voting key %s may be read or changed by others (mode %v): take their rights away with chmod 600", path, info.Mode().Perm())
	}
	text, err := config.ReadSmall(path)
	if err != nil {
		return crypto.PrivateKey{}, fmt.Errorf("cannot read the voting key: %w", err)
	}
	seed, err := parseSecret(text)
	if err != nil {
		return crypto.PrivateKey{}, fmt.Errorf("voting key %s: %w", path, err)
	}
	return crypto.NewPrivateKey(seed), nil
}
