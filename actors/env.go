package actors

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/smallnano/smallnano/actors/supervise"
	"github.com/smallnano/smallnano/crypto"
	"github.com/smallnano/smallnano/messages"
	"github.com/smallnano/smallnano/messages/lattice"
	"github.com/smallnano/smallnano/storage"
)

// Env is everything that a node takes from outside. The simulator gives
// another one than cmd does; nothing else tells them apart.
type Env struct {
	Clock supervise.Clock
	// Seed is where the random generators of the actors start. Nothing that must
	// not be guessed depends on it.
	Seed uint64
	// Secret is a source of unpredictable bytes: cookies, batch verification.
	Secret io.Reader
	// Dispatcher runs actors that never block, Dedicated makes the dispatcher of
	// one that does; nil runs it on Dispatcher.
	Dispatcher actor.Dispatcher
	Dedicated  func() actor.Dispatcher
	Workers    Workers
	// Verify checks signatures; nil is crypto.VerifyBatch with Secret. Another one
	// must come to the same answers.
	Verify func([]crypto.Check) []bool
	// SignVote does what lattice.Vote.Sign does; nil is that. SignHandshake does what
	// crypto.PrivateKey.Sign does; nil is that. Others go with another Verify.
	SignVote      func(v *lattice.Vote, id lattice.NetworkID, key crypto.PrivateKey)
	SignHandshake func(key crypto.PrivateKey, message []byte) crypto.Signature
	Network       Network
	Store         storage.Store
	Log           *slog.Logger
}

// verify checks signatures as a batch.
func (e *Env) verify(checks []crypto.Check) []bool {
	if e.Verify != nil {
		return e.Verify(checks)
	}
	return crypto.VerifyBatch(checks, e.Secret)
}

// verifyOne checks a signature by itself.
func (e *Env) verifyOne(c crypto.Check) bool {
	if e.Verify != nil {
		return e.Verify([]crypto.Check{c})[0]
	}
	return crypto.Verify(c.Key, c.Message, c.Signature)
}

// signVote signs a vote.
func (e *Env) signVote(v *lattice.Vote, id lattice.NetworkID, key crypto.PrivateKey) {
	if e.SignVote != nil {
		e.SignVote(v, id, key)
		return
	}
	v.Sign(id, key)
}

// rand returns the generator of one actor.
func (e *Env) rand(name string) *rand.Rand {
	var h uint64 = 14695981039346656037 // FNV-1a, so that each actor has its own sequence
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(e.Seed, h))
}

// after tells r m in d from now.
func after[M any](e *Env, d time.Duration, r Ref[M], m M) (stop func() bool) {
	return e.Clock.AfterFunc(d, func() { r.Tell(m) })
}

// Network is how a node reaches others. Its methods never block; the functions
// given to them are called from any goroutine and must not block either.
type Network interface {
	// Listen accepts connections until the Listener is closed. Nothing is made for
	// one that is not wanted. The two functions are not called at the same time.
	Listen(address netip.AddrPort, wanted func(netip.AddrPort) bool, accept func(messages.Link)) (Listener, error)
	// Dial connects; done is called once, within the time limit.
	Dial(to netip.AddrPort, limit time.Duration, done func(messages.Link, error))
	// Resolve looks up the addresses of host:port; done is called once.
	Resolve(hostPort string, done func([]netip.AddrPort, error))
}

// Listener is an open port.
type Listener interface {
	Address() netip.AddrPort
	Close() error
}

// Workers runs what takes long and touches nothing shared.
type Workers interface {
	// Split calls f for ranges that together cover 0..n-1, on several cores where
	// that pays, and returns when all are done.
	Split(n int, f func(from, to int))
	// Go runs f beside the actors.
	Go(f func())
}

// Cores is the Workers of a real node.
type Cores struct {
	// Most is how many goroutines Split uses at once; 0 means GOMAXPROCS.
	Most int
}

// splitAt is how many items are worth a goroutine of their own: signature
// checks take 20 µs and more each.
const splitAt = 8

// Split implements Workers.
func (c Cores) Split(n int, f func(from, to int)) {
	parts := c.Most
	if parts == 0 {
		parts = runtime.GOMAXPROCS(0)
	}
	parts = min(parts, (n+splitAt-1)/splitAt)
	if parts <= 1 {
		f(0, n)
		return
	}
	var wait sync.WaitGroup
	for p := 1; p < parts; p++ {
		wait.Go(func() { f(n*p/parts, n*(p+1)/parts) })
	}
	f(0, n/parts)
	wait.Wait()
}

// Go implements Workers.
func (Cores) Go(f func()) { go f() }
