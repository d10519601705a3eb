// Package supervise runs actors so that no failure of one of them ends the node.
//
// It wraps protoactor, which is used as a kernel only (PIDs, context,
// lifecycle), and replaces what is around that kernel:
//
//   - [NewSystem] makes an actor system whose registry works on 32-bit machines and
//     that starts no goroutine of its own;
//   - [System.Props] is the one way to describe an actor: it sets the mailbox, the
//     dispatcher, the supervision and the wrapper, none of which children inherit;
//   - a failed actor is restarted with exponential back-off and jitter, for ever
//     ([Backoff]); its siblings keep running, its queue is kept, the failing
//     message is reported and not retried. A per-connection actor is stopped instead;
//   - [Health] knows the state of every actor without asking it;
//   - [Root] spawns the subsystems in order and stops them in reverse, with deadlines;
//   - [Pool] and [Dedicated] run turns on long-lived goroutines.
//
// What an actor can rely on: New is called on the actor's own turn, so a panic in
// it is a failure like any other; Started is delivered to each new instance;
// Restarting or Stopping ends an instance, and both must release what it holds; no
// user message arrives after Stopping; a panic in Restarting, Stopping or Stopped is
// recorded and otherwise ignored, so that it cannot hang a shutdown.
//
// Deterministic worlds: with a caller's Dispatcher that runs turns on one goroutine
// (Throughput 1), a [Manual] clock and a seeded rand, everything here is a function of
// its inputs. No goroutine and no timer is started except by the dispatchers and
// the clock given in Config.
//
// Do not use protoactor's futures, receive timeouts, stash, scheduler or
// mailboxes beside it.
package supervise
