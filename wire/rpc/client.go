package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer is the most of an answer that a Client reads.
const maxAnswer = 16 << 20

// Client asks a node. It may be used from any goroutine.
type Client struct {
	url, token string
	http       *http.Client
}

// NewClient returns a client of the node at a URL such as
// "http://127.0.0.1:7177". The token is needed for the operator's actions only
// and may be empty. No proxy is used and no redirect followed: the token is
// for this one place.
func NewClient(url, token string) *Client {
	return &Client{url: url, token: token, http: &http.Client{
		Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

// Call asks for an action and stores the answer in result, as json.Unmarshal
// does; nil drops it. params is nil or becomes a JSON object. What the node
// refuses comes back as an *Error. The context should have a deadline.
func (c *Client) Call(ctx context.Context, action string, params, result any) error {
	if params == nil {
		params = struct{}{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "method": action, "params": params, "id": 1})
	if err != nil {
		return fmt.Errorf("rpc: parameters of %s: %w", action, err)
	}
	text, err := c.post(ctx, body)
	if err != nil {
		return fmt.Errorf("rpc: ask %s for %s: %w", c.url, action, err)
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("rpc: %s does not answer as a node does (%q); is the address right?", c.url, clip(string(text)))
	}
	if answer.Error != nil {
		return readError(text, answer.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("rpc: answer to %s: %w", action, err)
	}
	return nil
}

func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("answer is longer than %d bytes", maxAnswer)
	}
	return text, err
}

// readError reads an error of either dialect: what is refused before the body
// is read is told in that of the actions.
func readError(whole, member json.RawMessage) error {
	var byAction struct{ Error, Code, Detail string }
	if json.Unmarshal(whole, &byAction) == nil {
		return &Error{Code: byAction.Code, Text: byAction.Error, Detail: byAction.Detail}
	}
	var byMethod struct {
		Message string
		Data    struct{ Code, Detail string }
	}
	if err := json.Unmarshal(member, &byMethod); err != nil {
		return fmt.Errorf("rpc: error %q cannot be read: %w", clip(string(member)), err)
	}
	return &Error{Code: byMethod.Data.Code, Text: byMethod.Message, Detail: byMethod.Data.Detail}
}

// IsCode reports whether err is, or wraps, an Error with a code, for example
// "account_not_found".
func IsCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// URL returns the URL of a node that listens on an address such as
// "127.0.0.1:7177"; what is a URL already stays as it is.
func URL(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	return "http://" + address
}
