// Package election decides which block of a root is confirmed, from the votes of
// representatives: open representative voting.
//
// Elections holds all elections that run. It is a machine: the verbs (Start,
// Fork, Vote, Cemented, ...) tell it what happened, Tick tells it the time, and
// Ready drains what is to be done about it. It draws no conclusions from what it
// asked for: what was confirmed is said again until Cemented answers, a winner
// that is not in the ledger is asked for again until Inserted answers. So a lost
// or refused message costs time and nothing else.
//
// It promises:
//   - a block is confirmed when, and only when, final votes for it have at least
//     delta, counted with the weights of that moment;
//   - a representative counts once in an election and its final vote is never
//     replaced; who votes finally for two blocks, which none may do, counts for
//     each, as others may have heard of either;
//   - so while less than a third of the weight votes final for two blocks of one
//     root, no two nodes confirm different blocks of it;
//   - a root on which delta agrees is decided, whatever the rest votes for;
//   - the same calls give the same outputs in the same order;
//   - nothing grows beyond a named bound.
//
// It does not check signatures, store final votes or look into the ledger: the
// caller does that before (votes that come in are valid) and after (a final vote
// that was asked for is made only if the stored one of its root is the same).
package election
