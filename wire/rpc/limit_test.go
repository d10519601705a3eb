package rpc

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestClientOf(t *testing.T) {
	same := func(a, b string) bool { return clientOf(mustAddr(a)) == clientOf(mustAddr(b)) }
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:1:2:3", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		if same(c.a, c.b) != c.want {
			t.Errorf("%s and %s: want same client %v", c.a, c.b, c.want)
		}
	}
}

// A bucket gives what a dumb sum over the past says it may: never more tokens
// than burst and rate allow, and never a refusal while there are some.
func TestBucketAgainstASum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := float64(rapid.IntRange(1, 20).Draw(t, "rate"))
		burst := float64(rapid.IntRange(1, 50).Draw(t, "burst"))
		now := time.Unix(1000, 0)
		table := newClients(rate, burst, 3, func() time.Time { return now })
		c := &caller{table, clientOf(mustAddr("192.0.2.1"))}
		tokens := burst
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			passed := rapid.IntRange(0, 3).Draw(t, "seconds")
			now = now.Add(time.Duration(passed) * time.Second)
			tokens = min(burst, tokens+float64(passed)*rate)
			if got := c.refused() == 0; got != (tokens >= 1) {
				t.Fatalf("%g tokens: allowed is %v", tokens, got)
			}
			if tokens < 1 {
				if wait := c.refused(); time.Duration((1-tokens)/rate*float64(time.Second)) != wait {
					t.Fatalf("%g tokens: wait is %s", tokens, wait)
				}
				continue
			}
			cost := rapid.IntRange(0, 60).Draw(t, "cost")
			c.charge(cost)
			tokens = max(tokens-float64(cost), -burst)
		}
	})
}

func TestClientTableIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	table := newClients(1, 10, 100, func() time.Time { return now })
	first := &caller{table, clientOf(mustAddr("192.0.2.1"))}
	first.charge(20)
	for i := range 1000 {
		c := &caller{table, clientOf(mustAddr(fmt.Sprintf("10.0.%d.%d", i/250, i%250)))}
		c.charge(1)
		if i%50 == 0 && first.refused() == 0 {
			t.Fatal("a caller who asks again and again was forgotten")
		}
		if len(table.table) > 100 || table.recent.Len() != len(table.table) {
			t.Fatalf("%d clients are remembered", len(table.table))
		}
	}
}

func from(addr string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = net.JoinHostPort(addr, "5555") }
}

func TestRateByCost(t *testing.T) {
	for _, c := range []struct {
		body  string
		calls int // until the bucket of 200 is empty
	}{
		{`{"action":"uptime"}`, 200},
		{`{"action":"nothing"}`, 200},
		{`not json`, 200},
		{`{"action":"stop"}`, 200},
		{`{"action":"account_history","account":"` + alice.account.String() + `","count":-1}`, 9}, // 3 + 20
		{`{"action":"work_validate"}`, 200},
		{`{"jsonrpc":"2.0","method":"process"}`, 40},
		{`[1,2,3,4]`, 50},
	} {
		b := newBench(t, nil)
		n := 0
		for b.post(c.body, from("198.51.100.7")).Code != http.StatusTooManyRequests {
			n++
		}
		if n != c.calls {
			t.Errorf("%s: %d calls until refused, want %d", c.body, n, c.calls)
		}
		w := b.post(c.body, from("198.51.100.7"))
		if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || seconds < 1 {
			t.Errorf("%s: Retry-After is %q", c.body, w.Header().Get("Retry-After"))
		}
		b.now = b.now.Add(time.Minute)
		if b.post(c.body, from("198.51.100.7")).Code == http.StatusTooManyRequests {
			t.Errorf("%s: refused after a minute", c.body)
		}
	}
}

func TestWhoIsLimited(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  func(*Config)
		from    func(*http.Request)
		limited bool
	}{
		{"far away", nil, from("198.51.100.7"), true},
		{"the same machine", nil, from("127.0.0.1"), false},
		{"the same machine by IPv6", nil, from("::1"), false},
		{"the same machine by a mapped address", nil, from("::ffff:127.0.0.1"), false},
		{"the same machine behind a proxy", func(c *Config) { c.LimitLoopback = true }, from("127.0.0.1"), true},
		{"an operator", nil, asOperator, false},
		{"a unix socket", nil, func(r *http.Request) { r.RemoteAddr = "@" }, false},
		{"no limit", func(c *Config) { c.Rate = 0 }, from("198.51.100.7"), false},
	} {
		b := newBench(t, c.config)
		refused := false
		for range 250 {
			refused = refused || b.post(`{"action":"uptime"}`, c.from).Code == http.StatusTooManyRequests
		}
		if refused != c.limited {
			t.Errorf("%s: limited is %v", c.name, refused)
		}
	}
}

