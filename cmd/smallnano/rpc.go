package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/wire/rpc"
)

// askLimit is how long the command "rpc" waits for an answer; longer than any
// long poll.
const askLimit = 2 * time.Minute

// rpcFlags are the flags of the command "rpc".
type rpcFlags struct {
	dataDir, tokenFile, url string
	port                    int
}

// runRPC is the command "rpc".
func runRPC(p *program, flags *flag.FlagSet, args []string) error {
	f := nodeFlags(flags)
	flags.Bool("json", false, "tell errors as JSON; the answer is JSON anyway")
	words, err := interleaved(flags, args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return misused("which action? for example: smallnano rpc block_count")
	}
	params, err := parameters(words[1:])
	if err != nil {
		return err
	}
	c, err := f.client(p.environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	answer, err := c.call(ctx, words[0], params)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, answer, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, pretty.String())
	return err
}

// interleaved reads flags before, between and after other words, which it
// returns.
func interleaved(flags *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := config.Parse(flags, args); err != nil {
			return nil, usageError{err}
		}
		if flags.NArg() == 0 {
			return words, nil
		}
		words = append(words, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// parameters reads name=value. A value that is a JSON object or list is sent as
// such, everything else as text, which every action takes.
func parameters(words []string) (map[string]any, error) {
	params := map[string]any{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, misused("%q is not a parameter: write name=value", word)
		}
		if _, twice := params[name]; twice || name == "action" {
			return nil, misused("parameter %q is given twice", name)
		}
		params[name] = value
		if raw := json.RawMessage(value); strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[") {
			if !json.Valid(raw) {
				return nil, misused("parameter %s begins like JSON and is none", name)
			}
			params[name] = raw
		}
	}
	return params, nil
}

// client finds out where the node is and with which token it is asked. Whoever
// names a folder means the node of that folder: another one that happens to
// listen on the usual port is not asked instead.
func (f *rpcFlags) client(environ []string) (*client, error) {
	var args []string
	if f.dataDir != "" {
		args = []string{"--data-dir", f.dataDir}
	}
	settings, origins, err := config.Explain(flag.NewFlagSet("rpc", flag.ContinueOnError), args, environ)
	if err != nil {
		return nil, err
	}
	c, err := clientOf(settings.DataDir)
	switch {
	case err != nil && f.tokenFile == "" && !os.IsPermission(err):
		return nil, err
	case f.url != "" && f.port != 0:
		return nil, misused("--url and --rpc-port name the same thing: leave one away")
	case f.url != "":
		c.url = f.url
	case f.port != 0:
		c.url = "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(f.port))
	case c.url == "" && err == nil && named(origins):
		return nil, withCode{noNode(settings.DataDir), errNoNode}
	case c.url == "":
		c.url = "http://" + net.JoinHostPort(settings.RPCAddress, strconv.Itoa(settings.RPCPort))
	}
	c.url = rpc.URL(c.url)
	if f.tokenFile != "" {
		text, err := config.ReadSmall(f.tokenFile)
		if err != nil {
			return nil, err
		}
		c.token = strings.TrimSpace(string(text))
	}
	return c, nil
}

// named reports whether somebody said which data folder is meant.
func named(origins []config.Origin) bool {
	return slices.ContainsFunc(origins, func(o config.Origin) bool { return o.Name == "data_dir" && o.From != "default" })
}

// noNode says why no node can be asked in a data folder.
func noNode(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return withCode{fmt.Errorf("data folder %s is not there: is its name right? or say with --url or --rpc-port where the node is", dir), errNoNode}
	}
	if _, err := os.Stat(filepath.Join(dir, ledgerFile)); errors.Is(err, fs.ErrNotExist) {
		return withCode{fmt.Errorf("%s has no node: is the name of the folder right? or say with --url or --rpc-port where the node is", dir), errNoNode}
	}
	return withCode{fmt.Errorf("no node runs on %s: start it with \"smallnano node run --data-dir %s\"", dir, dir), errNoNode}
}
