package rpc

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type sinceAnswer struct {
	Confirmations []struct{ Sequence, Hash string }
	Seq, Code     string
}

func since(t *testing.T, w *httptest.ResponseRecorder) (a sinceAnswer) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		start, done := time.Now(), make(chan *httptest.ResponseRecorder)
		go func() { done <- b.post(`{"action":"confirmations_since","seq":"12","wait_ms":"5000"}`, nil) }()
		synctest.Wait()
		if held := len(b.server.working); held != 0 {
			t.Errorf("a caller who waits holds %d places", held)
		}
		<-time.After(2 * time.Second) // of the bubble
		b.node.confirm(b.blocks["alice_change"])
		a := since(t, <-done)
		if len(a.Confirmations) != 1 || a.Confirmations[0].Hash != b.blocks["alice_change"].String() || a.Seq != "13" {
			t.Errorf("answer is %+v", a)
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("waited %s", waited)
		}
		if len(b.server.waiting) != 0 || len(b.server.working) != 0 {
			t.Error("a place was not given back")
		}
	})
}

func TestLongPollEndsWithNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		for wait, want := range map[string]time.Duration{"5000": 5 * time.Second, "99999999999": b.config.MaxWait} {
			start := time.Now()
			w := b.post(`{"action":"confirmations_since","seq":"12","wait_ms":`+wait+`}`, nil)
			if a := since(t, w); w.Code != http.StatusOK || a.Code != "" || len(a.Confirmations) != 0 || a.Seq != "12" {
				t.Errorf("answer is %d %+v", w.Code, a)
			}
			if waited := time.Since(start); waited != want {
				t.Errorf("wait_ms %s: waited %s", wait, waited)
			}
		}
	})
}

// Whoever goes away no longer waits.
func TestLongPollOfOneWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan *httptest.ResponseRecorder)
		go func() {
			done <- b.post(`{"action":"confirmations_since","seq":"12","wait_ms":"5000"}`, func(r *http.Request) { *r = *r.WithContext(ctx) })
		}()
		synctest.Wait()
		leave()
		start := time.Now()
		if a := since(t, <-done); a.Code != timedOut.code || time.Since(start) != 0 {
			t.Errorf("answer is %+v after %s", a, time.Since(start))
		}
		if len(b.server.waiting) != 0 {
			t.Error("its place was not given back")
		}
	})
}

func TestLongPollErrors(t *testing.T) {
	for err, code := range map[error]string{ErrStopping: stopping.code, ErrOverloaded: overloaded.code} {
		b := newBench(t, nil)
		b.node.waitError = err
		if a := since(t, b.post(`{"action":"confirmations_since","seq":"12","wait_ms":"5000"}`, nil)); a.Code != code {
			t.Errorf("%v: answer is %+v", err, a)
		}
	}
}

// Requests beyond the bound are refused at once, and those within it are
// answered; no place is lost.
func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 4
		b := newBench(t, func(c *Config) { c.MaxConcurrent, c.Rate = most, 0 })
		slow := &slowNode{fakeNode: b.node, gate: make(chan struct{})}
		b.server.backend = slow
		codes := make(chan int)
		for range 3 * most {
			go func() { codes <- b.post(`{"action":"block_count"}`, nil).Code }()
		}
		for range 2 * most {
			if code := <-codes; code != http.StatusTooManyRequests {
				t.Errorf("a request beyond the bound answers %d", code)
			}
		}
		close(slow.gate)
		for range most {
			if code := <-codes; code != http.StatusOK {
				t.Errorf("a request within the bound answers %d", code)
			}
		}
		if len(b.server.working) != 0 {
			t.Error("a place was not given back")
		}
	})
}

// slowNode answers View only when its gate is open.
type slowNode struct {
	*fakeNode
	gate chan struct{}
}

func (s *slowNode) View(f func(Ledger) error) error {
	<-s.gate
	return s.fakeNode.View(f)
}

// A handler that panics costs one answer, and no place.
func TestPanicsAreAnswered(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Rate = 0 })
	b.node.panics = true
	for range 2 * b.config.MaxConcurrent {
		if w := b.post(`{"action":"block_count"}`, nil); w.Code != http.StatusInternalServerError || codeOf(t, w) != internalError.code {
			t.Fatalf("answer is %d %s", w.Code, w.Body)
		}
	}
	w := b.post(`[{"jsonrpc":"2.0","method":"block_count","id":1},{"jsonrpc":"2.0","method":"uptime","id":2}]`, nil)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"seconds"`) {
		t.Errorf("one call of a batch takes the others with it: %d %s", w.Code, w.Body)
	}
}

// A request that has waited keeps a place among those who wait until it is
// answered, so that a batch cannot get around the bounds.
func TestWaiterKeepsItsPlace(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxWaiting = 1 })
	var during []int
	b.server.backend = &watchingNode{fakeNode: b.node, look: func() { during = append(during, len(b.server.working), len(b.server.waiting)) }}
	call := `{"jsonrpc":"2.0","method":"work_generate","params":{"hash":"` + b.blocks["genesis"].String() + `"},"id":1}`
	w := b.post("["+call+`,{"jsonrpc":"2.0","method":"block_count","id":2},`+call+"]", nil)
	if strings.Contains(w.Body.String(), "error") || len(during) != 2 || during[0] != 0 || during[1] != 1 {
		t.Errorf("places %v: %s", during, w.Body)
	}
	if len(b.server.working) != 0 || len(b.server.waiting) != 0 {
		t.Error("a place was not given back")
	}
}

// watchingNode calls look in every View.
type watchingNode struct {
	*fakeNode
	look func()
}

func (n *watchingNode) View(f func(Ledger) error) error {
	n.look()
	return n.fakeNode.View(f)
}
