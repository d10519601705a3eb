package rpc

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of how those are turned away for whom there is no connection.
const (
	maxTurnedAway  = 64          // at a time; who comes then is hung up on
	turnAwayFor    = time.Second // for the whole of it
	turnAwayRead   = 64 << 10    // bytes of a request that are read first
	turnAwayAnswer = `{"error":"Too many requests","code":"rate_limited","detail":"too many connections are open; ask again later"}` + "\n"
)

// Listen bounds the connections that are open at a time on a listener to
// Config.MaxConnections, so that idle ones cannot use up the memory of the node.
// Further ones are answered 429 and closed.
func (s *Server) Listen(l net.Listener) net.Listener {
	return &boundedListener{Listener: l, open: make(places, s.config.MaxConnections), away: make(places, maxTurnedAway)}
}

type boundedListener struct {
	net.Listener
	open, away places
}

// Accept returns the next connection that there is a place for.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err != nil:
			return nil, err
		case l.open.take():
			return &boundedConn{Conn: c, open: l.open}, nil
		case l.away.take():
			go func() {
				defer l.away.give()
				turnAway(c)
			}()
		default:
			_ = c.Close() // nothing was read from it
		}
	}
}

// turnAway answers a request without looking at it. What the client has sent is
// read first: else the system throws the answer away with it.
func turnAway(c net.Conn) {
	defer c.Close()
	if c.SetDeadline(time.Now().Add(turnAwayFor)) != nil {
		return
	}
	if _, err := c.Read(make([]byte, 16<<10)); err != nil {
		return // it has asked nothing
	}
	answer := rawAnswer(http.StatusTooManyRequests, "Retry-After: 1\r\n", turnAwayAnswer)
	if _, err := c.Write(answer); err != nil {
		return
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c, turnAwayRead) // until the client has seen the end, or the time is over
	}
}

// rawAnswer is an answer outside of the HTTP server.
func rawAnswer(status int, headers, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), headers, len(body), body)
}

// boundedConn is a connection that has a place. It answers 408 when the head of
// a request does not come to its end in time, where the HTTP server just hangs
// up.
type boundedConn struct {
	net.Conn
	open places
	once sync.Once

	busy atomic.Bool // a request is in the hands of the Server
	some atomic.Bool // something was read since the last one
}

// Read reads for the HTTP server.
func (c *boundedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case n > 0:
		c.some.Store(true)
	case isTimeout(err) && !c.busy.Load() && c.some.Swap(false):
		body := appendJSON(nil, actionError(tooSlow.because("the head of the request did not come to its end in time")))
		if c.SetWriteDeadline(time.Now().Add(turnAwayFor)) == nil {
			_, _ = c.Write(rawAnswer(http.StatusRequestTimeout, "", string(body)+"\n")) // who is gone does not want it
		}
	}
	return n, err
}

// Close closes the connection and gives its place back.
func (c *boundedConn) Close() error {
	c.once.Do(c.open.give)
	return c.Conn.Close()
}

// CloseWrite lets the HTTP server close one half first, so that an answer is
// read before the connection is gone.
func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// answering marks the connection as busy until the returned function is called.
func (c *boundedConn) answering() (done func()) {
	if c == nil {
		return func() {}
	}
	c.busy.Store(true)
	return func() {
		c.some.Store(false)
		c.busy.Store(false)
	}
}

// connKey is where a request's context holds its connection.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection of a request; nil when it did not come by
// Listen.
func connOf(r *http.Request) *boundedConn {
	c, _ := r.Context().Value(connKey{}).(*boundedConn)
	return c
}