// In a batch each call is paid for, and those that cannot be paid are refused
// one by one.
func TestBatchIsPaidFor(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Burst = 10 })
	call := `{"jsonrpc":"2.0","method":"uptime","id":1}`
	w := b.post("["+strings.Repeat(call+",", 19)+call+"]", nil)
	var answers []struct {
		Result any
		Error  *struct{ Data struct{ Code string } }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answers); err != nil || len(answers) != 20 || w.Code != http.StatusOK {
		t.Fatalf("%d %v: %s", w.Code, err, w.Body)
	}
	for i, a := range answers {
		if refused := a.Error != nil && a.Error.Data.Code == rateLimited.code; refused != (i >= 10) {
			t.Errorf("call %d: refused is %v", i, refused)
		}
	}
}

// A batch with long answers is cut, and says so.
func TestBatchAnswerIsBounded(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Rate = 0 })
	b.node.ledger.bulk = 1000
	call := `{"jsonrpc":"2.0","method":"receivable","params":{"account":"` + alice.account.String() + `","source":true,"include_only_confirmed":false},"id":1}`
	w := b.post("["+strings.Repeat(call+",", 49)+call+"]", nil)
	if size := w.Body.Len(); size < maxBatchAnswer || size > maxBatchAnswer+(1<<19) {
		t.Errorf("answer of %d bytes", size)
	}
	if !strings.Contains(w.Body.String(), batchTooLarge.code) {
		t.Error("the answer does not say that it was cut")
	}
}

func TestListenIsBounded(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxConnections = 2 })
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := b.server.Listen(inner)
	defer l.Close()
	accepted := make(chan net.Conn, 3)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	defer dial().Close()
	defer dial().Close()
	one, two := <-accepted, <-accepted
	turnedAway := func(c net.Conn) {
		t.Helper()
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 429 ") || !strings.Contains(string(text), rateLimited.code) {
			t.Fatalf("a third connection: %q, %v", text, err)
		}
	}
	refused := dial()
	defer refused.Close()
	turnedAway(refused)
	one.Close()
	one.Close() // gives one place back, not two
	defer dial().Close()
	defer (<-accepted).Close()
	again := dial()
	defer again.Close()
	turnedAway(again)
	two.Close()
}

// listening serves a bench on the loopback by its own listener, and returns what
// sends the beginning of a request and what reads the answer.
func listening(t *testing.T, b *bench, change func(*http.Server)) (half func(string) net.Conn, want func(net.Conn, string)) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, ended := b.server.HTTP(), make(chan struct{})
	change(s)
	go func() {
		defer close(ended)
		_ = s.Serve(b.server.Listen(inner))
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	half = func(text string) net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		return c
	}
	want = func(c net.Conn, status string) {
		t.Helper()
		if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 "+status) || !strings.Contains(string(text), `"code":`) {
			t.Errorf("%q, %v, want %s", text, err, status)
		}
	}
	return half, want
}

// halfHead is the beginning of a request.
const halfHead = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"

// Who comes when all connections are in use, with half a request, sees why.
func TestHalfRequestsAreTurnedAway(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxConnections = 3 })
	half, want := listening(t, b, func(*http.Server) {})
	half(halfHead)
	half(halfHead + "\r\n{")
	half("POST")
	want(half(halfHead+"\r\n{"), "429")
	want(half("P"), "429")
}

// Who never comes to the end of a request sees that it took too long.
func TestHalfRequestsAreAnswered(t *testing.T) {
	half, want := listening(t, newBench(t, nil), func(s *http.Server) {
		s.ReadHeaderTimeout, s.ReadTimeout = 200*time.Millisecond, 200*time.Millisecond
	})
	for _, text := range []string{halfHead, halfHead + "\r\n{", "POST"} {
		want(half(text), "408")
	}
}

// A body that is far too large is answered to a client that reads only after it
// has sent all.
func TestLargeBodyIsAnswered(t *testing.T) {
	const size = 20 << 20
	half, want := listening(t, newBench(t, nil), func(s *http.Server) { s.ReadTimeout = time.Minute })
	want(half(fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat(" ", size))), "413")
}
