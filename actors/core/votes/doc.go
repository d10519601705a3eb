// Package votes keeps votes between the moment they are known and the moment
// they are of use. Its parts are small machines that know nothing of each other:
//
//   - Cache holds votes for blocks that are not here yet or have no election, and
//     plays them back when one starts;
//   - Spacing tells when a representative of this node may vote for another block
//     of a root that it has voted on;
//   - Bundle gathers own votes so that many blocks share one signature;
//   - Recent remembers the newest of anything, to know what was seen before.
//
// Each promises its bounds, takes the time as an argument, and gives the same
// answers for the same calls. None checks a signature or stores a final vote:
// by the time a vote gets here the first was done, and the promise that a root
// gets one final vote for ever is the store's to keep, not theirs.
package votes
