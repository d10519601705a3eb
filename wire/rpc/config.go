package rpc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Config is what a Server is told. DefaultConfig has all defaults; a node with
// several listeners has a Server, and so a Config, for each.
type Config struct {
	// Public, Operator and Probe are the roles that are served. A caller with the
	// token may do everything.
	Public, Operator, Probe bool

	// Token is what an operator sends as "Authorization: Bearer <token>". Without
	// one there are no operators.
	Token string

	// Hosts are the names, beside localhost and plain addresses, by which the
	// server may be called. A browser that was led here by a name of someone else
	// (DNS rebinding) is refused. "*" allows every name.
	Hosts []string

	// CORS lets pages of other sites use the public role.
	CORS bool

	// BodyLimit is the largest request in bytes.
	BodyLimit int64
	// MaxBatch is the most calls in a JSON-RPC batch.
	MaxBatch int
	// MaxConcurrent is how many requests are worked on at a time; further ones
	// are answered 429 at once. MaxWaiting is how many may wait beside them, for a
	// confirmation or for work.
	MaxConcurrent, MaxWaiting int
	// MaxConnections is the bound of Listen.
	MaxConnections int

	// RequestTimeout ends a request that takes longer. MaxWait is the longest
	// wait_ms; it must be shorter.
	RequestTimeout, MaxWait time.Duration

	// Rate is how many tokens a client address gets back per second, and Burst how
	// many it can save up. Most actions cost 1, costly ones up to 50. 0 turns the
	// limit off. An IPv6 client is its /64. Operators have no limit.
	Rate, Burst float64
	// Clients is how many client addresses are remembered.
	Clients int
	// LimitLoopback applies the rate to callers on the same machine too. Set it
	// when a proxy runs there that does not limit by itself.
	LimitLoopback bool

	// Metrics is served as GET /metrics to the probe role; nil: nothing is.
	Metrics http.Handler
	// Page is served as GET / to the public role: a page for people, which asks
	// what the public and the probe may ask; nil: nothing is.
	Page http.Handler

	// LogLevel sets what the log writes, and tells what holds then; "" only tells.
	// nil: there is nothing to set.
	LogLevel func(levels string) (now string, err error)

	// Settings tells what the node runs with, in the order of its file. nil: it
	// cannot be told.
	Settings func() []Setting

	// Now and Random are for tests.
	Now    func() time.Time
	Random io.Reader
}

// Setting is one of those that the node runs with.
type Setting struct {
	Name, Value string
	From        string // default, the file with the line, the variable, or the flag
}

// DefaultConfig serves all roles; it has no token yet.
func DefaultConfig() Config {
	return Config{
		Public: true, Operator: true, Probe: true,
		BodyLimit:      64 << 10,
		MaxBatch:       50,
		MaxConcurrent:  32,
		MaxWaiting:     64,
		MaxConnections: 256,
		RequestTimeout: time.Minute,
		MaxWait:        30 * time.Second,
		Rate:           50,
		Burst:          200,
		Clients:        4096,
		Now:            time.Now,
		Random:         rand.Reader,
	}
}

// Validate says what is wrong with a configuration, all at once.
func (c *Config) Validate() error {
	var faults []error
	refuse := func(format string, args ...any) { faults = append(faults, fmt.Errorf("rpc: "+format, args...)) }
	if c.BodyLimit < 1<<10 || c.BodyLimit > 1<<20 {
		refuse("body limit of %d bytes: use 1024 to 1048576", c.BodyLimit)
	}
	for _, bound := range []struct {
		name  string
		value int
	}{
		{"max batch", c.MaxBatch}, {"max concurrent", c.MaxConcurrent}, {"max waiting", c.MaxWaiting},
		{"max connections", c.MaxConnections}, {"clients", c.Clients},
	} {
		if bound.value < 1 || bound.value > 1<<16 {
			refuse("%s of %d: use 1 to 65536", bound.name, bound.value)
		}
	}
	if c.RequestTimeout < time.Second {
		refuse("request timeout of %s: use at least 1s", c.RequestTimeout)
	}
	if c.MaxWait < 0 || c.MaxWait >= c.RequestTimeout {
		refuse("max wait of %s: it must be shorter than the request timeout of %s", c.MaxWait, c.RequestTimeout)
	}
	if c.Rate < 0 || c.Burst < 0 || c.Rate > 0 && c.Burst < 1 {
		refuse("rate of %g with a burst of %g: use positive numbers, and a burst of at least 1", c.Rate, c.Burst)
	}
	if c.Token != "" && len(c.Token) < 16 {
		refuse("token of %d characters: use at least 16", len(c.Token))
	}
	if c.Now == nil || c.Random == nil {
		refuse("clock or randomness is missing: begin with DefaultConfig")
	}
	return errors.Join(faults...)
}
