package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 16 << 20

// client asks a node over its RPC. Safe for concurrent use.
type client struct {
	url   string
	token string // "" asks as the public does
	http  http.Client
}

// refusal is an answer that says why something was not done.
type refusal struct {
	Text   string `json:"error"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (r *refusal) Error() string {
	if r.Detail == "" {
		return r.Text
	}
	return r.Text + ": " + r.Detail
}

// call asks one action and returns its answer, or a *refusal beside it.
func (c *client) call(ctx context.Context, action string, params map[string]any) (json.RawMessage, error) {
	body := map[string]any{"action": action}
	for name, value := range params {
		body[name] = value
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(text))
	if err != nil {
		return nil, misused("%v", err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the node: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s: the answer broke off: %w", action, err)
	}
	var refused refusal
	if err := json.Unmarshal(answer, &refused); err != nil {
		return nil, fmt.Errorf("%s: %s does not answer like a node: %s", action, c.url, response.Status)
	}
	if refused.Text != "" {
		return answer, &refused
	}
	return answer, nil
}

// ask is call, with the answer decoded into to.
func (c *client) ask(ctx context.Context, action string, params map[string]any, to any) error {
	answer, err := c.call(ctx, action, params)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if err := json.Unmarshal(answer, to); err != nil {
		return fmt.Errorf("%s: the answer is not as expected: %w", action, err)
	}
	return nil
}

// readLine returns the content of a file of one line; "" when it is not there.
func readLine(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// clientOf returns a client for the node that runs on a data folder; its url is
// "" when none does.
func clientOf(dir string) (*client, error) {
	url, err := readLine(filepath.Join(dir, urlFile))
	if err != nil {
		return nil, err
	}
	token, err := readLine(filepath.Join(dir, tokenFile))
	return &client{url: url, token: token}, err
}
