package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
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
	var f rpcFlags
	flags.StringVar(&f.dataDir, "data-dir", "", "data folder of the node: address and token are found in it")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the token for operators, instead of the one in the data folder")
	flags.StringVar(&f.url, "url", "", "address of the RPC, for example http://127.0.0.1:7177")
	flags.IntVar(&f.port, "rpc-port", 0, "port of the RPC on this machine, instead of --url")
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

// client finds out where the node is and with which token it is asked.
func (f *rpcFlags) client(environ []string) (*client, error) {
	var args []string
	if f.dataDir != "" {
		args = []string{"--data-dir", f.dataDir}
	}
	settings, err := config.Load(flag.NewFlagSet("rpc", flag.ContinueOnError), args, environ)
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
	case c.url == "":
		c.url = "http://" + net.JoinHostPort(settings.RPCAddress, strconv.Itoa(settings.RPCPort))
	}
	c.url = rpc.URL(c.url)
	if f.tokenFile != "" {
		text, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, err
		}
		c.token = strings.TrimSpace(string(text))
	}
	return c, nil
}
