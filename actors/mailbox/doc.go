// Package mailbox is the queue in front of every actor: bounded exactly, never
// blocking, never spinning, and honest about what it does not take.
//
// It implements protoactor's actor.Mailbox, because the library's own boxes
// spin on a whole core when full, deadlock a cycle of actors, and burn a core
// for ever after one nil message. A [Mailbox] has four lanes:
//
//   - system messages (lifecycle, watch, failure): always first, unbounded,
//     because only the runtime sends them and losing one wedges an actor;
//   - control messages ([Control]: refusals, ticks, shutdown): before user
//     messages, in a reserve of their own, so that a full queue can still be
//     told about itself. After a run of controlRun of them one user message gets
//     its turn, so control traffic cannot starve the queue;
//   - user messages: one FIFO, or with [Config.PerSource] one small FIFO per
//     [Source], served round robin by weight, so that one peer can fill only
//     its own queue;
//   - the poison pill: always gets in, closes the door behind it (later posts
//     get [ErrStopped]), and is delivered after everything queued before it.
//
// The promise to senders: a message that was offered is either given to the
// actor once, or refused once. A refused message that implements [Refusable]
// is told why, so that its credit, its place in a duplicate filter and whoever
// waits for an answer are restored. That holds for a full box, for a dropped
// oldest message, for what is still queued when the actor stops, and for a
// message whose handler panicked ([ErrFailed]).
//
// [Credits] is the other half of back-pressure: a reader at the edge takes a
// credit before it reads a frame and the message gives it back when it is
// handled or refused.
//
// Only edges (sockets, HTTP) may wait, with [Mailbox.PostWait] or
// [Credits.Acquire]. An actor never does: it posts, and treats a refusal as a
// normal answer. The package starts no goroutine and reads no clock of its own.
//
// A message that holds a batch is one message, unlike in the library's boxes.
//
// Do not use it as a general queue: it is single-consumer and its consumer is an
// actor.
package mailbox
