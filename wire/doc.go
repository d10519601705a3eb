// Package wire is the peer protocol: bytes to messages and back, the handshake
// as a pure machine, and a framed connection. PROTOCOL.md beside it holds the
// rules, testdata/vectors their test vectors.
//
// What it promises:
//
//   - A frame has one spelling. Whatever [Decode] accepts, [Append] writes again
//     to the same bytes; whatever Append writes, [ParseHeader] and Decode accept.
//     Both ends use the same checks.
//   - The length of a body is checked against the bounds of its type before a
//     byte of it is read, and every count against the length. No input makes it
//     allocate more than a few times its length, and none makes it panic.
//   - A decoded message shares no memory with the bytes it came from.
//   - It starts no goroutine and reads no clock: deadlines, cookies and keys are
//     arguments.
//
// What it does not do: it checks the form of messages, not their truth. Block
// and vote signatures, work, whether a reply was asked for, and what a peer is
// worth are for the callers. Nothing here encrypts: a node may be sure of who
// made a block or a vote (they are signed), never that nobody listens.
package wire
