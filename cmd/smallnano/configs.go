package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages/lattice"
)

// runConfigCheck is the command "config check": what "node run" would refuse is
// refused here, and nothing is started or written.
func runConfigCheck(p *program, flags *flag.FlagSet, args []string) error {
	c, err := config.Load(flags, args, p.environ)
	if err != nil {
		return settingsError(err)
	}
	network, err := checkSettings(&c)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintf(p.out, "the settings are good: network %s, data in %s\n", network.Name, c.DataDir)
	return err
}

// checkSettings checks what can be checked without opening anything but the key
// that the node would vote with.
func checkSettings(c *config.Config) (*lattice.Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if _, _, err := newLog(io.Discard, c.LogLevel, c.LogFormat); err != nil {
		return nil, err
	}
	network, err := networkOf(c)
	if err != nil {
		return nil, err
	}
	if c.EnableVoting {
		if _, err := votingKey(network, c.VotingKey); err != nil {
			return nil, err
		}
	}
	_, err = nodeConfig(c, network)
	return network, err
}

// networkOf returns the network of the settings.
func networkOf(c *config.Config) (*lattice.Network, error) {
	if c.NetworkFile != "" {
		return config.ReadNetwork(c.NetworkFile)
	}
	return lattice.NetworkByName(c.Network)
}

// runConfigMigrate is the command "config migrate".
func runConfigMigrate(p *program, flags *flag.FlagSet, args []string) error {
	c, err := dataDirOf(p, flags, args)
	if err != nil {
		return err
	}
	defer handOver(c)
	kept, err := config.Migrate(c)
	if err != nil {
		return usageError{err}
	}
	path := filepath.Join(c, config.FileName)
	if kept == "" {
		_, err = fmt.Fprintf(p.out, "%s is as this program writes it\n", path)
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s is rewritten; as it was, it is %s\n", path, kept)
	return err
}

// dataDirOf reads the flag of a command that needs a data folder, and nothing
// that is in it.
func dataDirOf(p *program, flags *flag.FlagSet, args []string) (string, error) {
	dir := flags.String("data-dir", config.DefaultDataDir(), "data folder of the node")
	for _, v := range p.environ {
		if value, ok := strings.CutPrefix(v, "SMALLNANO_DATA_DIR="); ok {
			*dir = value
		}
	}
	err := parse(flags, args)
	return *dir, err
}

// runNetworkNew is the command "network new".
func runNetworkNew(p *program, flags *flag.FlagSet, args []string) error {
	name := flags.String("name", "private", "name of the network")
	id := flags.Int("id", 0, "number of the network, 16 to 254; 0 takes one by chance")
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return misused("want one file to write the network to, not %d words", len(words))
	}
	var seed crypto.Seed
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	if *id == 0 {
		*id = 16 + int(crypto.Sum256([]byte("network id"), seed[:])[0])%239
	}
	if *id < 16 || *id > 254 {
		return misused("--id is %d, want 16 to 254", *id)
	}
	network, err := config.NewPrivateNetwork(*name, uint8(*id), crypto.NewPrivateKey(seed))
	if err != nil {
		return usageError{err}
	}
	file, key := words[0], words[0]+".genesis-key"
	if filepath.Ext(file) == ".json" {
		return misused("%s: the file is written in TOML, give it another name", file)
	}
	for _, path := range []string{file, key} { // neither is ever to be removed for the sake of this
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s is there already, of another network: choose another name; keep it, %s has all that there is on that network", path, key)
		}
	}
	if err := newFile(key, hex.EncodeToString(seed[:])+"\n"); err != nil {
		return err
	}
	if err := newFile(file, config.FormatNetwork(network)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "network %s, number %d, is in %s: copy it to all nodes and start them with --network-file\n"+
		"its genesis key, which has all there is, is in %s: the first node votes with it (--enable-voting --voting-key %s)\n", network.Name, network.ID, file, key, key)
	return err
}

// runningSettings asks the node of a data folder what it runs with.
func (p *program) runningSettings(dir string) ([]config.Origin, error) {
	node, err := (&rpcFlags{dataDir: dir}).client(p.environ)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	var answer struct {
		Settings []struct{ Name, Value, From string }
	}
	if err := node.ask(ctx, "settings", nil, &answer); err != nil {
		return nil, err
	}
	origins := make([]config.Origin, len(answer.Settings))
	for i, s := range answer.Settings {
		origins[i] = config.Origin{Name: s.Name, Value: s.Value, From: s.From}
	}
	return origins, nil
}

// runConfigShow is the command "config show".
func runConfigShow(p *program, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "print the settings as JSON")
	effective := flags.Bool("effective", true, "show what holds, with where it comes from; false: only what is not a default")
	running := flags.Bool("running", false, "ask the node that runs in the data folder, which may have been started with other flags")
	c, origins, err := config.Explain(flags, args, p.environ)
	if err != nil {
		return settingsError(err)
	}
	if *running {
		if origins, err = p.runningSettings(c.DataDir); err != nil {
			return err
		}
	}
	if !*effective {
		origins = slices.DeleteFunc(origins, func(o config.Origin) bool { return o.From == "default" })
	}
	if *asJSON {
		list := make([]map[string]string, len(origins))
		for i, o := range origins {
			list[i] = map[string]string{"name": o.Name, "value": o.Value, "from": o.From}
		}
		return p.show(true, map[string]any{"settings": list}, nil)
	}
	for _, line := range config.Table(origins) {
		if _, err := fmt.Fprintln(p.out, line); err != nil {
			return err
		}
	}
	return nil
}
