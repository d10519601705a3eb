package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/smallnano/smallnano/config"
	"github.com/smallnano/smallnano/wire/rpc"
)

// client asks a node over its RPC. The fields are not changed after the first
// call. Safe for concurrent use.
type client struct {
	url   string
	token string // "" asks as the public does

	once sync.Once
	node *rpc.Client
}

// call asks one action and returns its answer. What the node refuses comes back
// as an *rpc.Error.
func (c *client) call(ctx context.Context, action string, params map[string]any) (json.RawMessage, error) {
	var answer json.RawMessage
	err := c.ask(ctx, action, params, &answer)
	return answer, err
}

// ask is call, with the answer decoded into to.
func (c *client) ask(ctx context.Context, action string, params map[string]any, to any) error {
	c.once.Do(func() { c.node = rpc.NewClient(c.url, c.token) })
	if params == nil {
		params = map[string]any{}
	}
	err := c.node.Call(ctx, action, params, to)
	var lost *url.Error
	var refused *net.OpError
	switch {
	case errors.As(err, &refused) && refused.Op == "dial":
		return withCode{fmt.Errorf("cannot reach a node at %s: %w; does it run?", c.url, refused.Err), errNoNode}
	case !errors.As(err, &lost) && !errors.Is(err, io.ErrUnexpectedEOF):
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the node at %s did not answer in time: %w", c.url, err)
	default: // it had the request, or some of it
		return withCode{fmt.Errorf("the node at %s went away before it answered, it may have done what was asked: %w", c.url, err), errUnsure}
	}
	if rpc.IsCode(err, "control_disabled") {
		return fmt.Errorf("%w; name the folder with --data-dir, or a file with the token with --token-file", err)
	}
	return err
}

// Call is ask, as load.Node has it.
func (c *client) Call(ctx context.Context, action string, params, result any) error {
	given, _ := params.(map[string]any)
	return c.ask(ctx, action, given, result)
}

// readLine returns the content of a file of one line; "" when it is not there.
func readLine(path string) (string, error) {
	text, err := config.ReadSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// clientOf returns a client for the node that runs on a data folder; its url is
// "" when none does.
func clientOf(dir string) (*client, error) {
	address, err := readLine(filepath.Join(dir, urlFile))
	if err != nil {
		return nil, err
	}
	token, err := readLine(filepath.Join(dir, tokenFile))
	return &client{url: address, token: token}, err
}
